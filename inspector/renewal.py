"""Owns a reload: what of a changed config is taken over, and the processes that are replaced for it, without a stop.

Sources that go or change finish what they have in flight; then the sink is replaced, and everything it had not recorded
is offered to the next one; workers stop one by one, each when another that knows the new config serves.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from inspector.child import Child
from inspector.config import Settings, differences
from inspector.lifesign import LifeSign
from inspector.process import STOP_SIGNAL, Role
from inspector.restarts import Restarts
from inspector.source_settings import SourceSettings

log = logging.getLogger(__name__)

#: Sections that are outputs: the sink reads them when it starts, and of evidence the workers do, too.
_OUTPUTS = ("record", "evidence", "disk", "metrics", "alarms", "grading", "rolls")


@dataclass(frozen=True, slots=True)
class Change:
    """What a reload does. `settings` are those in force after it, `waiting` the keys that need a restart.

    `ending` sources stop: they are gone or other ones; `beginning` ones start. `sink`, `workers`: they are replaced.
    """

    before: Settings
    settings: Settings
    waiting: tuple[str, ...]
    ending: frozenset[str]
    beginning: tuple[str, ...]
    sink: bool
    workers: bool

    @property
    def replaces(self) -> bool:
        """Whether any process is replaced."""
        return self.sink or self.workers or bool(self.ending or self.beginning)


def plan(before: Settings, fresh: Settings) -> Change:
    """What has to be done so that as much as can be of `fresh` is in force."""
    outputs = {name: getattr(fresh, name) for name in (*_OUTPUTS, "decision", "recipes", "sources")}
    settings = before.model_copy(update=outputs)
    old, new = ({source.name: source for source in one.sources} for one in (before, settings))
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    kept = [name for name in new if name in old]
    other = [name for name in kept if _own(new[name]) != _own(old[name])]
    moved = any(new[name].place != old[name].place for name in kept)
    spelled = any(new[name].place.pattern != old[name].place.pattern for name in kept)
    trimmed = any(new[name].strip != old[name].strip for name in kept)
    changed = {key.partition(".")[0] for key in differences(before, settings)}
    crowd = bool(added or removed)
    return Change(
        before,
        settings,
        tuple(differences(settings, fresh)),
        ending=frozenset(removed + other),
        beginning=tuple(name for name in new if name in added or name in other),
        sink=crowd or moved or trimmed or bool(changed & set(_OUTPUTS)),
        workers=crowd or trimmed or spelled or "evidence" in changed,
    )


def _own(source: SourceSettings) -> dict[str, Any]:
    """What the source's own process goes by."""
    return source.model_dump(exclude={"place", "strip"})


class Renewal:
    """Replaces processes of a running line. `children` is the supervisor's own list: it starts and buries them."""

    def __init__(
        self, change: Change, children: list[Child], put_in_force: Callable[[Settings], None], stop_s: float
    ) -> None:
        """`put_in_force`: processes that start from then on get these settings. `stop_s`: how long one may take to."""
        self._change = change
        self._children = children
        self._put_in_force = put_in_force
        self._stop_s = stop_s

    def steps(self) -> Iterator[None]:
        """The procedure; to be stepped once in each turn of the supervisor, until it ends."""
        change = self._change
        # 1. Sources that go: what they have in flight is recorded, as at a stop.
        ending = [child for child in self._of("source") if child.slot in change.ending]
        yield from self._end(ending, change.before.delivery.drain_s + self._stop_s)
        for child in ending:
            self._children.remove(child)
        self._put_in_force(change.settings)

        # 2. The sink. One that cannot use the new config gives way to one of the old.
        if change.sink and not (yield from self._replace_sink()):
            self._put_in_force(change.before)
            self._add(source.name for source in change.before.sources if source.name in change.ending)
            return

        # 3. Sources that come. Their first frames wait for workers that know them.
        self._add(change.beginning)

        # 4. Workers, one by one.
        for child in self._of("worker") if change.workers else []:
            if not (yield from self._replace_worker(child)):
                return
        log.info("reload: done")

    def _of(self, role: Role) -> list[Child]:
        return [child for child in self._children if child.role == role]

    def _add(self, names: Iterable[str]) -> None:
        self._children.extend(self._child("source", name) for name in names)

    def _child(self, role: Role, slot: str) -> Child:
        """One that the line can do without: that it cannot serve is told, and ends nothing."""
        return Child(role, slot, LifeSign(), Restarts(self._change.before.supervision.give_up_after), was_ready=True)

    def _end(self, children: list[Child], limit_s: float) -> Iterator[None]:
        """Stop them, by force after `limit_s`."""
        deadline = time.monotonic() + limit_s
        for child in children:
            child.leaving = True
            child.send_signal(STOP_SIGNAL)
        while any(child.alive for child in children):
            if time.monotonic() > deadline:
                for child in children:
                    log.error("%s does not stop: killed", child.name)
                    child.kill()
                deadline += limit_s
            yield
        for child in children:
            child.ready = False

    def _replace_sink(self) -> Generator[None, None, bool]:
        (sink,) = self._of("sink")
        refused = sink.restarts.causes.get("unusable", 0)
        yield from self._end([sink], self._stop_s)
        sink.leaving, sink.renewed = False, True
        while not sink.ready:
            if sink.restarts.causes.get("unusable", 0) > refused:
                log.error("reload: %s; the line goes on as before", sink.reason)
                sink.restarts.forgive()
                return False
            yield
        return True

    def _replace_worker(self, child: Child) -> Generator[None, None, bool]:
        other = self._child("worker", child.slot)
        self._children.insert(self._children.index(child), other)
        while not other.ready:
            if other.restarts.causes:
                log.error("reload: %s does not start: %s; the workers there are go on", other.name, other.reason)
                yield from self._end([other], self._stop_s)
                self._children.remove(other)
                return False
            yield
        yield from self._end([child], self._stop_s)
        self._children.remove(child)
        return True
