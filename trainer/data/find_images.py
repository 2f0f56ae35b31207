"""Owns finding the pictures of a recipe: in lists, records or folders, whatever form they have, packed or not."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.data import crop
from trainer.data.files import Files
from trainer.data.formats import annotations, archive, layouts, lists, path_repair, yolo
from trainer.data.formats.boxes import Marked
from trainer.data.formats.lists import Entry
from trainer.data.manifest import RECORDED, DataError, Split
from trainer.data.records import records
from trainer.recipe.bundle import VIEW_PX
from trainer.recipe.data import Data
from trainer.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that the data names, unread: a path under the root, its label, the list or folder that names it.

    `split` is what the user's lists say, or None where the split is ours to draw. `line` is of the list, or 0.
    `added`: only a correction names it, and says its split.
    """

    path: str
    label: str
    split: Split | None
    source: str
    line: int = 0
    added: bool = False


def with_root(recipe: Recipe, anew: bool) -> Recipe:
    """The recipe with a folder for data.root: of a zip or tar, where prepare unpacks it, which is done if `anew`.

    DataError for an archive that cannot be unpacked safely, OSError where it is not unpacked yet.
    """
    if recipe.data is None or not archive.is_archive(recipe.data.root):
        return recipe
    folder = recipe.run_dir / "unpacked"
    root = archive.unpack(recipe.data.root, folder) if anew else archive.innermost(folder)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"root": root})})


def find(recipe: Recipe, data: Data, notes: list[str]) -> list[Found]:
    """Every picture of the lists, the records or the folders, in their order. DataError names file and line.

    `notes` gets what a person should know of: paths that do not start where the list says, views cut out of pictures.
    """
    if not data.train_list and not data.records:
        return list(_folders(recipe, data, notes))
    listed = list(_listed(recipe, data, notes)) if data.train_list else _beside_records(recipe, data, notes)
    known = {_real(data.root, entry.path) for entry in listed}
    recorded = list(_recorded(recipe, data, notes))
    fresh = [entry for entry in recorded if _real(data.root, entry.path) not in known]
    if len(fresh) < len(recorded):
        notes.append(
            f"{len(recorded) - len(fresh)} recorded pictures are in a list or class folder, too, whose label holds"
        )
    return [*listed, *fresh]


def _beside_records(recipe: Recipe, data: Data, notes: list[str]) -> list[Found]:
    """Class folders, where data.root holds some: else it is only where recorded pictures lie."""
    if not layouts.holds_classes(data.root, names_of(recipe)):
        return []
    return list(_of_classes(recipe, data.root, data.root, None, notes))


def _real(root: Path, path: str) -> Path:
    return (root / crop.parts(path)[0]).resolve()


def entries_of(recipe: Recipe, path: Path, notes: list[str]) -> list[Entry]:
    """What any list says, their paths below data.root: `path label`, a table, or places marked in pictures.

    DataError names the line.
    """
    names = names_of(recipe)
    label_file = recipe.data.root / recipe.data.label_file if recipe.data and recipe.data.label_file else None
    ids = lists.read_label_file(label_file, names) if label_file else {}
    files = Files(recipe.data.root, recipe.data.bit_depth) if recipe.data else Files(Path())
    marked = annotations.read(path, files)
    if marked is not None:
        return _views(recipe, marked, files, {**names, **ids}, path.name, notes)
    entries = lists.read_list(path, names, ids)
    if recipe.data:
        entries, note = path_repair.located(recipe.data.root, entries, names)
        notes += [f"{path.name}: {note}"] if note else []
    return entries


def groups_of(data: Data, found: Sequence[Found], notes: list[str]) -> dict[str, str]:
    """What data.group_file says of the pictures found: path to coil or part. DataError where it names none of them."""
    if data.group_file is None:
        return {}
    entries, note = path_repair.located(data.root, lists.read_groups(data.root / data.group_file), {})
    notes += [f"{data.group_file}: {note}"] if note else []
    known = {entry.path for entry in found}
    groups = {entry.path: entry.label for entry in entries if entry.path in known}
    if not groups:
        raise DataError(f"{data.root / data.group_file}: none of its paths is in the data, the first: "
                        f"{entries[0].path if entries else 'it is empty'}")  # fmt: skip
    if len(groups) < len(known):
        notes.append(f"{data.group_file}: {len(known) - len(groups)} of {len(known)} pictures are not in it")
    return groups


def names_of(recipe: Recipe) -> dict[str, str]:
    """Every label name and alias, and the recipe's name for it."""
    return {name: spec.name for spec in recipe.labels for name in (spec.name, *spec.aliases)}


