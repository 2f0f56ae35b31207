"""Owns freezing: which parameters stay as they are, named by stage or by layer."""

from collections.abc import Iterable, Sequence

from inspector.errors import ConfigError


def frozen(names: Sequence[str], wanted: Iterable[str], depths: Sequence[int]) -> set[str]:
    """Return those of all parameter names that are to be frozen.

    An entry of `wanted` is `stem`, `stage1` to `stage4`, or a layer's name: blocks.0 is all of the first block.
    `depths` has the blocks of each stage.

    Raises:
        ConfigError: an entry names no layer, or nothing is left to train.
    """
    found: set[str] = set()
    for entry in wanted:
        layers = _layers(entry, depths)
        below = {name for name in names if any(f"{name}.".startswith(f"{layer}.") for layer in layers)}
        if not below:
            stages = ", ".join(f"stage{number}" for number in range(1, len(depths) + 1))
            raise ConfigError(
                f"training.freeze: {entry!r} is no layer of this network; stem, {stages}, fc are, or a name such as "
                f"{names[0].rpartition('.')[0]}"
            )
        found |= below
    if found.issuperset(names):
        raise ConfigError("training.freeze: nothing is left to train; leave out fc, the head")
    return found


def _layers(entry: str, depths: Sequence[int]) -> list[str]:
    for stage, depth in enumerate(depths):
        if entry == f"stage{stage + 1}":
            return [f"blocks.{sum(depths[:stage]) + block}" for block in range(depth)]
    return [entry]
