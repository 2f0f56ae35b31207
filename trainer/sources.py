"""Owns finding the pictures of a recipe: in lists as PaddleClas has them, records, or class folders, packed or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer import archive, lists, paths, records
from trainer.config import VIEW_PX, Data, Recipe
from trainer.lists import Entry
from trainer.manifest import DataError, Split


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
    """Every picture of the lists, the records or the class folders, in their order. DataError names file and line.

    `notes` gets what a person should know of: paths that do not start where the list says.
    """
    if data.train_list:
        return list(_listed(recipe, data, notes))
    return list(_recorded(recipe, data, data.records, notes) if data.records else _folders(recipe, data))


def entries_of(recipe: Recipe, path: Path, notes: list[str]) -> list[Entry]:
    """The lines of any `path label` list, their paths below data.root. DataError names the line."""
    names = names_of(recipe)
    label_file = recipe.data.root / recipe.data.label_file if recipe.data and recipe.data.label_file else None
    ids = lists.read_label_file(label_file, names) if label_file else {}
    entries = lists.read_list(path, names, ids)
    if recipe.data:
        entries, note = paths.located(recipe.data.root, entries, names)
        notes += [f"{path.name}: {note}"] if note else []
    return entries


def groups_of(data: Data, found: Sequence[Found], notes: list[str]) -> dict[str, str]:
    """What data.group_file says of the pictures found: path to coil or part. DataError where it names none of them."""
    if data.group_file is None:
        return {}
    entries, note = paths.located(data.root, lists.read_groups(data.root / data.group_file), {})
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


def _recorded(recipe: Recipe, data: Data, path: Path, notes: list[str]) -> Iterator[Found]:
    for entry in records.read(path, data.root, names_of(recipe), recipe.export.view_px or VIEW_PX, notes):
        yield Found(entry.path, entry.label, None, path.name, entry.line)


def _folders(recipe: Recipe, data: Data) -> Iterator[Found]:
    names = names_of(recipe)
    try:
        folders = sorted(path for path in data.root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{data.root}: {error.strerror}; data.root holds one folder a class") from None
    if not folders:
        raise DataError(f"{data.root}: no folders; data.root holds one folder a class, or set data.train_list")
    for folder in folders:
        if folder.name not in names:
            raise DataError(f"{folder}: no label or alias of the recipe is called so ({', '.join(names)})")
        for file in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
            yield Found(f"{folder.name}/{file.name}", names[folder.name], None, folder.name)
