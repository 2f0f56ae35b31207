"""The short forms of `make powercuts`: the power of a running line is cut, and what was put in is on record once."""

from pathlib import Path

import pytest

from tests.stress.power_cuts import BROKEN, FILE_SYSTEMS, Outcome, power_cuts
from tests.stress.power_disk import NoDiskError


def cut(folder: Path, cuts: int, kind: str, build: str = "sound") -> Outcome:
    try:
        return power_cuts(folder, cuts, kind, build=build)
    except NoDiskError as error:
        pytest.skip(f"no disk whose power can be cut (root, loop devices and xfsprogs are needed): {error}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILE_SYSTEMS)
def test_what_was_dropped_before_power_cuts_is_on_record_once_when_the_line_is_back(tmp_path: Path, kind: str) -> None:
    outcome = cut(tmp_path, 3, kind)

    assert outcome.problems == [], outcome
    assert outcome.cuts == 3
    assert outcome.synced > 0


@pytest.mark.slow
def test_a_build_that_hands_frames_out_before_their_claims_are_on_disk_is_caught(tmp_path: Path) -> None:
    outcome = cut(tmp_path, 8, "xfs", BROKEN)

    assert outcome.twice, outcome
