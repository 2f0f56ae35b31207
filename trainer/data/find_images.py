"""Owns finding the pictures of a recipe: in lists, records or folders, whatever form they have, packed or not."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.data import crop
from trainer.data.files import Files
from trainer.data.formats import annotations, archive, layouts, lists, path_repair, yolo
from trainer.data.formats.boxes import Marked
from trainer.data.formats.lists import Entry
from trainer.data.labelled import labelled
from trainer.data.labelled.frames import FirstLabel
from trainer.data.labelled.labelled import Labelled
from trainer.data.manifest import RECORDED, DataError, Split
from trainer.data.records import records
from trainer.progress.callback import Progress, silent
from trainer.recipe.bundle import VIEW_PX
from trainer.recipe.data import Data
from trainer.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that the data names, unread: a path under the root, its label, the list or folder that names it.

    `split` is what the user's lists say, or None where the split is ours to draw. `line` is of the list, or 0.
    `added`: only a correction names it, and says its split. `first_label`: of a frame that people labelled on a line.
    """

    path: str
    label: str
    split: Split | None
    source: str
    line: int = 0
    added: bool = False
    first_label: FirstLabel | None = None


def with_root(recipe: Recipe, anew: bool, progress: Progress = silent) -> Recipe:
    """Return the recipe with a folder for data.root: of a zip or tar, the one where prepare unpacks it.

    It is unpacked if `anew`. Raise DataError for an archive that cannot be unpacked safely, OSError if it is not
    unpacked yet.
    """
    if recipe.data is None or not archive.is_archive(recipe.data.root):
        return recipe
    folder = recipe.run_dir / "unpacked"
    root = archive.unpack(recipe.data.root, folder, progress) if anew else archive.innermost(folder)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"root": root})})


def find(recipe: Recipe, data: Data, notes: list[str], progress: Progress = silent) -> list[Found]:
    """Return every picture of the lists, the records or the folders, in their order.

    `notes` gets what a person should know of: paths that do not start where the list says, views cut out of pictures.

    Raises:
        DataError: names file and line of what cannot be used.
    """
    search = _Search(recipe, data.root, data, notes, progress)
    said = search.labelled()
    labelled_ones = [Found(one.path, one.label, None, one.source, first_label=one.first) for one in said.pictures]
    if data.lines_alone:
        return labelled_ones
    if not data.train_list and not data.records:
        return [*search.folders(), *labelled_ones]
    listed = list(search.listed()) if data.train_list else search.beside_records()
    known = {_real(data.root, entry.path) for entry in listed}
    recorded = list(search.recorded(said.reviewed))
    fresh = [entry for entry in recorded if _real(data.root, entry.path) not in known]
    if len(fresh) < len(recorded):
        notes.append(
            f"{len(recorded) - len(fresh)} recorded pictures are in a list or class folder, too, whose label holds"
        )
    return [*listed, *fresh, *labelled_ones]


def entries_of(recipe: Recipe, path: Path) -> list[Entry]:
    """Return what any list says: `path label`, a table, or places marked in pictures; its paths are below data.root.

    Raises:
        DataError: names the line that cannot be used.
    """
    root = recipe.data.root if recipe.data else Path()
    return _Search(recipe, root, recipe.data, [], silent).entries(path)


def groups_of(data: Data, found: Sequence[Found], notes: list[str]) -> dict[str, str]:
    """Return what data.group_file says of the pictures found: path to coil or part.

    Raises:
        DataError: it names none of them.
    """
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
    """Return the recipe's name of a label for every label name and alias."""
    return {name: spec.name for spec in recipe.labels for name in (spec.name, *spec.aliases)}


