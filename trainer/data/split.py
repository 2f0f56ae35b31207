"""Owns drawing splits: whole groups dealt into parts of given shares, every label in its share of each."""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence


def draw(labels: Sequence[str], groups: Sequence[Hashable], shares: Sequence[float], seed: str) -> list[int]:
    """Return the part of each picture, an index of `shares`; pictures of one group are in one part.

    The largest group comes first, equal ones in an order drawn by the seed. Each goes where it lowers the most the
    sum over parts and labels of (count - wanted)² / wanted, Pearson's chi-squared, of equals to the emptiest: so a
    group that outgrows a small part goes to a large one, and what is left fills the parts evenly. A part with share 0
    gets nothing.

    Raises:
        ValueError: shares that are negative or do not sum to 1.
    """
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares of 0 or more that sum to 1 are expected, got {list(shares)}")
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    order = list(members.values())
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)

    total = Counter(labels)
    counts: list[Counter[str]] = [Counter() for _ in shares]
    parts = [0] * len(labels)

    def gain(part: int, added_by_label: Counter[str]) -> float:
        change = 0.0
        for label, added in added_by_label.items():
            wanted = shares[part] * total[label]
            change += added * (2 * (wanted - counts[part][label]) - added) / wanted
        return change

    def room(part: int) -> float:
        return shares[part] * len(labels) - counts[part].total()

    open_parts = [part for part, share in enumerate(shares) if share > 0]
    for indices in order:
        content = Counter(labels[index] for index in indices)
        best = max(open_parts, key=lambda part: (gain(part, content), room(part)))
        counts[best].update(content)
        for index in indices:
            parts[index] = best
    return parts
