"""Owns prepare: checks that each picture can be read, links those of one source, freezes labels and split."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inspector.vision.renderer import strip
from trainer.data import find_images, groups
from trainer.data.corrections import corrections
from trainer.data.corrections.corrections import Correction
from trainer.data.groups import Seen
from trainer.data.labelled import sides
from trainer.data.manifest import CUT, RECORDED, SIMULATED, SPLITS, DataError, Manifest, Row, Split
from trainer.data.pictures import Pictures, Skipped, read, same
from trainer.data.split import draw
from trainer.progress.callback import Progress, silent
from trainer.recipe.data import Simulated
from trainer.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Prepared:
    """The manifest, not yet written, or one a fold; what was left out of it, and what its pictures share.

    `notes` say how lists were understood that do not mean what they say.
    `seen` is how much of the eval split is in the pictures that training sees; None without real eval pictures,
    and with folds, where nothing can be.
    """

    manifests: tuple[Manifest, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    pictures: Pictures
    seen: Seen | None
    #: What people call each label.
    shown: dict[str, str]

    @property
    def manifest(self) -> Manifest:
        """The manifest, of the first fold where there are folds."""
        return self.manifests[0]

    @property
    def contents(self) -> dict[str, str]:
        """What corrections know each picture by, by path."""
        return _contents(self.pictures)

    @property
    def groups(self) -> dict[str, int]:
        """How many pictures each group of more than one has, the largest first."""
        counts = Counter(row.group for row in self.manifest.rows if row.group)
        return {group: count for group, count in counts.most_common() if count > 1}


def prepare(recipe: Recipe, progress: Progress = silent) -> Prepared:
    """Find and check every picture of the recipe, group overlapping crops and copies, draw the splits by its seed.

    Pictures of one group are never on two sides of a split drawn here. Lists are followed as they are.

    Raises:
        DataError: unknown labels, lists that cannot be read, a label without a training image.
    """
    skipped: list[Skipped] = []
    notes: list[str] = []
    recipe = find_images.with_root(recipe, anew=True, progress=progress)
    known = corrections.read(recipe.corrections_path, find_images.names_of(recipe))
    pictures = read(recipe, known, skipped, notes, progress)
    root = recipe.data.root.resolve() if recipe.data else Path()
    labels = tuple(spec.label() for spec in recipe.labels)
    folds = bool(recipe.data and recipe.data.folds)
    drawn = _folds(recipe, pictures) if folds else [_split(recipe, pictures)]
    rows = [_rows(recipe, pictures, splits) for splits in drawn]
    contents = {row.path: row.path for row in rows[0]} | _contents(pictures)
    found, more = known.find(contents), known.notes(contents)
    if folds:
        found = {path: replace(one, split="") for path, one in found.items()}
    corrected = [_corrected(part, found) for part in rows]
    if recipe.data and recipe.data.lines:
        corrected = [_judged_by_people(part, notes) for part in corrected]
    manifests = tuple(Manifest(root, labels, part, pictures.bit_depth) for part in corrected)
    for number, manifest in enumerate(manifests, 1):
        for label in sorted({label.name for label in labels} - {row.label for row in manifest.split("train")}):
            where = f" in fold {number} of {len(manifests)}" if len(manifests) > 1 else ""
            raise DataError(f"label {label!r} has no training image{where}: add some, or take it out of `labels`")
    pictures = pictures.of(manifests[0].rows)
    seen = _seen(pictures, manifests[0].rows) if len(manifests) == 1 else None
    return Prepared(manifests, tuple(skipped), (*notes, *more), pictures, seen, recipe.shown)


def rows_of_list(recipe: Recipe, path: Path) -> tuple[Row, ...]:
    """Return a `path label` list as eval rows, in the manifest or not. Raise DataError, which names the line."""
    entries = find_images.entries_of(find_images.with_root(recipe, anew=False), path)
    return tuple(Row(entry.path, entry.label, "eval", path.name) for entry in entries)


def _split(recipe: Recipe, pictures: Pictures) -> list[Split]:
    """Return the splits of lists and parts, the rest drawn: the validation part of what is trained, or all."""
    if recipe.data is None:
        return []
    held = sides.of(pictures.found, _group_keys(pictures), recipe.data.val_share)
    others = {index: entry for index, entry in enumerate(pictures.found) if index not in held and not entry.added}
    given = {entry.split for entry in others.values()}
    drawn = {None} if "val" in given else {None, "train"}
    free = [index for index, entry in others.items() if entry.split in drawn]
    evaluation = recipe.data.eval_share if given <= {None} else 0.0
    splits = _drawn(pictures, free, recipe.data.val_share, evaluation, f"{recipe.seed} split")
    fixed = held | {index: entry.split for index, entry in others.items() if entry.split and entry.split not in drawn}
    return [fixed.get(index) or split for index, split in enumerate(splits)]


def _folds(recipe: Recipe, pictures: Pictures) -> Iterator[list[Split]]:
    """Yield one split a fold: every picture is in eval once; the validation part is drawn from the rest."""
    if recipe.data is None or recipe.data.folds is None:
        return
    count, val = recipe.data.folds, recipe.data.val_share
    labels = [entry.label for entry in pictures.found]
    folds = draw(labels, _group_keys(pictures), [1 / count] * count, f"{recipe.seed} folds")
    for fold in range(count):
        free = [index for index, part in enumerate(folds) if part != fold]
        yield _drawn(pictures, free, val, 0.0, f"{recipe.seed} fold {fold}")


def _drawn(pictures: Pictures, free: Sequence[int], val: float, evaluation: float, seed: str) -> list[Split]:
    """Return the `free` pictures split by drawing, `val` of what is not evaluated; all others are evaluated."""
    shares = [(1 - evaluation) * (1 - val), (1 - evaluation) * val, evaluation]
    keys = _group_keys(pictures)
    parts = draw([pictures.found[index].label for index in free], [keys[index] for index in free], shares, seed)
    splits: list[Split] = ["eval"] * len(pictures.found)
    for index, part in zip(free, parts, strict=True):
        splits[index] = SPLITS[part]
    return splits


def _group_keys(pictures: Pictures) -> list[str | int]:
    """Return the group of each picture; one that is alone is a group by itself."""
    return [group or index for index, group in enumerate(pictures.groups)]


def _rows(recipe: Recipe, pictures: Pictures, splits: Sequence[Split]) -> tuple[Row, ...]:
    real = [
        Row(entry.path, entry.label, split, entry.source, group)
        for entry, split, group in zip(pictures.found, splits, pictures.groups, strict=True)
    ]
    return (*real, *(_simulated(recipe, recipe.simulated) if recipe.simulated else ()))


def _corrected(rows: Iterable[Row], found: Mapping[str, Correction]) -> tuple[Row, ...]:
    """Return the rows as corrected. They were drawn uncorrected, so that a correction moves no other picture."""
    kept = (row for row in rows if row.path not in found or found[row.path].use != "no")
    return tuple(found[row.path].of(row) if row.path in found else row for row in kept)


def _judged_by_people(rows: tuple[Row, ...], notes: list[str]) -> tuple[Row, ...]:
    """Return the rows without those that would judge a model by an earlier model's own answer; note how many."""
    kept = tuple(row for row in rows if not (row.split == "eval" and row.source.startswith(RECORDED)))
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} recorded pictures were drawn to be evaluated and are left out: their "
                     "labels are an earlier model's own answer, and people's labels are there")  # fmt: skip
    return kept


