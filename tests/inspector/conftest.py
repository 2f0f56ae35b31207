"""Sees to it that the inspector is imported before OpenCV, whose limits it sets, as in every process of ours."""

import inspector  # noqa: F401
