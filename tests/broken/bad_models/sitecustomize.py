"""The sound build, whose fake engine misbehaves for models that are named after what they do."""

import tests.bad_models  # noqa: F401
