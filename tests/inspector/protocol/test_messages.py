"""Holds the wire format: each message comes back as it went, and any other bytes are refused, whatever they are."""

import math

import msgspec
import numpy as np
import pytest

from inspector.errors import MessageError
from inspector.protocol import messages
from inspector.protocol.frames import Frame, view_pixels
from inspector.protocol.messages import Ack, Beat, Credit, Hello, Message, Pulse, Tally, Verdicts, Welcome
from inspector.protocol.optics import Figures, OpticsBaseline, OpticsState, Trouble
from inspector.protocol.verdicts import Doubt, Region, Settled, Verdict
from inspector.vocabulary import Reason
from tests.inspector.verdicts import header

HEADER = header("f" * 32, "scan/ä\n\"'.bmp", sequence=7, captured_at=1.7e9, captured_mono=5.5, width=300, attempt=2)
VERDICT = Verdict(
    header=HEADER, outcome="defect", label="scratches", severity="major", score=0.97,
    reason=Reason("too_many_regions", "300 regions: the worst 256"),
    regions=[Region(x=0, y=100, width=200, height=200, label="scratches", score=0.97)],
    doubts=[Doubt(x=100, y=0, width=200, height=100, label="ok", score=0.6, reason=Reason("low_score", "0.70"))],
    in_doubt=0.25,
)  # fmt: skip
FRAME = Frame(HEADER, 0.002)
FIGURES = Figures(120.5, 0.1, 0.4, 0.0)
SIGHT = OpticsState(
    at=1.7e9, since=1.6e9, learned=60, needed=3600, figures=FIGURES,
    troubles=[Trouble("dust", 1.7e9, -0.08, 0.0, "a spot at x 8 to 16")],
    baseline=OpticsBaseline(
        pictures=60, height=16, width=16, mean=FIGURES, deviation=FIGURES, spots=b"\1\2\3\4", streaks=b"\5\6"
    ),
)  # fmt: skip
EXAMPLES: list[Message] = [
    Credit("worker-0.1", "1f", 10, 32),
    FRAME,
    Verdicts("worker-0.1", "model-1", [VERDICT], 1, 0.01),
    Verdicts("drop", "", [VERDICT]),
    Beat("worker-0.1", "model-1"),
    Hello("drop", "1f", True, ["a", "b"]),
    Welcome(
        sink="2e", recorded=[Settled("a", "ok")], captured=5, outcomes={"ok": 3, "error": 1}, dropped={"overload": 1}
    ),
    Tally(
        source="drop",
        epoch="1f",
        captured=5,
        outcomes={"ok": 3, "defect": 0, "unsure": 0, "error": 1},
        dropped={"overload": 1},
        in_flight=0,
        last_frame_at=1.7e9,
    ),
    Tally(
        source="drop", epoch="1f", captured=0, outcomes={}, dropped={}, in_flight=0, last_frame_at=1.7e9, optics=SIGHT
    ),
    Welcome(sink="2e", recorded=[], captured=0, outcomes={}, dropped={}, since=0.0, optics=SIGHT),
    Pulse("2e", 7, 1.7e9),
    Ack([Settled("a", "unsure"), Settled("b", "error")]),
]


def raw(message: Message, **changes: object) -> bytes:
    """The message as bytes with some fields changed to anything."""
    fields = [changes.get(name, getattr(message, name)) for name in message.__struct_fields__]
    if isinstance(message, Frame | Verdict):
        fields[0] = [changes.get(name, getattr(HEADER, name)) for name in HEADER.__struct_fields__]
    return msgspec.msgpack.encode([type(message).__name__, *fields])


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_each_message_comes_back_as_it_went(message: Message) -> None:
    assert messages.decode(messages.encode(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_cut_short_or_with_something_behind_it_is_refused(message: Message) -> None:
    data = messages.encode(message)
    for length in range(len(data)):
        with pytest.raises(MessageError):
            messages.decode(data[:length])
    with pytest.raises(MessageError):
        messages.decode(data + b"\0")


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (EXAMPLES[0], {"worker": ""}),
        (EXAMPLES[0], {"worker": "w" * 65}),
        (EXAMPLES[0], {"free": -1}),
        (EXAMPLES[0], {"free": 1_000_000}),
        (EXAMPLES[0], {"seen": -1}),
        (EXAMPLES[0], {"seen": "1"}),
        (FRAME, {"height": 0}),
        (FRAME, {"width": 65_537}),
        (FRAME, {"attempt": 0}),
        (FRAME, {"frame": ""}),
        (FRAME, {"name": "n" * 4097}),
        (FRAME, {"sequence": 2**63}),
        (FRAME, {"captured_at": math.nan}),
        (FRAME, {"captured_mono": math.inf}),
        (FRAME, {"name": b"not text"}),
        (FRAME, {"decode_s": -1.0}),
        (VERDICT, {"height": -1}),
        (VERDICT, {"attempt": 0}),
        (VERDICT, {"outcome": "good"}),
        (VERDICT, {"score": 1.01}),
        (VERDICT, {"score": math.nan}),
        (VERDICT, {"reason": ["blank", "r" * 1025]}),
        (VERDICT, {"reason": ["dull", "r"]}),
        (VERDICT, {"reason": "r"}),
        (VERDICT, {"regions": [EXAMPLES[3]] * 300}),
        (VERDICT, {"doubts": VERDICT.doubts * 300}),
        (VERDICT, {"doubts": [["Doubt", 0, 0, 9, 9, "ok", 0.6, ["blank", "r" * 65]]]}),
        (VERDICT, {"in_doubt": 1.01}),
        (EXAMPLES[7], {"outcomes": {"fine": 1}}),
        (EXAMPLES[7], {"in_flight": 2**64 - 1}),
        (EXAMPLES[7], {"dropped": {"": 1}}),
        (EXAMPLES[5], {"claimed": ["x"] * 4097}),
        (EXAMPLES[5], {"durable": 1}),
        (EXAMPLES[8], {"optics": ["OpticsState", 1.7e9, 0.0, 60, 60, [1.0, math.nan, 0.0, 0.0]]}),
        (EXAMPLES[8], {"optics": ["OpticsState", 1.7e9, 0.0, 60, 60, None, [["Trouble", "smell", 1.0, 0.0, 0.0, ""]]]}),
        (
            EXAMPLES[8],
            {"optics": ["OpticsState", 1.7e9, 0.0, 60, 60, None, [["Trouble", "dust", 1.0, math.nan, 0.0, ""]]]},
        ),
        (EXAMPLES[8], {"optics": msgspec.structs.replace(SIGHT, troubles=SIGHT.troubles * 9)}),
        (
            EXAMPLES[8],
            {
                "optics": msgspec.structs.replace(
                    SIGHT,
                    baseline=OpticsBaseline(
                        pictures=1, height=9, width=9, mean=FIGURES, deviation=FIGURES, spots=bytes(16_385), streaks=b""
                    ),
                )
            },
        ),
    ],
)
def test_a_field_beyond_its_bounds_is_refused(message: Message, changes: dict[str, object]) -> None:
    data = raw(message, **changes)
    if isinstance(message, Verdict):
        data = msgspec.msgpack.encode(["Verdicts", "w", "m", [msgspec.msgpack.decode(data)], 0, 0.0])

    with pytest.raises(MessageError):
        messages.decode(data)


