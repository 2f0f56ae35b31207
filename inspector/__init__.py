"""Strip Inspector: every frame of a steel line inspected, or on record as not inspected.

    camera / drop folder / simulator                              defects, metrics, records
            │                                                              ▲
         source ──frames──▶ worker x N ──verdicts──▶ sink ─────────────────┘
            ▲               tiles, batch, predict, decide    │
            └──────────────── ack: "recorded" ◀──────────────┘

`supervisor` starts, watches and stops these processes. Read the path in this order: `sources`, `worker`, `sink`;
what they say to each other is in `messages`.
"""

import os

__version__ = "0.3.0"

#: A picture of more is refused before anything is allocated: a 16k line-scan frame of 6,000 lines still passes.
MAX_PIXELS = 100_000_000
# OpenCV reads its own limit once, when it is first imported, whichever module of ours does that: a 48 KB file that
# claims 30,000 x 30,000 must not cost 3 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
# A damaged file is a verdict of ours, with its reason; the codec's own lines would only flood the log.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
