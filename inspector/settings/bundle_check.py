"""Owns what is checked between a config and its bundle: labels, and the bits a camera fills in a 16-bit picture."""

from collections.abc import Iterator, Sequence

from inspector.errors import ConfigError
from inspector.settings import decisions, rules
from inspector.settings.settings import Settings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.vision.bundle import Bundle, Label


def check_labels(settings: Settings, labels: Sequence[Label]) -> None:
    """Raise ConfigError if the line names labels that the bundle does not have: no frame would ever get them."""
    unknown = [
        *decisions.unknown_labels(settings.decision, settings.recipes, labels),
        *rules.unknown_labels(settings.alarms, settings.grading, labels),
    ]
    if unknown:
        raise ConfigError("\n".join(unknown))


def check_bit_depth(settings: Settings, model: Bundle) -> None:
    """Raise ConfigError if a source sets no bit depth and the model learned from images of another one than 16."""
    learned = model.manifest.preprocessing.bit_depth
    problems = [
        f"sources.{source.name}.bit_depth: the bundle learned from pictures that use {learned} of 16 bits: set it to "
        f"{learned}, or to what this camera fills"
        for source in _others(settings, model)
        if "bit_depth" not in source.model_fields_set
    ]
    if problems:
        raise ConfigError("\n".join(problems))


def bit_depth_notes(settings: Settings, model: Bundle) -> Iterator[str]:
    """Yield a note for each source of another bit depth than the model learned from: another camera, or a mistake."""
    learned = model.manifest.preprocessing.bit_depth
    for source in _others(settings, model):
        yield f"{source.name} has bit_depth {source.bit_depth}, the pictures that the bundle learned from {learned}"


def _others(settings: Settings, model: Bundle) -> list[FolderSourceSettings | PushSourceSettings]:
    learned = model.manifest.preprocessing.bit_depth
    sources = [source for source in settings.sources if isinstance(source, FolderSourceSettings | PushSourceSettings)]
    return [source for source in sources if learned is not None and source.bit_depth != learned]