@dataclass(frozen=True, slots=True)
class _Search:
    """A search for the pictures of a recipe; `data` is None where only a list of its own is read."""

    recipe: Recipe
    root: Path
    data: Data | None
    notes: list[str]
    progress: Progress

    @property
    def _names(self) -> dict[str, str]:
        return names_of(self.recipe)

    @property
    def _clean(self) -> str | None:
        """The label of clean strip; None where there is none, or several."""
        clean = [label.name for label in self.recipe.labels if label.kind == "ok"]
        return clean[0] if len(clean) == 1 else None

    def _files(self, root: Path) -> Files:
        return Files(root, self.data.bit_depth if self.data else None, self.progress)

    def beside_records(self) -> list[Found]:
        """Return the class folders that data.root holds, if any: else it is only where recorded pictures lie."""
        return list(self._of_classes(self.root)) if layouts.holds_classes(self.root, self._names) else []

    def entries(self, path: Path) -> list[Entry]:
        """Return what a list of any form says. Raise DataError, which names the line."""
        names = self._names
        label_file = self.root / self.data.label_file if self.data and self.data.label_file else None
        ids = lists.read_label_file(label_file, names) if label_file else {}
        files = self._files(self.root)
        marked = annotations.read(path, files)
        if marked is not None:
            return self._views(marked, files, {**names, **ids}, path.name)
        entries = lists.read_list(path, names, ids)
        if self.data:
            entries, note = path_repair.located(self.root, entries, names)
            self.notes.extend([f"{path.name}: {note}"] if note else [])
        return entries

    def listed(self) -> Iterator[Found]:
        """Yield the pictures of data.train_list and data.eval_list. Raise DataError if one is in both, or twice."""
        seen: dict[str, str] = {}
        lists_of: tuple[tuple[str | None, Split], ...] = ()
        if self.data:
            lists_of = ((self.data.train_list, "train"), (self.data.eval_list, "eval"))
        for list_name, split in lists_of:
            for entry in self.entries(self.root / list_name) if list_name else ():
                where = f"{list_name}, line {entry.line}"
                if entry.path in seen:
                    raise DataError(
                        f"{self.root / where}: {entry.path} is in {seen[entry.path]} too: "
                        "what is trained on cannot be evaluated on"
                    )
                seen[entry.path] = where
                yield Found(entry.path, entry.label, split, str(list_name), entry.line)

    def labelled(self) -> Labelled:
        """Return what people labelled on data.lines."""
        lines = self.data.lines if self.data else ()
        return labelled.read(lines, self._names, self.recipe.export.view_px or VIEW_PX, self._clean, self.notes)

    def recorded(self, reviewed: Container[tuple[str, str]]) -> Iterator[Found]:
        """Yield the pictures of data.records, without the frames that people `reviewed`."""
        chosen = self.recipe.export.view_px
        files = self.data.records if self.data else ()
        found = records.read(files, self.root, self._names, chosen or VIEW_PX, self._clean, self.notes, reviewed)
        if chosen is None and any(one.entry.path.startswith(crop.PREFIX) for one in found):
            self.notes.append(f"views are {VIEW_PX} px, as export.view_px is not set: set it to the line's")
        for one in found:
            yield Found(one.entry.path, one.entry.label, None, f"{RECORDED}{one.file.name}", one.entry.line)

    def folders(self) -> Iterator[Found]:
        """Yield pictures of class folders, below a folder or train, val and test or not; or those of YOLO or VOC.

        Raises:
            DataError: nothing is understood; the message says what would be.
        """
        root, folders = self.root, layouts.visible(self.root)
        if not any(path.name in self._names for path in folders):
            if (data_yaml := root / "data.yaml").is_file():
                yield from self._of_yolo(data_yaml)
                return
            if parts := layouts.parts(folders):
                yield from self._of_parts(parts)
                return
            inner = [path for path in folders if layouts.holds_classes(path, self._names)]
            if len(inner) == 1:
                self.notes.append(f"{inner[0]}: its folders are the classes")
                yield from self._of_classes(inner[0])
                return
            if not inner and (listed := layouts.listed(root)):
                yield from self._of_list(listed)
                return
        if not folders:
            raise DataError(
                f"{root}: no folders; data.root holds one folder a class, or set data.train_list{_lists(root)}"
            )
        yield from self._of_classes(root)

    def _of_classes(self, below: Path, split: Split | None = None) -> Iterator[Found]:
        for path, label, folder in layouts.classes(self.root, below, self._names, self.notes):
            yield Found(path, label, split, folder)

    def _of_parts(self, parts: Mapping[Split, Path]) -> Iterator[Found]:
        """Yield the pictures of train, val and test: class folders, or what COCO or VOC marks."""
        for part, folder in parts.items():
            split = self._split_of(part, parts) if len(parts) > 1 else None
            if layouts.holds_classes(folder, self._names):
                yield from self._of_classes(folder, split)
            else:
                coco = next(iter(sorted(folder.glob("*.json"))), None)
                yield from self._of_list(coco or folder, split)

    def _of_yolo(self, path: Path) -> Iterator[Found]:
        files = self._files(path.parent)
        parts = yolo.parts(path, files)
        for part, marked in parts.items():
            source = f"{path.name}, {part}"
            for entry in self._views(marked, files, self._names, source):
                yield Found(entry.path, entry.label, self._split_of(part, parts), source)

    def _split_of(self, part: Split, parts: Container[Split]) -> Split:
        """Return the split of a part: without a test part, val is evaluated, as it cannot both choose and judge."""
        if part == "val" and "eval" not in parts:
            self.notes.append(
                "without a test part, the val part is what `eval` evaluates; validation is drawn from train"
            )
            return "eval"
        return part

    def _of_list(self, path: Path, split: Split | None = None) -> Iterator[Found]:
        source = path.relative_to(self.root).as_posix() if path != self.root else self.root.name
        for entry in self.entries(path):
            yield Found(entry.path, entry.label, split, source, entry.line)

    def _views(self, marked: list[Marked], files: Files, known: Mapping[str, str], source: str) -> list[Entry]:
        view_px = self.recipe.export.view_px
        return annotations.entries(marked, files, known, view_px, self._clean, self.notes, source)


def _real(root: Path, path: str) -> Path:
    return (root / crop.parts(path)[0]).resolve()


def _lists(root: Path) -> str:
    """Return the names of what lies there and may be a list, for a message."""
    found = sorted(path.name for path in root.iterdir() if path.suffix.lower() in (".csv", ".json", ".txt", ".tsv"))
    return f": {', '.join(found[:5])}?" if found else ""
