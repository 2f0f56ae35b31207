"""Every process of a line that is started with this folder on its path has the fault that PLANTED names."""

import tests.planted  # noqa: F401
