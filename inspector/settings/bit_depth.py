"""Owns what a line's sources and its bundle say of the bits that a camera fills in a 16-bit picture, held together."""

from collections.abc import Iterator

from inspector.errors import ConfigError
from inspector.settings.settings import Settings
from inspector.settings.sources import FolderSource, PushSource
from inspector.vision.bundle import Bundle


def refuse(settings: Settings, model: Bundle) -> None:
    """ConfigError where a source says nothing of its depth and 16 is not what the model learned from."""
    learned = model.manifest.preprocessing.bit_depth
    problems = [
        f"sources.{source.name}.bit_depth: the bundle learned from pictures that use {learned} of 16 bits: set it to "
        f"{learned}, or to what this camera fills"
        for source in _others(settings, model)
        if "bit_depth" not in source.model_fields_set
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def notes(settings: Settings, model: Bundle) -> Iterator[str]:
    """Where a source says another depth than the model learned from: right for another camera, else a mistake."""
    learned = model.manifest.preprocessing.bit_depth
    for source in _others(settings, model):
        yield f"{source.name} has bit_depth {source.bit_depth}, the pictures that the bundle learned from {learned}"


def _others(settings: Settings, model: Bundle) -> list[FolderSource | PushSource]:
    learned = model.manifest.preprocessing.bit_depth
    sources = [source for source in settings.sources if isinstance(source, FolderSource | PushSource)]
    return [source for source in sources if learned is not None and source.bit_depth != learned]
