"""Hands image files in to a `push` source, and prints what became of each: push_client.py SOCKET FILE...

To another machine: push_client.py tcp://10.0.0.7:5560 FILE..., and PUSH_KEYS is the folder with the keys made for here.
"""

import json
import os
import sys

import zmq
from zmq.auth import load_certificate

socket = zmq.Context().socket(zmq.REQ)
socket.setsockopt(zmq.RCVTIMEO, 60_000)  # the line is away: no answer, so hand it in again
socket.setsockopt(zmq.LINGER, 0)
if keys := os.environ.get("PUSH_KEYS"):
    socket.curve_serverkey, _ = load_certificate(f"{keys}/server.key")
    socket.curve_publickey, socket.curve_secretkey = load_certificate(f"{keys}/client.key_secret")
socket.connect(sys.argv[1] if "://" in sys.argv[1] else f"ipc://{sys.argv[1]}")
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        data = file.read()
    # An array needs no file: {"encoding": "gray8", "height": 1024, "width": 4096} and array.tobytes()
    header = {"encoding": "file", "name": path, "id": "42"}
    socket.send_multipart([json.dumps(header).encode(), data])
    answer = json.loads(socket.recv())
    print(path, answer["answer"], *filter(None, map(answer.get, ("outcome", "label", "severity", "score", "why"))))
    for region in answer.get("regions", []):  # the worst of its defects, in the picture's pixels
        print("  {label} {severity} {score:.2f} at {x},{y}, {width}x{height}".format(**region))
