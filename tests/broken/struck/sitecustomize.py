"""The sound build, whose sink can be killed between delivering rows to a follower and moving its cursor."""

import tests.struck  # noqa: F401