def _contents(pictures: Pictures) -> dict[str, str]:
    return {entry.path: content for entry, content in zip(pictures.found, pictures.contents, strict=True)}


def _seen(pictures: Pictures, rows: Sequence[Row]) -> Seen | None:
    """Return what training, validation included, has seen of the real eval pictures, which come first in `rows`."""
    held_out = [index for index in range(len(pictures.found)) if rows[index].split == "eval"]
    if not held_out:
        return None
    known = set(range(len(pictures.found))).difference(held_out)
    shapes = [(pixels.shape[0], pixels.shape[1]) for pixels in pictures.pixels]
    return groups.seen(known, held_out, pictures.overlaps, shapes, same(pictures.groups))


def _simulated(recipe: Recipe, plan: Simulated) -> Iterator[Row]:
    """Yield drawn rows with one running seed over all splits, so that no picture is ever on two sides."""
    seed = plan.first_seed
    parts: tuple[tuple[Split, int, int, str, str], ...] = (
        ("train", plan.train_ok, plan.train_per_defect, "", "simulated"),
        ("val", plan.val_ok, plan.val_per_defect, "", "simulated"),
        ("eval", plan.eval_ok, plan.eval_per_defect, "", "simulated"),
        ("train", plan.train_cut_ok, plan.train_cut_per_defect, CUT, "cut"),
        ("val", plan.val_cut_ok, plan.val_cut_per_defect, CUT, "cut"),
        ("eval", plan.eval_cut_ok, plan.eval_cut_per_defect, CUT, "cut"),
    )
    for split, ok, per_defect, prefix, source in parts:
        for spec in recipe.labels:
            count = ok if spec.name == "ok" else per_defect if spec.name in strip.DEFECTS else 0
            for _ in range(count):
                yield Row(f"{SIMULATED}{prefix}{spec.name}:{seed}", spec.name, split, source)
                seed += 1
