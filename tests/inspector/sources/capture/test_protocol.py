"""Holds the words of supervisor and children: each comes back as it went, and no socket takes it for a message."""

from multiprocessing import Pipe

import pytest

from inspector.errors import MessageError
from inspector.protocol import control, messages
from inspector.protocol.control import (
    ControlMessage,
    DecideBy,
    InForce,
    LabelNumbers,
    Process,
    Processes,
    Ready,
    Recipe,
    Unusable,
    WorkerGone,
)
from inspector.protocol.frames import FrameOf

BY = DecideBy({"ok": 0.9}, 1.5, {"scratches": "minor"}, [Recipe("exposed", ["DX56D"], {"ok": 0.95}, None, {})])
WORDS: list[ControlMessage] = [
    WorkerGone("worker-0.1", [FrameOf("drop", "a")]),
    Processes([Process("worker-0", "worker", 4711, {"signal": 2}, "")]),
    BY,
    InForce(1.7e9, "model-1", {"ok": LabelNumbers("ok", "none", 0.5)}, BY, {"drop": {"place.mm_per_px": "0.3"}}),
    Ready("worker-0.1"),
    Unusable("worker-0.1", "inference.json: damaged"),
]

each = pytest.mark.parametrize("word", WORDS, ids=lambda word: type(word).__name__)


@each
def test_each_word_comes_back_as_it_went(word: ControlMessage) -> None:
    ours, theirs = Pipe()
    control.send(ours, word)
    assert list(control.receive_all(theirs)) == [word]
    ours.close()
    with pytest.raises(EOFError):
        control.receive(theirs)
    theirs.close()


@each
def test_what_is_no_word_is_refused(word: ControlMessage) -> None:
    data = control.encode(word)
    ours, theirs = Pipe()
    for wrong in (data[:-1], data + b"\0", messages.encode(messages.Beat("worker-0.1", "m"))):
        ours.send_bytes(wrong)
        with pytest.raises(MessageError):
            control.receive(theirs)
    ours.close()
    theirs.close()


@each
def test_a_stranger_on_a_socket_cannot_say_it(word: ControlMessage) -> None:
    with pytest.raises(MessageError):
        messages.decode(control.encode(word))
