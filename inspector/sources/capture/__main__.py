"""Entry of the capture process: takes orders from stdin until that ends."""

import os
import sys
import threading
from queue import Queue
from typing import BinaryIO

import msgspec

from inspector.sources.capture import ffmpeg, gige, opencv
from inspector.sources.capture.protocol import AravisOrder, Order
from inspector.sources.capture.sender import Sender
from inspector.sources.capture.stderr_reader import StderrReader


def main() -> None:
    """Serve one order after the other."""
    sender = Sender(os.dup(1))
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # a bug of ours still shows in the log
    stderr = StderrReader()
    os.dup2(2, 1)  # what native code prints must not be taken for a message of ours
    orders: Queue[Order | None] = Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders, stop), daemon=True).start()
    while order := orders.get():
        if isinstance(order, AravisOrder):
            gige.grab(order, sender, stop)
        elif order.kind == "device":
            opencv.grab(order, sender, stderr, stop)
        else:
            ffmpeg.grab(order, sender, stop)
    os._exit(0)


def _listen(stdin: BinaryIO, orders: "Queue[Order | None]", stop: threading.Event) -> None:
    while length := stdin.read(4):
        orders.put(msgspec.msgpack.decode(stdin.read(int.from_bytes(length, "big")), type=Order))
    stop.set()
    orders.put(None)


if __name__ == "__main__":
    main()
