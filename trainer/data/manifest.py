"""Owns the manifest: the plain file of what is trained and evaluated on. A person can edit it and train again.

# strip-inspector manifest 1
# root: /data/neu-cls
# label: ok ok none                      name, kind, severity; the order is the network's outputs
# label: crazing defect critical
path<tab>label<tab>split<tab>source<tab>group
Cr/Cr_227.bmp<tab>crazing<tab>train<tab>train.txt<tab>Cr/Cr_12.bmp
simulated:crazing:1000017<tab>crazing<tab>eval<tab>simulated<tab>

The last cell may be missing: pictures of one group show the same piece of strip, a picture without is alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from inspector.errors import InspectorError
from inspector.host import atomic
from inspector.vision.bundle import Label
from trainer.data.formats import lines

_TITLE = "# strip-inspector manifest 1"
_HEADER = "path\tlabel\tsplit\tsource\tgroup"
_HEADERS = (_HEADER.split("\t"), _HEADER.split("\t")[:4])  # the second before there were groups
SIMULATED = "simulated:"
#: Behind it for a view whose border may cut the defect.
CUT = "cut:"
#: Prefix of the source of a row whose label the inspector's model gave, and nobody has reviewed since.
RECORDED = "recorded:"
#: Prefix of the source of a row whose label a person gave on a line; the line's data folder follows.
LABELLED = "labelled:"

Split = Literal["train", "val", "eval"]
SPLITS: tuple[Split, ...] = get_args(Split)


class DataError(InspectorError):
    """Raised when lists, folders or a manifest do not say what to learn. The message names file and line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One image: a path under the manifest's root, or `simulated:label:seed`; its label, split, origin and group.

    Rows of one group are of one photograph, coil or part; prepare names a group after its first picture. "" is alone.
    """

    path: str
    label: str
    split: Split
    source: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Labels in the order of the network's outputs, and the rows.

    `bit_depth`: how many bits its pictures of 16 use; None: it has none.
    """

    root: Path
    labels: tuple[Label, ...]
    rows: tuple[Row, ...]
    bit_depth: int | None = None

    def split(self, split: Split) -> tuple[Row, ...]:
        """Return the rows of one split, in the file's order."""
        return tuple(row for row in self.rows if row.split == split)

    def trained_groups(self) -> set[str]:
        """Return the groups of which training sees a picture: to fit weights, or to choose epoch and thresholds."""
        return {row.group for row in self.rows if row.group and row.split != "eval"}


def write(path: Path, manifest: Manifest) -> None:
    """Write the manifest whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in _lines(manifest))
    atomic.write(path, text.encode(errors="surrogateescape"))


def read(path: Path) -> Manifest:
    """Read a manifest, perhaps edited by hand.

    Raises:
        DataError: names the line and what would be right.
    """
    try:
        content = lines.text(path, any_names=True).split("\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path}: {reason}; `trainer prepare` writes it") from None
    if content[0].strip() != _TITLE:
        raise DataError(f"{path}, line 1: {_TITLE!r} is expected; `trainer prepare` writes it")
    comments = [(n, line[2:]) for n, line in enumerate(content, 1) if line.startswith("# ")]
    labels = tuple(_label(path, number, text[7:]) for number, text in comments if text.startswith("label: "))
    root = next((text[6:] for _, text in comments if text.startswith("root: ")), "")
    rows = tuple(_rows(path, content, {label.name for label in labels}))
    depths = [_bit_depth(path, number, text[11:]) for number, text in comments if text.startswith("bit_depth: ")]
    return Manifest(Path(root), labels, rows, depths[0] if depths else None)


def _lines(manifest: Manifest) -> Iterable[str]:
    yield _TITLE
    yield f"# root: {manifest.root}"
    for label in manifest.labels:
        yield f"# label: {label.name} {label.kind} {label.severity}"
    if manifest.bit_depth is not None:
        yield f"# bit_depth: {manifest.bit_depth}"
    yield _HEADER
    for row in manifest.rows:
        yield f"{row.path}\t{row.label}\t{row.split}\t{row.source}\t{row.group}"


def _bit_depth(path: Path, number: int, text: str) -> int:
    if text.strip() not in map(str, range(8, 17)):
        raise DataError(f"{path}, line {number}: `# bit_depth: 8` to 16 is expected, got {text!r}")
    return int(text)


def _label(path: Path, number: int, text: str) -> Label:
    try:
        name, kind, severity = text.split()
        return Label.model_validate({"name": name, "kind": kind, "severity": severity})
    except (ValueError, ValidationError):
        raise DataError(
            f"{path}, line {number}: `# label: name ok|defect none|minor|major|critical` is expected, got {text!r}"
        ) from None


def _rows(path: Path, lines: list[str], labels: set[str]) -> Iterator[Row]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#") or line.split("\t") in _HEADERS:
            continue
        cells = line.split("\t")
        if len(cells) not in (4, 5):
            raise DataError(f"{path}, line {number}: 4 or 5 cells with tabs between are expected, got {len(cells)}")
        name, label, split, source, *group = cells
        if label not in labels:
            raise DataError(f"{path}, line {number}: label {label!r} is none of {', '.join(sorted(labels))}")
        if split not in SPLITS:
            raise DataError(f"{path}, line {number}: split {split!r} is none of {', '.join(SPLITS)}")
        if name in seen:
            raise DataError(f"{path}, line {number}: {name} stands on line {seen[name]} already")
        seen[name] = number
        yield Row(name, label, split, source, "".join(group))
