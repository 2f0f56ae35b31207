"""Owns a reload: which parts of a changed config take effect, and which processes are replaced for them.

Sources that are removed or changed finish their frames in flight. Then the sink is replaced, and everything that it had
not recorded is offered to the next one. Workers stop one by one, each when another one with the new config serves.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from inspector.protocol.heartbeat import LifeSign
from inspector.settings.section import differences
from inspector.settings.settings import Settings
from inspector.settings.sources.types import SourceSettings
from inspector.supervisor import launch
from inspector.supervisor.child import Child
from inspector.supervisor.restart_policy import TROUBLE_ENDS, Restarts
from inspector.supervisor.role import STOP_SIGNAL, Role

log = logging.getLogger(__name__)

#: Sections of the config that the sink reads when it starts; workers read `evidence`, too.
_OUTPUTS = ("record", "evidence", "disk", "metrics", "alarms", "grading", "rolls")
#: Time for which the loop of a source must turn until the source counts as started, with or without its camera, in
#: seconds.
_OPEN_S = 3.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a reload does. `settings` are those in force after it; `waiting` are the keys that need a restart.

    `ending`: sources that stop, because they were removed or changed; `beginning`: sources that start. `sink`,
    `workers`: whether these are replaced.
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
    """Return the change after which as much of `fresh` as possible is in force."""
    outputs = {name: getattr(fresh, name) for name in (*_OUTPUTS, "decision", "recipes", "sources", "models")}
    settings = before.model_copy(update=outputs)
    old, new = ({source.name: source for source in one.sources} for one in (before, settings))
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    kept = [name for name in new if name in old]
    resampled = _sampling(settings) != _sampling(before)
    other = [name for name in kept if resampled or _own(new[name]) != _own(old[name])]
    moved = any(new[name].place != old[name].place for name in kept)
    spelled = any(new[name].place.pattern != old[name].place.pattern for name in kept)
    trimmed = any(new[name].strip != old[name].strip for name in kept)
    changed = {key.partition(".")[0] for key in differences(before, settings)}
    crowd = bool(added or removed)
    reshown = settings.models.shadow_ok_share != before.models.shadow_ok_share
    return Change(
        before,
        settings,
        tuple(differences(settings, fresh)),
        ending=frozenset(removed + other),
        beginning=tuple(name for name in new if name in added or name in other),
        sink=crowd or moved or trimmed or bool(changed & set(_OUTPUTS)),
        workers=crowd or trimmed or spelled or reshown or "evidence" in changed,
    )


def _sampling(settings: Settings) -> tuple[float, float]:
    """Return the settings by which each source samples its frames."""
    return settings.evidence.ok_every_s, settings.evidence.ok_every_m


def _own(source: SourceSettings) -> dict[str, Any]:
    """Return the settings that the source's own process uses."""
    return source.model_dump(exclude={"place", "strip"})