def _listed(recipe: Recipe, data: Data, notes: list[str]) -> Iterator[Found]:
    seen: dict[str, str] = {}
    parts: tuple[tuple[str | None, Split], ...] = ((data.train_list, "train"), (data.eval_list, "eval"))
    for list_name, split in parts:
        for entry in entries_of(recipe, data.root / list_name, notes) if list_name else ():
            where = f"{list_name}, line {entry.line}"
            if entry.path in seen:
                raise DataError(
                    f"{data.root / where}: {entry.path} is in {seen[entry.path]} too: "
                    "what is trained on cannot be evaluated on"
                )
            seen[entry.path] = where
            yield Found(entry.path, entry.label, split, str(list_name), entry.line)


def _recorded(recipe: Recipe, data: Data, notes: list[str]) -> Iterator[Found]:
    view_px = recipe.export.view_px or VIEW_PX
    found = records.read(data.records, data.root, names_of(recipe), view_px, _clean(recipe), notes)
    if recipe.export.view_px is None and any(one.entry.path.startswith(crop.PREFIX) for one in found):
        notes.append(f"views are {VIEW_PX} px for want of a word: set export.view_px to the line's")
    for one in found:
        yield Found(one.entry.path, one.entry.label, None, f"{RECORDED}{one.file.name}", one.entry.line)


def _folders(recipe: Recipe, data: Data, notes: list[str]) -> Iterator[Found]:
    """Class folders, be they below a folder or below train, val and test; or the pictures of YOLO or VOC.

    DataError where nothing is understood, with what would be.
    """
    root, names = data.root, names_of(recipe)
    folders = layouts.visible(root)
    if not any(path.name in names for path in folders):
        if (data_yaml := root / "data.yaml").is_file():
            yield from _of_yolo(recipe, data_yaml, notes)
            return
        if parts := layouts.parts(folders):
            yield from _of_parts(recipe, root, parts, notes)
            return
        inner = [path for path in folders if layouts.holds_classes(path, names)]
        if len(inner) == 1:
            notes.append(f"{inner[0]}: its folders are the classes")
            yield from _of_classes(recipe, root, inner[0], None, notes)
            return
        if not inner and (listed := layouts.listed(root)):
            yield from _of_list(recipe, root, listed, None, notes)
            return
    if not folders:
        raise DataError(f"{root}: no folders; data.root holds one folder a class, or set data.train_list{_lists(root)}")
    yield from _of_classes(recipe, root, root, None, notes)


def _of_classes(recipe: Recipe, root: Path, below: Path, split: Split | None, notes: list[str]) -> Iterator[Found]:
    for path, label, folder in layouts.classes(root, below, names_of(recipe), notes):
        yield Found(path, label, split, folder)


def _of_parts(recipe: Recipe, root: Path, parts: Mapping[Split, Path], notes: list[str]) -> Iterator[Found]:
    """The pictures of train, val and test: class folders, or what COCO or VOC marks."""
    for part, folder in parts.items():
        split = _of_part(part, parts, notes) if len(parts) > 1 else None
        if layouts.holds_classes(folder, names_of(recipe)):
            yield from _of_classes(recipe, root, folder, split, notes)
        else:
            coco = next(iter(sorted(folder.glob("*.json"))), None)
            yield from _of_list(recipe, root, coco or folder, split, notes)


def _of_yolo(recipe: Recipe, path: Path, notes: list[str]) -> Iterator[Found]:
    files, names = Files(path.parent, recipe.data.bit_depth if recipe.data else None), names_of(recipe)
    parts = yolo.parts(path, files)
    for part, marked in parts.items():
        source = f"{path.name}, {part}"
        for entry in _views(recipe, marked, files, names, source, notes):
            yield Found(entry.path, entry.label, _of_part(part, parts, notes), source)


def _of_part(part: Split, parts: Container[Split], notes: list[str]) -> Split:
    """Where there is no test part, the val part is evaluated: a part that chose the thresholds cannot judge them."""
    if part == "val" and "eval" not in parts:
        notes.append("without a test part, the val part is what `eval` evaluates; validation is drawn from train")
        return "eval"
    return part


def _of_list(recipe: Recipe, root: Path, path: Path, split: Split | None, notes: list[str]) -> Iterator[Found]:
    source = path.relative_to(root).as_posix() if path != root else root.name
    for entry in entries_of(recipe, path, notes):
        yield Found(entry.path, entry.label, split, source, entry.line)


def _views(
    recipe: Recipe, marked: list[Marked], files: Files, known: Mapping[str, str], source: str, notes: list[str]
) -> list[Entry]:
    return annotations.entries(marked, files, known, recipe.export.view_px, _clean(recipe), notes, source)


def _clean(recipe: Recipe) -> str | None:
    """The label of clean strip; None where there is none, or several."""
    clean = [label.name for label in recipe.labels if label.kind == "ok"]
    return clean[0] if len(clean) == 1 else None


def _lists(root: Path) -> str:
    """What lies there and may be a list."""
    found = sorted(path.name for path in root.iterdir() if path.suffix.lower() in (".csv", ".json", ".txt", ".tsv"))
    return f": {', '.join(found[:5])}?" if found else ""
