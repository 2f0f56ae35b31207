"""Owns finding the pictures of a recipe: in lists as PaddleClas has them, or in one folder a class."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer import lists
from trainer.config import Data, Recipe
from trainer.manifest import DataError, Split


@dataclass(frozen=True, slots=True)
class Found:
    """A picture that the data names, unread: a path under the root, its label, the list or folder that names it.

    `split` is what the user's lists say, or None where the split is ours to draw.
    """

    path: str
    label: str
    split: Split | None
    source: str


def find(recipe: Recipe, data: Data) -> list[Found]:
    """Every picture of the lists, or of the class folders, in their order. DataError names file and line."""
    return list(_listed(recipe, data) if data.train_list else _folders(recipe, data))


def names_of(recipe: Recipe) -> dict[str, str]:
    """Every label name and alias, and the recipe's name for it."""
    return {name: spec.name for spec in recipe.labels for name in (spec.name, *spec.aliases)}


def _listed(recipe: Recipe, data: Data) -> Iterator[Found]:
    names = names_of(recipe)
    ids = lists.read_label_file(data.root / data.label_file, names) if data.label_file else {}
    seen: dict[str, str] = {}
    parts: tuple[tuple[str | None, Split], ...] = ((data.train_list, "train"), (data.eval_list, "eval"))
    for list_name, split in parts:
        for entry in lists.read_list(data.root / list_name, names, ids) if list_name else ():
            where = f"{list_name}, line {entry.line}"
            if entry.path in seen:
                raise DataError(
                    f"{data.root / where}: {entry.path} is in {seen[entry.path]} too: "
                    "what is trained on cannot be evaluated on"
                )
            seen[entry.path] = where
            yield Found(entry.path, entry.label, split, str(list_name))


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
