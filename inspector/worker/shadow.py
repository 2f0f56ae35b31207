"""Owns the loop of a model in shadow: it judges frames that are decided already, and only writes down what it says.

It answers to nobody: no source, no sink. All that it can touch is a file of its own.
"""

import logging
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from inspector.errors import MessageError, StoreError
from inspector.protocol import shadow
from inspector.protocol.control import Ready, send
from inspector.protocol.frames import FrameOf, view_pixels
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.shadow import Shown
from inspector.protocol.sockets import Puller
from inspector.record.models.shadow_record import Judged, ShadowRecord
from inspector.settings.sources.types import SourceSettings
from inspector.vision.tiling import Tile
from inspector.worker.batch_inspector import BatchInspector
from inspector.worker.batcher import Batcher
from inspector.worker.recipes import Recipes

log = logging.getLogger(__name__)

#: How long a turn waits for a frame, in milliseconds.
_IDLE_MS = 250.0
#: Longest time that a judged frame waits to be written, in seconds, and most frames that wait.
_WRITE_S, _WRITE_FRAMES = 1.0, 64
#: Rest after each frame, in multiples of the CPU time that it took: a tenth of a core at most. Idle priority alone is
#: not enough, because cores share caches.
_REST = 9.0


class Shadow:
    """Judges until told to stop."""

    def __init__(
        self,
        batch_inspector: BatchInspector,
        recipes: Recipes,
        batcher: Batcher,
        sources: Mapping[str, SourceSettings],
        pull: Puller,
        record: ShadowRecord,
        sign: LifeSign,
    ) -> None:
        """`sources`: by name, those whose frames are judged; `sign` shows the frame in hand."""
        self._batch_inspector = batch_inspector
        self._recipes = recipes
        self._batcher = batcher
        self._sources = sources
        self._pull = pull
        self._record = record
        self._sign = sign
        self._judged: list[Judged] = []
        self._written_at = 0.0
        self._rests_until = 0.0

    def run(self, name: str, words: Connection, stop: Callable[[], bool]) -> None:
        """Serve until `stop`; the supervisor hears through `words` that the process `name` is ready."""
        send(words, Ready(name))
        try:
            while not stop():
                rest_s = self._rests_until - time.monotonic()
                if rest_s > 0:
                    time.sleep(min(rest_s, _IDLE_MS / 1000))
                elif parts := self._pull.receive(_IDLE_MS):
                    self._take(parts)
                self._write()
        finally:
            self._pull.close()
            self._record.close()

    def _take(self, parts: list[bytes]) -> None:
        try:
            if len(parts) != 2:
                raise MessageError("a worker shows a frame and its pixels")
            shown = shadow.decode(parts[0])
            judged = self._judge(shown, parts[1])
        except MessageError as error:
            log.warning("a frame that was shown is ignored: %s", error)
            return
        if judged is not None:
            self._judged.append(judged)

    def _judge(self, shown: Shown, data: bytes) -> Judged | None:
        """Judge the part of the frame that was inspected by the recipe that decided it; None if there is none."""
        live, header = shown.verdict, shown.verdict.header
        choice, source = self._recipes.named(live.recipe or ""), self._sources.get(header.source)
        if choice is None or source is None:
            return None
        pixels = view_pixels(shown.frame, data)
        area = None if live.area is None else Tile(*live.area)
        self._sign.begin([FrameOf(header.source, header.frame)])
        began = time.process_time()
        self._batcher.add(shown.frame, pixels, choice, time.monotonic(), area, source.strip.overlap_px)
        (verdict,) = self._batch_inspector.inspect(self._batcher.take()).verdicts
        cpu_s = time.process_time() - began
        self._sign.end()
        self._rests_until = time.monotonic() + _REST * cpu_s
        return Judged(
            source=header.source, frame=header.frame, captured_at=header.captured_at,
            live_model=shown.model, live_outcome=live.outcome, live_label=live.label, live_severity=live.severity,
            outcome=verdict.outcome, label=verdict.label, severity=verdict.severity, score=verdict.score,
            live_s=shown.live_s, cpu_s=cpu_s, missed=shown.missed,
        )  # fmt: skip

    def _write(self) -> None:
        now = time.monotonic()
        if not self._judged or (len(self._judged) < _WRITE_FRAMES and now - self._written_at < _WRITE_S):
            return
        try:
            self._record.write(self._judged, time.time())
        except StoreError as error:
            log.warning("what the model in shadow says of %d frames is not kept: %s", len(self._judged), error)
        self._judged.clear()
        self._written_at = now
