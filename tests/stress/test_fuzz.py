"""Holds a line under nonsense, in short (fuzz.py has the long form), and the sink against those it believes."""

import secrets
from pathlib import Path

import pytest

from inspector.protocol import messages
from inspector.protocol.messages import Beat, Hello, Pulse, Tally, Verdicts
from inspector.protocol.sockets import Dealer, sink_address
from tests.fakes import running, wait_until
from tests.inspector.protocol.test_messages import EXAMPLES
from tests.inspector.roles import bench
from tests.planted import PlantedLine
from tests.stress import fuzz
from tests.stress.mutations import Mutator


def test_a_line_under_nonsense_counts_it_all_keeps_nothing_and_goes_on(tmp_path: Path) -> None:
    seed = secrets.randbits(32)

    findings = fuzz.fuzz(tmp_path, 2000, 150, seed)

    assert [finding for finding in findings if not finding.good] == [], f"python -m tests.stress.fuzz --seed {seed}"
    assert len(findings) > 15


def test_a_line_that_forgets_some_fails_the_fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "forgetful")
    line = PlantedLine(tmp_path)
    with running(line):
        wait_until(lambda: line.log.count("is ready") >= 3, line.explain)
        run = fuzz.Fuzz(line, 7)
        run.messages("sink", 300)
    assert [finding.good for finding in run.findings] == [False]


def test_a_mutation_is_the_same_for_the_same_seed_and_seldom_the_example() -> None:
    examples = [messages.encode(example) for example in EXAMPLES]
    first, again, other = ([Mutator(seed, examples).next() for _ in range(1)] for seed in (1, 1, 2))
    mutator = Mutator(3, examples)

    assert first == again != other
    assert sum(mutator.next() in examples for _ in range(1000)) < 100


def test_whatever_known_speakers_say_the_sink_goes_on() -> None:
    # Given one who has the peer name of a worker and one who has that of a source
    seed = secrets.randbits(32)
    said = [example for example in EXAMPLES if isinstance(example, Verdicts | Beat | Hello | Tally)]
    mutator = Mutator(seed, [messages.encode(example) for example in said])
    with bench(record={"commit_ms": 5}) as line:
        sink = line.start_sink()
        speakers = [Dealer("worker-0.1"), Dealer("drop.1f")]
        for speaker in speakers:
            speaker.connect(sink_address(line.sockets))
        # When both say what is nearly right, very often
        for number in range(6000):
            wait_until(lambda number=number: speakers[number % 2].send(mutator.next()))  # type: ignore[misc]
        # Then it still answers, and what is said well is recorded
        speakers[1].send(messages.encode(Hello("drop", "1f", True, [])))
        speakers[1].send(
            messages.encode(
                Tally(
                    source="drop",
                    epoch="1f",
                    captured=0,
                    outcomes={},
                    dropped={},
                    in_flight=0,
                    last_frame_at=0.0,
                    number=2**40,
                )
            )
        )

        def answered() -> bool:
            while parts := speakers[1].receive():  # all that came: there may be one for each message
                if isinstance(messages.decode(parts[0]), Pulse):
                    return True
            return False

        wait_until(answered, lambda: f"seed {seed}: {sink.error!r}")
        assert sink.error is None, f"seed {seed}"
        for speaker in speakers:
            speaker.close()
