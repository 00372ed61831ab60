"""Sees to it that the RequestIDs that pass are taken in: before the answer goes on if that is possible, else later."""

import asyncio

from exporter.errors import IntakeError, IntakeFull, InvalidEntry, StoreError
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.gateway.spooled import Spooled
from exporter.log import get_logger
from exporter.sources.source import Entry, SourceHealth
from exporter.tasks import Tasks

log = get_logger(__name__)


class Recorder:
    """`record` is called with each submission. What the store refuses waits in the spool."""

    def __init__(
        self, source: str, *, record_timeout: float, spooled: Spooled, health: SourceHealth, meter: GatewayMeter
    ) -> None:
        self._source = source
        self._record_timeout = record_timeout
        self._spooled = spooled
        self._health = health
        self._meter = meter
        self._recordings = Tasks("a gateway's recordings")
        self._under_way: set[Recording] = set()
        self._ailing = True

    def change(self, source: str, *, record_timeout: float) -> None:
        """Answers that are held already go on when they would have."""
        self._source = source
        self._record_timeout = record_timeout

    def record(self, entry: Entry, traffic: AccountTraffic) -> asyncio.Future[None]:
        """Done when the request is durable, in the store or, after `record_timeout`, in the spool; never an error."""
        recording = Recording(entry)
        self._under_way.add(recording)
        recording.alarm = asyncio.get_running_loop().call_later(self._record_timeout, self._hand_on, recording)
        self._recordings.start(self._record(recording, traffic))
        return recording.handed_on

    def miss(self, account: str, why: str) -> None:
        """A submission went through, and its RequestID could not be read."""
        self._count(account, why)
        self._health.refused(self._source, InvalidEntry(why))

    def overlook(self, account: str, why: str) -> None:
        """A submission went through that the configuration does not know. Where that is found it is told, once."""
        self._meter.unrecorded_submission(account)
        self._health.refused(self._source, InvalidEntry(why))

    async def drain(self, grace: float) -> None:
        """Let what is being recorded end. What has not after `grace` seconds goes into the spool: the store may have it too, and
        knows it then."""
        await self._recordings.ended(grace)
        for recording in list(self._under_way):
            await self._spool(recording)

    async def _record(self, recording: "Recording", traffic: AccountTraffic) -> None:
        try:
            is_watched = await traffic.take_in(self._source, recording.entry)
        except (IntakeError, StoreError) as error:
            await self._refused(recording, error)
        else:
            self._well()
            if not is_watched:
                self._tell_again(recording.entry)
        finally:
            self._under_way.discard(recording)
            if not recording.spooled:
                recording.release()

    def _hand_on(self, recording: "Recording") -> None:
        """The application has waited long enough. What it is answered survives a `kill -9` all the same: the spool is quick."""
        recording.counted = True
        self._count(
            recording.entry.account, "the store is slow; the answer goes on, and its request waits in the spool"
        )
        recording.alarm = asyncio.get_running_loop().call_later(self._record_timeout, recording.release)
        self._recordings.start(self._spool(recording))

    async def _spool(self, recording: "Recording") -> None:
        if not recording.spooled:
            recording.spooled = True
            await self._spooled.add(self._source, recording.entry)
            recording.release()

    async def _refused(self, recording: "Recording", error: IntakeError | StoreError) -> None:
        self._ailing = True
        if not recording.counted:
            recording.counted = True
            self._count(recording.entry.account, str(error))
        self._health.down(self._source, error)
        if isinstance(error, IntakeFull | StoreError):
            await self._spool(recording)

    def _tell_again(self, entry: Entry) -> None:
        """LeadSquared has given a RequestID for a second time, as a simulator does that starts again with the same seed."""
        log.warning(
            "LeadSquared answered a submission with the RequestID of a request that has ended; it is not watched again",
            source=self._source,
            account=entry.account,
            request_id=entry.request_id,
        )
        self._meter.unrecorded_submission(entry.account)
        self._health.refused(self._source, InvalidEntry("the RequestID of a request that has ended"))

    def _well(self) -> None:
        if self._ailing:
            self._ailing = False
            self._health.up(self._source)

    def _count(self, account: str, why: str) -> None:
        log.warning("a submission went through and is not recorded", problem=why, source=self._source, account=account)
        self._meter.unrecorded_submission(account)


class Recording:
    """One submission, and the answer that waits for it."""

    __slots__ = ("alarm", "counted", "entry", "handed_on", "spooled")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.handed_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.alarm: asyncio.TimerHandle | None = None
        self.counted = False
        self.spooled = False

    def release(self) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
        if not self.handed_on.done():
            self.handed_on.set_result(None)
