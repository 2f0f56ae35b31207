"""Holds the history of models: who put which model in force, when and why; and which one decides."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import StoreError
from inspector.record.models.model_history import Event, ModelEvent, ModelHistory, states

A, B = "a" * 64, "b" * 64


@pytest.fixture
def history(tmp_path: Path) -> Iterator[ModelHistory]:
    opened = ModelHistory(tmp_path)
    yield opened
    opened.close()


def note(history: ModelHistory, event: Event, address: str = A, **more: Any) -> ModelEvent:
    """What became of the model at an address, by Ann."""
    return history.note(event, model=f"model-{address[0]}", address=address, person="ann", at=1.0, **more)


def test_without_a_row_the_configs_own_bundle_decides(history: ModelHistory, tmp_path: Path) -> None:
    assert history.serving() is None
    reader = ModelHistory(tmp_path / "elsewhere", read_only=True)
    assert reader.serving("mill-exit") is None and reader.every() == []


def test_every_switch_has_the_next_epoch_and_the_last_one_decides(history: ModelHistory) -> None:
    assert note(history, "imported").epoch is None
    epochs = [note(history, "serving", address).epoch for address in (A, B, A)]
    assert epochs == [1, 2, 3]
    serving = history.serving()
    assert serving is not None and (serving.address, serving.epoch) == (A, 3)


def test_a_switch_of_one_source_holds_until_the_next_of_all(history: ModelHistory) -> None:
    note(history, "serving", A)
    note(history, "serving", B, source="mill-exit")

    def of(source: str) -> str:
        found = history.serving(source)
        assert found is not None
        return found.address

    assert (of("mill-exit"), of("mill-entry")) == (B, A)
    note(history, "serving", A)
    assert (of("mill-exit"), of("mill-entry")) == (A, A)


def test_who_why_and_figures_are_kept(history: ModelHistory, tmp_path: Path) -> None:
    noted = note(history, "rejected", why="forgets scratches", figures={"flips": 3})
    reader = ModelHistory(tmp_path, read_only=True)
    assert reader.of(A) == [noted]
    assert (noted.person, noted.why, noted.figures) == ("ann", "forgets scratches", {"flips": 3})
    reader.close()


def test_a_model_that_was_replaced_may_serve_again_and_one_rolled_back_may_not(history: ModelHistory) -> None:
    note(history, "serving", A)
    note(history, "serving", B)
    assert states(history.every()) == {A: "approved", B: "serving"}
    note(history, "serving", A)
    note(history, "rolled_back", B, why="error share")
    assert states(history.every()) == {A: "serving", B: "rolled_back"}
    note(history, "readmitted", B)
    assert states(history.every())[B] == "approved"


def test_an_address_that_is_no_sha256_is_refused_and_nothing_is_written(history: ModelHistory) -> None:
    with pytest.raises(StoreError):
        note(history, "serving", "../etc")
    assert history.every() == [] and history.changed_by_hand() is None
