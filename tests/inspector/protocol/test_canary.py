"""Holds the canary: it goes the whole way beside the frames, its answer is judged, and it is never one of them."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from inspector.protocol import canary, messages
from inspector.protocol.canary import Canary
from inspector.protocol.control import WorkerGone
from inspector.protocol.frames import CANARY, Frame
from inspector.protocol.messages import Beat
from inspector.record.evidence import evidence
from inspector.settings.settings import EvidenceSettings
from inspector.supervisor import canary as chosen_canary
from inspector.vision import bundle
from inspector.vision.bundle import Bundle
from inspector.vocabulary import Reason
from inspector.worker.batcher import Batcher
from tests.fakes import make_bundle, wait_until
from tests.inspector.record.test_store import verdict
from tests.inspector.roles import Bench, Hands, bench, fill, ok
from tests.inspector.sink.test_sink import address, get
from tests.inspector.verdicts import frame_of
from tests.inspector.worker.test_batcher import CHOICE


@pytest.fixture(scope="module")
def model() -> Bundle:
    """The bundle that ships."""
    return bundle.load(bundle.DEFAULT)


def test_it_is_the_defect_that_the_model_is_surest_of(model: Bundle) -> None:
    chosen = chosen_canary.choose(model, "paddle")

    kinds = {label.name: label.kind for label in model.labels}
    assert kinds[chosen.label] == "defect"
    assert chosen.score > 0.99
    assert (chosen.model, chosen.pixels.shape, chosen.pixels.dtype) == (model.id, (200, 200), np.uint8)


@pytest.mark.parametrize("changes", [{"label": "ok"}, {"score": 0.5}, {"label": "", "score": 0.0}])
def test_another_label_or_score_is_a_wrong_answer(model: Bundle, changes: dict[str, object]) -> None:
    chosen = chosen_canary.choose(model, "paddle")
    answer = replace(verdict(1, "defect"), label=chosen.label, score=chosen.score)

    assert chosen.wrong(model.id, answer) == ""
    text = chosen.wrong(model.id, replace(answer, **changes))
    assert text.startswith("wrong answer to the canary picture: ")
    assert text.endswith(f"right is {chosen.label} {chosen.score:.2f}")


def test_thresholds_of_a_reload_and_another_model_make_no_answer_wrong(model: Bundle) -> None:
    chosen = chosen_canary.choose(model, "paddle")
    strict = replace(verdict(1, "unsure"), label=chosen.label, score=chosen.score, reason=Reason("low_score", "1.00"))

    assert chosen.wrong(model.id, strict) == ""
    assert chosen.wrong("swapped-1f", replace(strict, label="ok", score=0.3)) == ""


def test_where_no_answer_is_known_only_the_way_back_counts(model: Bundle, tmp_path: object) -> None:
    assert chosen_canary.choose(model, "fake").wrong(model.id, verdict(1, "ok")) == ""


def test_a_golden_image_larger_than_a_view_is_cut_to_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    shape = {"size": 112, "channels": 1, "view_px": 64}
    small = make_bundle(tmp_path_factory.mktemp("small") / "bundle", input=shape)

    chosen = chosen_canary.choose(small, "paddle")
    assert (chosen.pixels.shape, chosen.label) == ((64, 64), "")


def test_it_goes_before_the_frames_that_queue_and_leaves_no_evidence() -> None:
    batcher = Batcher(2, 1000.0, 200)
    chosen = Canary(np.zeros((200, 200), np.uint8), "model-1")
    for frame in ("a", "b"):
        batcher.add(frame_of(frame=frame), chosen.pixels, CHOICE, 0.0)
    batcher.add(chosen.frame("drop", "1f"), chosen.pixels, CHOICE, 0.0)

    assert [job.frame.header.frame for job in batcher.take()] == [CANARY, "a"]
    assert evidence.wanted(EvidenceSettings(), verdict(1, "defect"))
    assert not evidence.wanted(EvidenceSettings(), verdict(1, "defect", frame=CANARY))


CHOSEN = Canary(np.full((64, 64), 7, np.uint8), "model-1", "ok", 0.0)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """For a source and a sink that pass a canary five times a second, with workers in the test's hands."""
    monkeypatch.setattr(canary, "EVERY_S", 0.2)
    with bench(workers={"batch_timeout_s": 0.4}) as made:
        made.drop.mkdir()
        yield made


def started(line: Bench, caplog: pytest.LogCaptureFixture) -> str:
    """Start sink and source; the address of the metrics, which only the log tells."""
    caplog.set_level("INFO")
    line.start_sink(canary=CHOSEN)
    line.start_source(canary=CHOSEN)
    return address(caplog)


def beat(hands: Hands) -> None:
    """Say that it is there."""
    hands.sink.send(messages.encode(Beat(hands.name, "model-1")))


def answer(hands: Hands, frames: list[Frame], label: str = "ok") -> None:
    """Verdicts of score 0, as a worker with little to say."""
    hands.answer(frames, label=label)


def readiness(url: str) -> list[str]:
    """The problems that /readyz names."""
    problems: list[str] = json.loads(get(url + "/readyz")[1])["problems"]
    return problems


def test_ready_means_that_it_came_through_and_the_record_knows_nothing_of_it(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    url = started(line, caplog)
    hands = line.worker()
    # Given a worker that is there, asks, and has a canary and a frame in its hands
    beat(hands)
    hands.ask(10)
    fill(line, 1)
    taken = hands.take(2)
    assert sorted(frame.header.frame == CANARY for frame in taken) == [False, True]
    wait_until(lambda: readiness(url) == ["source drop: no canary picture has come through with the right answer yet"])
    # When it answers both
    answer(hands, taken)
    # Then the line is ready, and of the two one is on record
    wait_until(lambda: readiness(url) == [])
    line.wait_for(lambda account: ok(account) == 1)
    assert [record.name for record in line.records()] == ["000.bmp"]
    assert line.account().tally is not None
    assert "inspector_canary_timestamp_seconds" in get(url + "/metrics")[1]


def test_workers_that_answer_nothing_any_more_end_readiness_though_they_say_that_they_are_there(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    url = started(line, caplog)
    hands = line.worker()

    def passes() -> bool:
        beat(hands)
        hands.ask(10)
        answer(hands, hands.take(1))
        return readiness(url) == []

    wait_until(passes)
    beat(hands)  # from now on it takes what it is given, and nothing comes back
    hands.ask(10)
    wait_until(lambda: bool(readiness(url)))
    (problem,) = readiness(url)
    assert problem.startswith("source drop: no canary picture has come through with the right answer for ")
    wait_until(passes)


def test_a_worker_that_answers_wrong_is_named_until_it_answers_right_or_is_gone(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    url = started(line, caplog)
    sick, well = line.worker("worker-0.1"), line.worker("worker-1.1")
    wrong = "worker-0.1: wrong answer to the canary picture: scratches 0.00, right is ok 0.00"

    def turn(label: str) -> list[str]:
        for hands in (sick, well):
            beat(hands)
            hands.ask(10)
            answer(hands, hands.take(1), label if hands is sick else "ok")  # each has its turn
        return readiness(url)

    wait_until(lambda: turn("ok") == [])
    wait_until(lambda: turn("scratches") == [wrong])
    assert "inspector_canary_wrong_total 0.0" not in get(url + "/metrics")[1]
    wait_until(lambda: turn("ok") == [])
    wait_until(lambda: turn("scratches") == [wrong])
    line.started[0].tell(WorkerGone("worker-0.1"))
    wait_until(lambda: wrong not in readiness(url))
    assert line.records() == []