class Renewal:
    """Replaces processes of a running line. `children` is the list of the supervisor, which starts and removes them.

    A process that cannot be replaced ends the reload: the line returns to the settings before it, except decisions.
    """

    def __init__(
        self, change: Change, children: list[Child], put_in_force: Callable[[Settings], None], stop_s: float
    ) -> None:
        """`put_in_force`: processes that start from then on get these settings. `stop_s`: time to stop, in seconds."""
        self._change = change
        self._children = children
        self._put_in_force = put_in_force
        self._stop_s = stop_s
        self._spare: dict[str, Child] = {}  # places of sources that are not in the line now
        self._replaced: set[str] = set()  # slots of workers that have the new config

    def steps(self) -> Iterator[None]:
        """Yield once in each turn of the supervisor until the reload is done or undone."""
        change = self._change
        here = {child.slot for child in self._of("source")}
        try:
            self._spare = {name: self._child("source", name) for name in change.beginning if name not in here}
            launch.rehearse()
        except OSError as error:  # before anything was ended
            log.error("reload: no process can be started: %s; the line goes on as before", error)
            self._close_spare()
            return
        if (yield from self._carry_out(change, self._of("worker") if change.workers else [])):
            log.info("reload: done")
        else:
            yield from self._go_back(plan(change.settings, change.before))
        self._close_spare()

    def _carry_out(self, change: Change, workers: list[Child]) -> Generator[None, None, bool]:
        """Replace what the change replaces; return False, and log why, if a process cannot be replaced."""
        yield from self._end_sources(change)
        if change.sink and not (yield from self._replace_sink()):
            return False
        if not (yield from self._begin_sources(change)):  # their first frames wait for workers that know these sources
            return False
        for child in workers:
            if not (yield from self._replace_worker(child)):
                return False
            self._replaced.add(child.slot)
        return True

    def _go_back(self, change: Change) -> Iterator[None]:
        """Undo what was carried out. A process that does not start at once is left to the supervisor, which retries."""
        log.error("reload: the line goes on as before")
        yield from self._end_sources(change)
        self._close_spare(change.beginning)  # first: file descriptors may be what is lacking
        if change.sink:
            yield from self._replace_sink()
        yield from self._begin_sources(change)
        for child in [child for child in self._of("worker") if child.slot in self._replaced]:
            if not (yield from self._replace_worker(child)):
                yield from self._end([child], self._stop_s)
                child.leaving = False

    def _of(self, role: Role) -> list[Child]:
        return [child for child in self._children if child.role == role]

    def _child(self, role: Role, slot: str) -> Child:
        """Return a new place that the line can do without: a process that cannot serve is reported, and not fatal."""
        return Child(role, slot, LifeSign(), Restarts(self._change.before.supervision.give_up_after), was_ready=True)

    def _close_spare(self, but: Collection[str] = ()) -> None:
        for name in self._spare.keys() - set(but):
            self._spare.pop(name).sign.close()

    def _forget(self, child: Child) -> None:
        self._children.remove(child)
        child.sign.close()

    def _end(self, children: list[Child], limit_s: float) -> Iterator[None]:
        """Stop these processes, by force after `limit_s`."""
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

    def _end_sources(self, change: Change) -> Iterator[None]:
        """Stop sources as at a stop of the line, with frames in flight recorded; then put the settings in force."""
        ending = [child for child in self._of("source") if child.slot in change.ending]
        yield from self._end(ending, change.before.delivery.drain_s + self._stop_s)
        for child in ending:
            self._children.remove(child)
            self._spare[child.slot] = child
        self._put_in_force(change.settings)

    def _begin_sources(self, change: Change) -> Generator[None, None, bool]:
        """Start sources; return False if one ends at once. A source without its camera goes on and keeps trying."""
        coming = [self._spare.pop(name) for name in change.beginning]
        for child in coming:
            child.leaving, child.was_ready = False, True
            child.sign.clear()
            child.restarts.forgive()
        ends = {child.slot: child.restarts.ends for child in coming}
        self._children.extend(coming)
        settled_at = math.inf
        while not all(child.ready for child in coming) and time.monotonic() < settled_at:
            for child in coming:
                if child.restarts.ends > ends[child.slot]:
                    log.error("reload: source %s does not start: %s", child.slot, child.reason)
                    return False
            if settled_at == math.inf and all(child.sign.turned for child in coming):
                settled_at = time.monotonic() + _OPEN_S
            yield
        return True

    def _replace_sink(self) -> Generator[None, None, bool]:
        (sink,) = self._of("sink")
        yield from self._end([sink], self._stop_s)
        sink.leaving, sink.renewed = False, True
        sink.restarts.forgive()
        ends, refused = sink.restarts.ends, sink.restarts.causes.get("unusable", 0)
        while not sink.ready:
            if sink.restarts.ends >= ends + TROUBLE_ENDS or sink.restarts.causes.get("unusable", 0) > refused:
                log.error("reload: %s", sink.reason)
                sink.restarts.forgive()
                return False
            yield
        return True

    def _replace_worker(self, child: Child) -> Generator[None, None, bool]:
        try:
            other = self._child("worker", child.slot)
        except OSError as error:
            log.error("reload: %s cannot be replaced: %s", child.name, error)
            return False
        self._children.insert(self._children.index(child), other)
        while not other.ready:
            if other.restarts.causes:
                log.error("reload: %s does not start: %s", other.name, other.reason)
                yield from self._end([other], self._stop_s)
                self._forget(other)
                return False
            yield
        yield from self._end([child], self._stop_s)
        self._forget(child)
        return True
