"""What both clients do: `watch` only notes, a thread hands over."""

import atexit
import logging
import os
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from typing import Any, Final

from exporter.client.backlog import Backlog
from exporter.client.refusal import remainder, unreferenced, untimed
from exporter.client.submission import Submission, Target, groups, submission
from exporter.errors import ExporterError
from exporter.running import URL, Answer, RunningExporter, check_url
from exporter.sources.backoff import LAST, Backoff

PATH: Final = "/api/v1/requests"
CLOSE_SECONDS: Final = 5.0
_BUSY = (429, 500, 502, 503, 504)
_SHORTEST_PAUSE = 0.1

log = logging.getLogger("exporter.client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """RequestIDs since the start: taken by the exporter, dropped here, and not yet either."""

    taken: int
    dropped: int
    waiting: int


class Handover:
    """Hands RequestIDs to the exporter at `url`, in batches, from a daemon thread that starts with the first one.

    Once made it never raises and `watch` never waits: what does not fit, what the exporter refuses and what finds the
    backlog full is counted as dropped and told to the logger `exporter.client`. An entry that is refused costs none beside
    it; one whose time lies ahead of the exporter's clock is handed over without it, and references are left out where the
    exporter takes none. While the exporter is away or busy,
    it is tried again. Making one raises ValueError for settings that can't work. One that is left open is closed when the
    program ends, which an absent exporter holds up for 5 s at most.

    url      the exporter's base URL
    token    of its push source, where it has one
    account  and `api`: of what is watched without them
    batch    RequestIDs a call, at most
    linger   seconds that one waits for others
    limit    RequestIDs that wait, at most
    timeout  seconds for a call
    context  TLS, where the system's authorities are not enough
    """

    def __init__(
        self,
        url: str = URL,
        *,
        token: str | None = None,
        account: str | None = None,
        api: str | None = None,
        batch: int = 500,
        linger: float = 1.0,
        limit: int = 100_000,
        timeout: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if mistake := check_url(url):
            raise ValueError(f"url {mistake}")
        self._exporter = RunningExporter(url=url, authorization=_authorization(token), context=context, timeout=timeout)
        self._account = account
        self._api = api
        self._backlog = Backlog(batch=batch, linger=linger, limit=limit)
        self._backoff = Backoff(SystemRandom())
        self._is_closed = self._is_full = self._is_away = False
        self._begin()
        atexit.register(self._close)

    @property
    def counts(self) -> Counts:
        self._notice_fork()
        with self._changed:
            return Counts(taken=self._taken, dropped=self._dropped, waiting=self._admitted - self._settled)

    def watch(
        self,
        request_id: str,
        submitted_at: datetime | None = None,
        account: str | None = None,
        api: str | None = None,
        *,
        reference: str | None = None,
    ) -> None:
        """Needs no await: it only notes. `submitted_at` needs a time zone; None means now. `reference` is what the application
        knows the update by, and goes along where the exporter's configuration allows that."""
        self._notice_fork()
        target = Target(account=self._account if account is None else account, api=self._api if api is None else api)
        try:
            self._note(submission(request_id, submitted_at, target, reference))
        except ValueError as error:
            self._drop_unfit(error)

    def _flush(self, timeout: float) -> bool:
        """Hands over what waits, without lingering. False where that took longer than `timeout` seconds."""
        self._notice_fork()
        with self._changed:
            goal = self._urgent = self._admitted
            self._flushes += 1
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled >= goal, timeout)

    def _close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Flushes, and drops what the exporter has not taken within `timeout` seconds; `counts` are final then."""
        self._flush(timeout)
        with self._changed:
            self._is_closed = True
            self._backlog.clear()
            # A batch that is under way too: its thread may hang in a call for longer than the program wants to wait.
            left = self._admitted - self._settled
            self._dropped += left
            self._settled += left
            self._changed.notify_all()
        if left:
            log.warning("closed before the exporter had taken all; %d RequestIDs dropped", left)
        atexit.unregister(self._close)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._taken: int = 0
        self._dropped: int = 0
        self._flushes: int = 0
        # Of what the backlog has admitted, the first `_settled` are taken or dropped, the first `_urgent` do not linger.
        self._admitted: int = 0
        self._settled: int = 0
        self._urgent = 0

    def _notice_fork(self) -> None:
        """A fork has the memory and not the thread, and maybe a held lock. Its parent hands over what waits."""
        if os.getpid() != self._process:
            self._backlog.clear()
            self._begin()

    def _note(self, one: Submission) -> None:
        with self._changed:
            is_noted = not self._is_closed and self._backlog.add(one, now=time.monotonic())
            self._admitted += is_noted
            self._dropped += not is_noted
            was_full, self._is_full = self._is_full, not is_noted
            if is_noted:
                self._start()
                self._changed.notify_all()
        if not is_noted and not was_full:
            log.warning(
                "%s; RequestIDs are dropped", "the client is closed" if self._is_closed else "the backlog is full"
            )

    def _drop_unfit(self, error: ValueError) -> None:
        with self._changed:
            self._dropped += 1
        log.warning("a RequestID is dropped: %s", error)

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="exporter-client", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No thread can be had now: the next RequestID tries again.
                return
            self._thread = thread

    def _run(self) -> None:
        while batch := self._next():
            for group in groups(batch):
                self._hand_over(group)

    def _next(self) -> list[Submission]:
        """The next batch once it is due; nothing when closed."""
        with self._changed:
            while not self._is_closed:
                rest = self._backlog.rest(now=time.monotonic())
                if rest is not None and (rest == 0 or self._settled < self._urgent):
                    return self._backlog.take()
                self._changed.wait(rest)
        return []

    def _hand_over(self, group: dict[str, Any]) -> None:
        left = [group]
        while left:
            left[:1] = self._try(left[0])

    def _try(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        """What of the group is to be tried once more, in another form."""
        count = len(group["request_ids"])
        answer = self._answer(group)
        if answer is None:
            return []
        if answer.status == 202:
            self._settle(taken=count)
            return []
        rest = remainder(group, answer.status, answer.details())
        self._settle_refused(group, rest, why="; ".join([answer.trouble(), *answer.details()]))
        return rest

    def _answer(self, group: dict[str, Any]) -> Answer | None:
        """What the exporter decides, however long that takes. None where the client is closed before."""
        if self._is_closed:
            # The rest of a batch that close() has dropped must not be handed over after it.
            return None
        flushes = self._flushes
        while (answer := self._ask(group)) is None or answer.status in _BUSY:
            if not self._pause(answer, flushes):
                return None
            flushes = self._flushes
        self._backoff.reset()
        self._is_away = False
        return answer

    def _ask(self, group: dict[str, Any]) -> Answer | None:
        """None where there was no answer."""
        try:
            answer = self._exporter.post(PATH, group)
        except ExporterError as error:
            self._tell_away(str(error))
            return None
        except Exception as defect:  # noqa: BLE001  (the edge: a dead thread would let the backlog fill unseen)
            self._tell_away(type(defect).__name__)
            return None
        if answer.status in _BUSY:
            self._tell_away(answer.trouble())
        return answer

    def _tell_away(self, why: str) -> None:
        """Once for each time that it is away."""
        if not self._is_away:
            log.warning("the exporter can't take RequestIDs now, they wait: %s", why)
        self._is_away = True

    def _pause(self, answer: Answer | None, flushes: int) -> bool:
        """Whether to try again. A flush ends the pause; `flushes` had been when the last try began."""
        pause = self._backoff.pause()
        if answer is not None and answer.retry_after is not None:
            pause = min(max(answer.retry_after, _SHORTEST_PAUSE), LAST)
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._flushes > flushes, pause)
            return not self._is_closed

    def _settle_refused(self, group: dict[str, Any], rest: list[dict[str, Any]], *, why: str) -> None:
        kept = sum(len(part["request_ids"]) for part in rest)
        self._settle(dropped=len(group["request_ids"]) - kept, why=why)
        if (count := sum(map(untimed, rest)) - untimed(group)) > 0:
            log.warning("%d RequestIDs are handed over without their time, do the clocks differ? %s", count, why)
        if (count := unreferenced(group, rest)) > 0:
            log.warning("%d RequestIDs are handed over without their reference: %s", count, why)

    def _settle(self, *, taken: int = 0, dropped: int = 0, why: str = "") -> None:
        with self._changed:
            if self._is_closed:
                # close() has settled the batch.
                return
            self._taken += taken
            self._dropped += dropped
            self._settled += taken + dropped
            self._changed.notify_all()
        if dropped:
            log.warning("a batch of %d RequestIDs is dropped: %s", dropped, why)


def _authorization(token: str | None) -> str | None:
    if token is None:
        return None
    if not token.strip().isprintable() or not token.isascii():
        raise ValueError("token must be printable ASCII")
    return f"Bearer {token.strip()}"
