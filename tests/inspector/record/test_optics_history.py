"""Holds how optics reach record, readiness, metrics and commands: through a line's own source and sink."""

import io
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from inspector.answers.status import look, to_json
from inspector.cli.commands.status import draw
from inspector.cli.main import main
from inspector.protocol.messages import Tally
from inspector.protocol.optics import Figures, OpticsBaseline, OpticsState, Trouble
from inspector.record import optics_history
from inspector.record.optics_history import PastTrouble
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings import loading
from inspector.sink import recovery
from inspector.sources.optics.monitor import OpticsMonitor
from tests.fakes import Line, wait_until
from tests.inspector.pictures import encode, strip
from tests.inspector.roles import Bench, bench, ok

FIGURES = Figures(120.0, 0.1, 0.4, 0.0)
DUST = Trouble("dust", 100.0, -0.08, 0.0, "a spot at x 400 to 408, y 112 to 120 px, 8% darker")
DARK = Trouble("dark", 150.0, 40.0, 120.0)
BASELINE = OpticsBaseline(
    pictures=60,
    height=200,
    width=300,
    mean=FIGURES,
    deviation=Figures(0.1, 0.2, 0.3, 0.0),
    spots=bytes(25 * 37),
    streaks=bytes(37),
)


def tally(at: float, *troubles: Trouble, since: float = 50.0, baseline: OpticsBaseline | None = None) -> Tally:
    """A word of the source at that time."""
    state = OpticsState(
        at=at, since=since, learned=60, needed=60, figures=FIGURES, troubles=list(troubles), baseline=baseline
    )
    return Tally(
        source="cam",
        epoch="1f",
        captured=0,
        outcomes={},
        dropped={},
        in_flight=0,
        last_frame_at=at,
        at=at,
        optics=state,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as made:
        yield made


def troubles(store: Store) -> list[tuple[str, float, float | None]]:
    """Kind, begin and end of each."""
    return [(one.kind, one.began_at, one.ended_at) for one in optics_history.troubles(store, Query())]


def test_troubles_are_on_record_from_their_begin_to_their_end(store: Store) -> None:
    for word in (tally(90), tally(160, DUST), tally(170, DUST, DARK), tally(180, DARK), tally(181, DARK)):
        store.write([], [word])

    assert troubles(store) == [("dust", 100, 180), ("dark", 150, None)]
    assert optics_history.troubles(store, Query())[0] == PastTrouble(
        source="cam", kind="dust", began_at=100, ended_at=180, figure=-0.08, usual=0, detail=DUST.detail
    )
    assert optics_history.troubles(store, Query(until=120))[0].kind == "dust"
    assert [one.kind for one in optics_history.troubles(store, Query(since=200))] == ["dark"]


def test_a_new_life_is_told_what_was_learned_and_what_is_wrong(store: Store) -> None:
    assert optics_history.state(store, "cam") is None
    store.write([], [tally(160, DUST, baseline=BASELINE)])
    store.write([], [tally(161, DUST)])  # told once, it is told no more

    state = optics_history.state(store, "cam")
    assert state is not None
    assert (state.since, state.baseline, state.troubles, state.learned) == (50, BASELINE, [DUST], 60)


def test_what_another_version_kept_is_learned_anew(store: Store) -> None:
    store.write([], [tally(160, DUST, baseline=BASELINE)])
    with store.transaction() as cursor:
        cursor.execute("UPDATE optics SET usual = x'9301'")
        cursor.execute("UPDATE optics_troubles SET kind = 'smell'")

    state = optics_history.state(store, "cam")
    assert state is not None
    assert (state.since, state.baseline, state.troubles) == (50, None, [])


def test_learning_anew_ends_troubles_and_what_an_uninformed_source_tells_does_not_count(store: Store) -> None:
    store.write([], [tally(160, DUST, baseline=BASELINE)])
    with store.transaction() as cursor:
        optics_history.learn_anew(cursor, "cam", 165.0)
    store.write([], [tally(166, DUST, DARK, baseline=BASELINE)])

    assert troubles(store) == [("dust", 100, 165)]
    assert optics_history.learn_since(store) == {"cam": 165}
    state = optics_history.state(store, "cam")
    assert state is not None
    assert (state.since, state.baseline) == (165, None)
    store.write([], [tally(170, since=165, baseline=BASELINE)])
    assert optics_history.baseline(store, "cam") == (165, BASELINE)


def test_learning_anew_is_heard_also_where_the_clock_was_ahead_when_it_was_said_before(store: Store) -> None:
    with store.transaction() as cursor:
        optics_history.learn_anew(cursor, "cam", 9e9)
    store.write([], [tally(100, since=9e9, baseline=BASELINE)])
    with store.transaction() as cursor:
        optics_history.learn_anew(cursor, "cam", 200.0)

    assert optics_history.learn_since(store)["cam"] > 9e9
    state = optics_history.state(store, "cam")
    assert state is not None and state.baseline is None


def test_a_row_of_figures_is_kept_a_minute_and_goes_with_time(store: Store) -> None:
    for second in range(0, 180, 10):
        store.write([], [tally(7200.0 + second)])
    rows = list(store.read("SELECT began_at FROM optics_minutes"))
    assert rows == [(7200,), (7260,), (7320,)]
    (hour,) = optics_history.trend(store, Query(), 3600)
    assert (hour.began_at, hour.brightness) == (7200, pytest.approx(120))

    store.write([], [tally(7400, DUST), tally(7401)])
    with store.transaction() as cursor:
        optics_history.forget(cursor, 7300)
    assert [row[0] for row in store.read("SELECT began_at FROM optics_minutes")] == [7320, 7380]
    with store.transaction() as cursor:
        optics_history.forget(cursor, 8000)
    assert troubles(store) == []


@pytest.fixture
def line(caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    """A drop folder whose pictures count as a second each; trouble is told after 3 s."""
    caplog.set_level(logging.INFO)
    with bench(optics={"after_s": 3, "learn_pictures": 60}, delivery={"drain_s": 0.2}) as made:
        yield made


class Drop:
    """Puts pictures into the folder, each of them looked at."""

    def __init__(self, line: Bench) -> None:
        self._line = line
        self._now = 0.0
        settings = line.settings
        line.start_source(monitor=OpticsMonitor(settings.optics, settings.sources[0].strip, lambda: self._now))
        self._worker = line.worker()

    def put(self, *pictures: NDArray[np.uint8]) -> None:
        """One after the other; each is on record before the next."""
        self._line.drop.mkdir(exist_ok=True)
        for pixels in pictures:
            self._now += 1
            recorded = len(self._line.records())
            (self._line.drop / f"{recorded:03}.bmp").write_bytes(encode(pixels))
            self._worker.work_until(lambda recorded=recorded: len(self._line.records()) > recorded)  # type: ignore[misc]

    def state(self) -> OpticsState:
        """What the source last said."""
        told = self._line.account().tally
        assert told is not None
        return told.optics or OpticsState(at=0.0, since=0.0, learned=0, needed=0)

    def kinds(self) -> list[str]:
        """The troubles that it last told."""
        return [trouble.kind for trouble in self.state().troubles]


def page(caplog: pytest.LogCaptureFixture, name: str) -> str:
    """What the sink's port answers."""
    (address,) = (text.removeprefix("metrics on ") for text in caplog.messages if text.startswith("metrics on "))
    try:
        with urllib.request.urlopen(address.replace("metrics", name), timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def test_a_camera_that_shows_black_ends_readiness_and_loses_nothing(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    line.start_sink()
    drop = Drop(line)
    drop.put(strip(seed=1))
    # When it shows black for a while, then the line is not ready, and every picture is on record
    drop.put(*[np.zeros((96, 128), np.uint8)] * 4)
    line.wait_for(lambda _: drop.kinds() == ["blank"])
    wait_until(lambda: "pictures of drop: blank: black" in page(caplog, "readyz"))
    assert 'inspector_optics_trouble{kind="blank",source="drop"} 1.0' in page(caplog, "metrics")
    assert 'inspector_optics_trouble{kind="dust",source="drop"} 0.0' in page(caplog, "metrics")
    assert 'inspector_optics_brightness{source="drop"} 0.0' in page(caplog, "metrics")
    # When strip is seen again, then it is over
    drop.put(*(strip(seed=seed) for seed in range(4)))
    line.wait_for(lambda _: drop.kinds() == [])
    wait_until(lambda: "blank" not in page(caplog, "readyz"))
    account = line.wait_for(lambda account: ok(account) == 9)
    assert account.balanced
    with closing(Store(line.settings.data, read_only=True)) as store:
        (trouble,) = optics_history.troubles(store, Query())
    assert (trouble.kind, trouble.detail, trouble.ended_at is None) == ("blank", "black", False)


def test_a_source_goes_on_with_what_is_on_record_and_learns_anew_when_it_is_told_to(line: Bench) -> None:
    # Given a record that knows the source and its dust
    with closing(Store(line.settings.data)) as store:
        here = msgspec.structs.replace(BASELINE, height=96, width=128, spots=bytes(12 * 16), streaks=bytes(16))
        word = tally(160.0, DUST, baseline=here)
        store.write([], [msgspec.structs.replace(word, source="drop")])
    line.start_sink()
    drop = Drop(line)
    drop.put(strip(seed=1))
    line.wait_for(lambda _: drop.state().learned == 60)
    assert (drop.kinds(), drop.state().since) == (["dust"], 50)
    # When someone has cleaned the lens and says so
    with closing(Store(line.settings.data)) as store, store.transaction() as cursor:
        optics_history.learn_anew(cursor, "drop", 1e9)
    line.wait_for(lambda _: drop.state().since == 1e9)
    # Then it learns from what comes now
    drop.put(strip(seed=2), strip(seed=3))
    line.wait_for(lambda _: drop.state().learned == 2)
    assert drop.kinds() == []


@pytest.fixture
def told(tmp_path: Path) -> Line:
    """A line that does not run; its record has a camera with dust."""
    made = Line(tmp_path, [{"name": "cam", "type": "simulated"}, {"name": "other", "type": "simulated"}])
    made.data.mkdir()
    now = time.time()
    with closing(Store(made.data)) as store:
        store.write([], [tally(now - 7000, since=now - 9000, baseline=BASELINE)])
        dust = msgspec.structs.replace(DUST, began_at=now - 60)
        store.write([], [tally(now, dust, since=now - 9000)])
    return made


def optics(line: Line, *options: str) -> int:
    """The exit code of the command."""
    return main(["optics", "-c", str(line.config), *options])


def test_the_command_shows_figures_trend_and_troubles(told: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert optics(told) == 1
    screen = capsys.readouterr().out
    assert "no picture was looked at yet" in screen
    assert "learned from 60 pictures of 300x200" in screen
    assert "a spot at x 400 to 408" in screen

    assert optics(told, "--json", "--since", "90d") == 1
    answer = json.loads(capsys.readouterr().out)
    cam, other = answer["sources"]
    assert (cam["learned"], cam["figures"]["brightness"], other["figures"]) == (60, 120, None)
    assert [one["kind"] for one in answer["troubles"]] == ["dust"]
    assert answer["trend"][0]["sharpness"] == pytest.approx(0.4)

    assert optics(told, "--source", "other") == 0
    assert "no trouble in that time" in capsys.readouterr().out
    assert optics(told, "--source", "camera") == 2


def test_learning_is_asked_for_by_name(told: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert optics(told, "--learn", "camera") == 2
    assert optics(told, "--learn", "cam") == 0
    assert "cam: the baseline is learned from the next 3600 pictures" in capsys.readouterr().out
    assert optics(told) == 0
    assert "learning: 0 of the pictures needed" in capsys.readouterr().out
    assert optics(told, "-o", "optics.enabled=false", "--learn", "cam") == 2


def test_the_status_shows_what_is_wrong_with_pictures(told: Line) -> None:
    status = look(loading.load(told.config))
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(draw(status))

    assert "pictures of cam: dust since" in console.export_text()
    assert json.loads(to_json(status))["sources"][0]["picture_troubles"][0][1] == "dust"


def test_a_record_that_was_set_aside_gives_its_optics_to_the_next(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.write([], [tally(160, DUST, baseline=BASELINE)])
    recovery.mark(tmp_path, "for a test")
    opened, _ = recovery.open_record(tmp_path)
    with closing(opened) as store:
        state = optics_history.state(store, "cam")
    assert state is not None
    assert (state.baseline, state.troubles) == (BASELINE, [DUST])
