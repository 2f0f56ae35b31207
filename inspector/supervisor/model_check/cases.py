"""Owns which pictures a model is checked on: the line's golden set, what people labelled, and kept evidence."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice, zip_longest
from typing import Any, NamedTuple

from inspector.errors import StoreError
from inspector.record import candidates
from inspector.record.candidates import Candidate
from inspector.record.evidence import evidence
from inspector.record.labels.label_file import FOLDER, LabelFile
from inspector.record.labels.labels import Opinion, opinions
from inspector.record.models.golden_set import GoldenSet
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.supervisor.model_check.process import Picture

#: What is compared beside labelled frames, in turn, so that none crowds out another.
_OUTCOMES = ("defect", "unsure")


class Case(NamedTuple):
    """A frame on record with its picture. `label`: what people say it shows; "": nobody said, or people differ."""

    source: str
    frame: str
    name: str
    label: str
    picture: Picture


def golden(settings: Settings) -> tuple[list[Case], int]:
    """Return the line's golden set, and its revision. Raise StoreError where a picture of it is gone or was changed."""
    with closing(GoldenSet(settings.data, read_only=True)) as file:
        if (edited := file.changed_by_hand()) is not None:
            raise StoreError(f"{file.path}: row {edited} was changed by hand; restore the file from a backup")
        found = [(one.record, one.label, str(file.picture(one).relative_to(settings.data))) for one in file.frames()]
        return [_case(settings, *one) for one in found], file.revision()


def kept(settings: Settings, since: float | None, limit: int) -> list[Case]:
    """Return at most `limit` frames whose pictures are kept: labelled ones first, then others, the newest first.

    `since`: only frames captured from then on, in seconds since 1970 UTC; of labelled ones, all.
    """
    with closing(LabelFile(settings.data, read_only=True)) as file:
        said = {(source, frame): one for (source, frame, box), one in opinions(file.every()).items() if box is None}
    labelled = [one for one in map(_of_label, said.values()) if one is not None]
    labelled.sort(key=lambda one: -one[0]["captured_at"])
    try:
        store = Store(settings.data, read_only=True)
    except StoreError:  # the line never ran, or its record is set aside: labels are there all the same
        return [_case(settings, *one) for one in labelled[:limit]]
    with closing(store):
        first = [_case(settings, *one) for one in labelled[:limit]]
        others = _evidence(settings, store, since, set(said), limit)
        return [*first, *islice(others, limit - len(first))]


def _of_label(opinion: Opinion) -> tuple[dict[str, Any], str, str] | None:
    pictures = [one.picture for one in opinion.given if one.picture]
    if not pictures or opinion.disputed:
        return None
    return opinion.given[-1].record, opinion.label, f"{FOLDER}/{pictures[-1]}"


def _evidence(
    settings: Settings, store: Store, since: float | None, labelled: set[tuple[str, str]], limit: int
) -> Iterator[Case]:
    query = Query(since=since)
    of_each = [
        *(_newest(candidates.decided(store, outcome, query), limit) for outcome in _OUTCOMES),
        _newest(candidates.passed(store, query), limit),
    ]
    for one in chain.from_iterable(zip_longest(*of_each)):
        if one is None or (one.source, one.frame) in labelled:
            continue
        record = store.record(one.record)
        if record is not None:
            told = {name: getattr(record, name) for name in ("source", "frame", "name", "recipe", "area")}
            yield _case(settings, told, "", f"{evidence.FOLDER}/{one.picture}")


def _newest(found: Generator[Candidate, None, None], limit: int) -> list[Candidate]:
    """Return the first frames whose pictures are kept."""
    with closing(found):
        return list(islice((one for one in found if one.picture), limit))


def _case(settings: Settings, record: dict[str, Any], label: str, path: str) -> Case:
    overlaps: Sequence[int] = [one.strip.overlap_px for one in settings.sources if one.name == record["source"]]
    recipe, area = record.get("recipe", ""), record.get("area")
    picture = Picture(
        path=path, recipe="" if recipe is None else recipe, area=None if area is None else list(area),
        overlap_px=overlaps[0] if overlaps else 0,
    )  # fmt: skip
    return Case(record["source"], record["frame"], record["name"], label, picture)
