"""Owns noticing what a person changed in a manifest: prepare notes beside it what it wrote, and of which content.

run/manifest.tsv, run/.manifest.tsv.prepared: lines of content<tab>path<tab>label<tab>split<tab>source<tab>group below
the manifest's sha256. A changed manifest is never overwritten without a copy, run/manifest.1.tsv and so on.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.host import atomic
from trainer import terminal
from trainer.data import manifest
from trainer.data.corrections import corrections
from trainer.data.corrections.corrections import ALONE, Correction, Corrections
from trainer.data.find_images import names_of
from trainer.data.manifest import DataError, Manifest, Row
from trainer.recipe.recipe import Recipe

_TITLE = "# sha256 of the manifest as prepared: "


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What prepare wrote: the file's sha256, and by path the content and the row of each picture."""

    sha256: str
    rows: dict[str, tuple[str, Row]]


def write(path: Path, plan: Manifest, contents: Mapping[str, str]) -> Path | None:
    """Write the manifest; `contents` gives each path's content. Return the copy of one that it takes the place of.

    There is one where that manifest is not as prepare wrote it, or nothing says whether it is.
    """
    kept = None
    if path.exists() and _digest(path) != (was.sha256 if (was := _read(path)) else None):
        kept = next(name for n in range(1, 1_000_000) if not (name := path.with_stem(f"{path.stem}.{n}")).exists())
        shutil.copy2(path, kept)
    manifest.write(path, plan)
    lines = [f"{_TITLE}{_digest(path)}"]
    lines += ["\t".join((contents.get(row.path, row.path), row.path, row.label, row.split, row.source, row.group))
              for row in plan.rows]  # fmt: skip
    text = "".join(f"{line}\n" for line in lines)
    atomic.write(_beside(path), text.encode(errors="surrogateescape"))
    return kept


def write_all(paths: Sequence[Path], plans: Sequence[Manifest], contents: Mapping[str, str]) -> list[str]:
    """Write a manifest a path, as `write` does; return a note of each copy."""
    kept = {path: write(path, plan, contents) for path, plan in zip(paths, plans, strict=True)}
    return [f"{path}: as it was before: {copy}" for path, copy in kept.items() if copy]


def keep(recipe: Recipe, recipes: Sequence[Recipe]) -> list[str]:
    """Take what was changed by hand in the manifests of `recipes`, the parts of `recipe`, into its corrections.

    Return notes of it, to be shown. Raise DataError if it cannot be taken: then nothing is written.
    """
    known = corrections.read(recipe.corrections_path, names_of(recipe))
    ours = [part.manifest_path for part in recipes]
    whole, folds = recipe.run_dir / "manifest.tsv", sorted(recipe.run_dir.glob("fold-*/manifest.tsv"))
    # A label corrected in the manifest holds in folds, too, and the other way round.
    read = {path for path in (whole, *folds) if path in ours or _read(path)}
    newer, notes = take([whole] if whole in read else [], known)
    newer, more = take([path for path in folds if path in read], newer, folds=True)
    notes += more
    if newer != known:
        corrections.write(newer)
    return notes


def take(paths: Iterable[Path], known: Corrections, folds: bool = False) -> tuple[Corrections, list[str]]:
    """Return the corrections with what was changed by hand in the manifests since prepare wrote them, and notes of it.

    `folds`: the manifests are those of folds, whose splits are not to be corrected.

    Raises:
        DataError: a manifest that cannot be read, or splits of folds that were changed.
    """
    notes: list[str] = []
    taken: list[Correction] = []
    for path in paths:
        was = _read(path)
        if not path.exists() or (was and _digest(path) == was.sha256):
            continue
        if was is None:
            notes.append(f"{path}: nothing says whether it was changed by hand, for an older version wrote it: to keep "
                         "changes, copy it back from where it is kept now, and prepare again")  # fmt: skip
            continue
        plan = manifest.read(path)
        found = list(_changed(was, plan))
        moved = [one.picture for one in found if one.split]
        if folds and moved:
            raise DataError(f"{path}: the split of {moved[0]}{_more(moved)} was changed by hand, but folds evaluate "
                            "every picture once: put it back, or leave the picture out")  # fmt: skip
        rows = f"{terminal.counted(len(found), 'row')}{_named(found)}"
        notes.append(f"{path}: was changed by hand in {rows}: kept as corrections in {known.path}")
        taken += found
    return known.with_newer(taken), notes


def _changed(was: _Prepared, plan: Manifest) -> Iterator[Correction]:
    left = dict(was.rows)
    for row in plan.rows:
        if row.path not in left:
            group = row.group or ALONE
            yield Correction(row.path, row.label, row.split, group, row.source, "added", "", _content(plan.root, row))
            continue
        content, before = left.pop(row.path)
        if row != before:
            yield Correction(
                row.path,
                row.label if row.label != before.label else "",
                row.split if row.split != before.split else "",
                "" if row.group == before.group else row.group or ALONE,
                row.source if row.source != before.source else "",
                was=f"{before.label} {before.split}",
                content=content,
            )
    for path, (content, before) in left.items():
        yield Correction(path, use="no", was=f"{before.label} {before.split}", content=content)


def _content(root: Path, row: Row) -> str:
    try:
        return corrections.content_of(root, row.path)
    except OSError as error:
        raise DataError(f"{row.path}, a row added to the manifest by hand: {error.strerror}; take the row out, or put "
                        f"the picture there, under {root}") from None  # fmt: skip


def _read(path: Path) -> _Prepared | None:
    """Read what prepare noted; return None if there is no such file, or another program's."""
    try:
        first, *lines = _beside(path).read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return None
    cells = [line.split("\t") for line in lines if line]
    if not first.startswith(_TITLE) or any(len(row) != 6 for row in cells):
        return None
    rows = {name: (content, Row(name, label, split, source, group))  # type: ignore[arg-type]
            for content, name, label, split, source, group in cells}  # fmt: skip
    return _Prepared(first.removeprefix(_TITLE), rows)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.prepared")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _named(found: list[Correction]) -> str:
    return f" ({found[0].picture}{_more(found)})" if found else ""


def _more(found: list[Correction] | list[str]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""
