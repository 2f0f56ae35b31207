"""Hands image files in to a `push` source, and prints what became of each: push_client.py SOCKET FILE..."""

import json
import sys

import zmq

socket = zmq.Context().socket(zmq.REQ)
socket.setsockopt(zmq.RCVTIMEO, 60_000)  # the line is away: no answer, so hand it in again
socket.setsockopt(zmq.LINGER, 0)
socket.connect(f"ipc://{sys.argv[1]}")
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        data = file.read()
    # An array needs no file: {"encoding": "gray8", "height": 1024, "width": 4096} and array.tobytes()
    header = {"encoding": "file", "name": path, "id": "42"}
    socket.send_multipart([json.dumps(header).encode(), data])
    answer = json.loads(socket.recv())
    print(path, answer["answer"], answer.get("outcome") or answer.get("why"))