def test_a_frame_without_pixels_is_none_but_a_verdict_may_be_of_one_that_was_never_decoded() -> None:
    unread = msgspec.structs.replace(HEADER, height=0, width=0)
    with pytest.raises(ValueError, match="a Frame has pixels"):
        Frame(unread)

    failed = Verdicts("drop", "", [Verdict(header=unread, outcome="error", reason=Reason("unreadable", "empty file"))])
    assert messages.decode(messages.encode(failed)) == failed


def test_a_verdict_alone_is_no_message() -> None:
    with pytest.raises(MessageError):
        messages.decode(msgspec.msgpack.encode(VERDICT))


def test_a_message_with_a_field_too_many_is_refused() -> None:
    with pytest.raises(MessageError):
        messages.decode(msgspec.msgpack.encode(["Pulse", "2e", "more"]))


def test_a_message_beyond_the_size_limit_is_refused_unread() -> None:
    with pytest.raises(MessageError, match="a message has at most"):
        messages.decode(bytes(messages.MAX_MESSAGE_BYTES + 1))


def test_nesting_does_not_exhaust_the_stack() -> None:
    with pytest.raises(MessageError):
        messages.decode(b"\x91" * 100_000)
    with pytest.raises(MessageError):
        messages.decode(messages.encode(EXAMPLES[0])[:1] + b"\x91" * 100_000)


def test_the_largest_hello_of_a_source_fits() -> None:
    hello = Hello("s" * 63, "e" * 64, True, [f"{number:032x}" for number in range(messages.MAX_IN_FLIGHT_FRAMES)])

    assert messages.decode(messages.encode(hello)) == hello


def test_the_largest_ack_of_the_sink_fits() -> None:
    # commit_rows is 10,000 at most, and one message of verdicts may come on top of it.
    ack = Ack([Settled(f"{number:032x}", "unsure") for number in range(10_000 + 2 * messages.MAX_BATCH_FRAMES)])

    assert messages.decode(messages.encode(ack)) == ack


def test_changed_and_random_bytes_are_a_message_or_a_message_error() -> None:
    random = np.random.default_rng(5)
    encoded = [messages.encode(message) for message in EXAMPLES]
    refused = 0
    for number in range(20_000):
        data = bytearray(encoded[number % len(encoded)] if number % 4 else random.bytes(int(random.integers(0, 60))))
        for _ in range(int(random.integers(1, 4)) if data else 0):
            data[int(random.integers(0, len(data)))] = int(random.integers(0, 256))
        try:
            message = messages.decode(bytes(data))
        except MessageError as error:
            refused += bool(str(error))
        else:  # and what was let in can be sent on
            assert messages.decode(messages.encode(message)) == message
    with pytest.raises(MessageError):
        messages.decode(messages.encode(Pulse("abc")).replace(b"abc", b"\xdf\xff\xfe"))
    assert refused > 5000


def test_pixels_are_viewed_not_copied() -> None:
    data = bytes(range(200)) * 300

    pixels = view_pixels(FRAME, data)

    assert (pixels.shape, pixels.dtype, pixels.flags.owndata) == ((200, 300), np.uint8, False)
    assert pixels[1, 0] == 100


@pytest.mark.parametrize("length", [0, 1, 200 * 300 - 1, 200 * 300 + 1])
def test_pixels_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(MessageError, match=f"{length} bytes of pixels for 300x200"):
        view_pixels(FRAME, bytes(length))
