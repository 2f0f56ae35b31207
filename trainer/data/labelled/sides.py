"""Owns on which side of the split a labelled frame lies: for ever the same one, whatever is labelled or recorded later.

The side is drawn by a hash of the frame of its group that was labelled first, and no setting of a recipe goes into the
choice of what is evaluated. So a model that learned from labels last year can be judged by the frames held out then.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

from trainer.data.find_images import Found
from trainer.data.manifest import Split

#: Share of the groups of labelled frames that is evaluated.
EVAL_SHARE = 0.2


def of(found: Sequence[Found], groups: Sequence[Hashable], val_share: float) -> dict[int, Split]:
    """Return the side of each picture, by its place, whose group holds a labelled frame, and no list names a side.

    A group that a list puts on a side goes there. `val_share`: of what is trained on, the share that is validation.
    """
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    sides: dict[int, Split] = {}
    for indices in members.values():
        if firsts := [first for index in indices if (first := found[index].first_label)]:
            given = {found[index].split for index in indices}
            _, source, frame = min(firsts)
            side: Split = "eval" if "eval" in given else drawn(source, frame, val_share, bool(given & {"train", "val"}))
            sides |= {index: side for index in indices if found[index].split is None and not found[index].added}
    return sides


def drawn(source: str, frame: str, val_share: float, trained: bool = False) -> Split:
    """Return the side of a frame by its name alone. `trained`: its group is learned from, and not to be evaluated."""
    if not trained and _share(f"eval\n{source}\n{frame}") < EVAL_SHARE:
        return "eval"
    return "val" if _share(f"val\n{source}\n{frame}") < val_share else "train"


def _share(text: str) -> float:
    """Return a number from 0 to below 1 that the text decides, evenly."""
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
