"""Strip Inspector: every frame of a steel line inspected, or on record as not inspected.

    camera / drop folder / simulator                              defects, metrics, records
            │                                                              ▲
         source ──frames──▶ worker x N ──verdicts──▶ sink ─────────────────┘
            ▲               tiles, batch, predict, decide    │
            └──────────────── ack: "recorded" ◀──────────────┘

`supervisor` starts, watches and stops these processes. Read the path in this order: `sources`, `worker`, `sink`;
what they say to each other is in `messages`.
"""

__version__ = "0.1.0"
