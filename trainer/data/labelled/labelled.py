"""Owns the pictures that people labelled on lines: each frame's views, with the labels of the recipe."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.record.labels.labels import OK
from trainer.data import crop
from trainer.data.formats.annotations import some
from trainer.data.formats.boxes import Unusable
from trainer.data.labelled import frames, views
from trainer.data.labelled.frames import FirstLabel, LabelledFrame
from trainer.data.manifest import LABELLED, DataError

#: Labels of which an error names all, with how many frames have them.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture, or a view of one, with what a person said it shows; and the line's folder, as a source."""

    path: str
    label: str
    source: str
    first: FirstLabel


@dataclass(frozen=True, slots=True)
class Labelled:
    """What people said on all lines: pictures, and every frame (source and frame) that they said anything of."""

    pictures: tuple[LabelledPicture, ...] = ()
    reviewed: frozenset[tuple[str, str]] = frozenset()


def read(
    lines: Sequence[Path], names: Mapping[str, str], view_px: int, clean: str | None, notes: list[str]
) -> Labelled:
    """Return what people labelled on the lines. `names`: the recipe's label of each label and alias.

    Left out, counted and named in `notes`: frames on which people disagree, whose picture was not kept, or of which
    nobody said what a view of `view_px` shows. `clean`: the recipe's label of clean strip, None: none or several.

    Raises:
        DataError: a line or its labels cannot be used, or the recipe does not know a label.
    """
    found = [one for line in dict.fromkeys(line.resolve() for line in lines) for one in frames.read(line)]
    names = {OK: clean, **names} if clean else names
    _refuse_unknown(found, names)
    left_out: defaultdict[tuple[Path, str], list[str]] = defaultdict(list)
    pictures: list[LabelledPicture] = []
    for frame in found:
        try:
            path = _picture(frame)
            cut = views.of(frame, names, names.get(OK, ""), view_px)
        except Unusable as error:
            left_out[frame.line, str(error)].append(frame.record.name)
            continue
        source = f"{LABELLED}{frame.line}"
        pictures += (
            LabelledPicture(crop.name(path, box) if box else path, label, source, frame.first) for label, box in cut
        )
    notes += _notes(lines, found, left_out)
    return Labelled(tuple(pictures), frozenset((one.first.source, one.first.frame) for one in found))


def _picture(frame: LabelledFrame) -> str:
    if frame.picture is None:
        raise Unusable("no picture was kept when it was labelled")
    if not frame.picture.is_file():
        raise Unusable("the kept picture is gone")
    return str(frame.picture)


def _refuse_unknown(found: Iterable[LabelledFrame], names: Mapping[str, str]) -> None:
    unknown: Counter[str] = Counter()
    for frame in found:
        said = {frame.whole, *frame.regions.values()} - {""}
        unknown.update(label for label in said if label not in names)
    if not unknown:
        return
    listed = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(_NAMED))
    example = next(iter(unknown))
    kind = "kind: ok, severity: none" if example == OK else "severity: major"
    raise DataError(
        f"people gave frames labels that are no label or alias of the recipe: {listed}; add to its labels "
        f"`- {{name: {example}, {kind}}}`, or write {example!r} among the aliases of the label that it belongs to "
        f"({', '.join(sorted(set(names.values())))})"
    )


def _notes(
    lines: Sequence[Path], found: Sequence[LabelledFrame], left_out: Mapping[tuple[Path, str], list[str]]
) -> list[str]:
    count = Counter(one.line for one in found)
    empty = [f"{line}: nobody has labelled a frame of this line yet" for line in lines if not count[line.resolve()]]
    return empty + [
        f"{line}: {len(left)} of {count[line]} labelled frames left out, {reason}: {some(left)}"
        for (line, reason), left in left_out.items()
    ]
