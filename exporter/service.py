"""The exporter put together: engine, sources, meters and what the web shows of them."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

from exporter.clock import Clock
from exporter.config import allowance
from exporter.config import settings as config
from exporter.config.settings import PushSource, Settings
from exporter.core.ledger import Counter
from exporter.core.request import Record
from exporter.engine.engine import Engine
from exporter.errors import ConfigurationError, InvalidEntry, StoreUnavailable
from exporter.feed import Feed
from exporter.gateway.spooled import Spooled
from exporter.gateway.unknown import Unknown
from exporter.http.room import Room
from exporter.leadsquared.transport import Transport
from exporter.log import get_logger
from exporter.metrics.collector import Build, Collector, StoreState, start_known
from exporter.metrics.meters import Meters
from exporter.metrics.scrape import Scraper
from exporter.metrics.snapshot import AccountView
from exporter.sources import push
from exporter.sources.environment import Environment
from exporter.sources.source import Intake, Source, SourceHealth, trouble_of
from exporter.store.spool import Spool
from exporter.store.store import Found, Query, Store
from exporter.tasks import Tasks
from exporter.version import python_version, revision, version
from exporter.web.backend import Rejected, Removal, SourceView, UnknownView

if TYPE_CHECKING:
    from exporter.sources.log.standard_input import StandardInput

log = get_logger(__name__)


class Service:
    """Implements the web's Backend. `load` reads the configuration again; `stopping` is set when the process should end; `grace`
    is how many seconds a gateway may then wait for what it records; `room` is for the connections of all listeners."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        spool: Spool,
        transport: Transport,
        clock: Clock,
        meters: Meters,
        load: Callable[[], Settings],
        random: Random,
        grace: float,
        room: Room | None = None,
    ) -> None:
        self.stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self.meters = meters
        self._feed = Feed(self._build_source, self)
        self.engine = Engine(
            settings,
            store=store,
            transport=transport,
            clock=clock,
            meter=meters,
            random=random,
            read_since=self._feed.read_since,
            refused=self.refused,
        )
        self._clock = clock
        self._load = load
        self._transport = transport
        self._random = random
        self._grace = grace
        self._room = room or Room()
        self._spooled = Spooled(spool, intake=lambda: self.intake, health=self, now=clock.wall, random=random)
        self._background = Tasks("the spool")
        self._unknown = Unknown(now=clock.wall)
        build = Build(version=version(), revision=revision(), python_version=python_version())
        self._scraper = Scraper(
            Collector(
                self.engine.ledger,
                meters,
                self.engine.views,
                store=self._store_state,
                ahead=clock.ahead,
                build=build,
            )
        )
        self._standard_input: StandardInput | None = None
        self._followed: Mapping[str, Collection[str]] = {}
        self._loaded = False
        self._unready: str | None = "starting: the store is being read"
        self._defect: str | None = None
        self._rejected: Rejected | None = None

    async def start(self) -> None:
        """Read the store, begin to poll, and open the ways in. Raises StoreError."""
        # A reload that is asked for meanwhile has its turn then.
        async with self._reloading:
            await self._start()

    async def _start(self) -> None:
        await self.engine.start()
        self._declare()
        self._loaded = True
        await self._spooled.open()
        self._background.start(self._spooled.run())
        self._followed = self._logs_followed()
        await self._feed.apply(self.engine.settings.sources)
        self.meters.config_reload(ok=True, time=self._clock.wall())
        self._tell_allowance()
        self._unready = None

    async def stop(self) -> None:
        """Close the ways in, commit, mark the stop as clean. Raises StoreError."""
        self.drain()
        await self._feed.stop()
        # An engine that stops takes in nothing more, as if the accounts were no longer configured: what waits would be given up.
        await self._background.cancel()
        try:
            await self.engine.stop()
        finally:
            await self._spooled.close(self._grace)
            await self.abort()

    async def abort(self) -> None:
        """Let go of what was opened, without a word to the store."""
        self._scraper.close()
        await self._transport.close()

    def drain(self) -> None:
        """Send nothing here any more."""
        self._unready = "stopping"

    def defect(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What nobody caught is a defect: it is logged, and the health check tells it."""
        del loop
        error = context.get("exception")
        if isinstance(error, ConnectionError):
            # asyncpg leaves a future behind when a server dies within the handshake of an attempt that was given up.
            # What still needs a connection tells of its end; this one is needed no more.
            log.debug("a connection ended that was given up already", error=error, where=context.get("message"))
            return
        if isinstance(error, OSError):
            # Too many open files while connections come in is trouble of the machine, and passes.
            log.error("trouble of the operating system", error=error, where=context.get("message"))
            return
        self._defect = type(error).__name__ if error is not None else str(context.get("message"))
        log.error("defect", error=self._defect, where=context.get("message"))

    def now(self) -> float:
        return self._clock.wall()

    @property
    def intake(self) -> Intake:
        """Raises StoreUnavailable until the store is read."""
        self._require_loaded()
        return self.engine.intake

    @property
    def health(self) -> SourceHealth:
        return self

    def _require_loaded(self) -> None:
        # Before that the counters would be shown below what was scraped from the process before.
        if not self._loaded:
            raise StoreUnavailable("starting: the store is being read")

    @property
    def stuck_after(self) -> float:
        return self.engine.settings.polling.stuck_after

    def views(self) -> Sequence[AccountView]:
        return self.engine.views()

    def finished(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        found: dict[tuple[str, str], dict[str, int]] = {}
        for (account, api, status, _), count in self.engine.ledger.counters[Counter.FINISHED].items():
            counts = found.setdefault((account, api), {})
            counts[status] = counts.get(status, 0) + count
        return found

    def sources(self) -> Sequence[SourceView]:
        states = self.meters.sources.items()
        return [SourceView(name=name, kind=kind, up=one.up, errors=one.errors) for (name, kind), one in states]

    def unknown(self, account: str) -> UnknownView:
        return UnknownView(findings=self._unknown.findings(account), line=self._unknown.line(account))

    def apis(self) -> Mapping[str, Collection[str]]:
        return {account.name: tuple(account.apis) for account in self.engine.settings.accounts}

    @property
    def references(self) -> bool:
        return self.engine.settings.references

    def push_sources(self) -> Sequence[PushSource]:
        return [source for source in self.engine.settings.sources if isinstance(source, PushSource)]

    def unhealthy(self) -> str | None:
        if self._unready is not None:
            return None
        dead = self._feed.dead()
        if dead is not None:
            return f"source {dead} has a defect"
        return self.engine.unhealthy() or (None if self._defect is None else f"there was a defect: {self._defect}")

    def unready(self) -> str | None:
        if self._unready is not None:
            return self._unready
        names = [one.name for one in self.engine.settings.sources if isinstance(one, config.GatewaySource)]
        deaf = next((name for name in names if self.gateway_url(name) is None), None)
        return None if deaf is None else f"gateway {deaf} does not listen"

    def rejected(self) -> Rejected | None:
        return self._rejected

    def gateway_url(self, name: str) -> str | None:
        """Where a gateway listens; None while it does not."""
        gateway = self._feed.find(name)
        url: str | None = getattr(gateway, "url", None)
        return url

    async def scrape(
        self, accept: str | None, accept_encoding: str | None, names: Collection[str]
    ) -> tuple[bytes, dict[str, str]]:
        self._require_loaded()
        return await self._scraper.scrape(accept, accept_encoding, names)

    async def find(self, request_id: str) -> Found | None:
        self._require_loaded()
        return await self.engine.find(request_id)

    async def page(self, query: Query) -> list[Record]:
        self._require_loaded()
        return await self.engine.page(query)

    async def remove(self, request_id: str) -> Removal:
        self._require_loaded()
        if await self.engine.remove(request_id):
            return Removal.REMOVED
        return Removal.UNKNOWN if await self.engine.find(request_id) is None else Removal.ENDED

    async def reload(self) -> None:
        """Take over the configuration file as it is now. Raises ConfigurationError, and everything stays as it was, or
        StoreUnavailable where the start has failed.

        One after the other: a source that ends takes its time, and the file may change again meanwhile.
        """
        async with self._reloading:
            self._require_loaded()
            settings = self._loaded_anew()
            for name in _fixed(self.engine.settings, settings):
                log.warning("this change takes effect after a restart", setting=name)
            self.engine.apply(settings)
            self._followed = self._logs_followed()
            self._spooled.reconsider()
            self._unknown.reconfigure(settings.accounts)
            self._declare()
            await self._feed.apply(settings.sources)
            self.meters.keep(accounts=self.apis(), sources=self._kinds().items())
            self.meters.config_reload(ok=True, time=self._clock.wall())
            self._rejected = None
            log.info("configuration reloaded", accounts=len(settings.accounts), sources=len(settings.sources))
            self._tell_allowance()

    def _loaded_anew(self) -> Settings:
        try:
            return self._load()
        except ConfigurationError as error:
            now = self._clock.wall()
            self.meters.config_reload(ok=False, time=now)
            since = now if self._rejected is None else self._rejected.since
            self._rejected = Rejected(what="configuration", problems=error.problems, since=since)
            raise

    def quit(self) -> None:
        self.stopping.set()

    def up(self, source: str) -> None:
        """A source works (SourceHealth)."""
        if (kind := self._kind(source)) is not None:
            self.meters.source_state(source, kind, up=True)

    def down(self, source: str, error: Exception) -> None:
        if (kind := self._kind(source)) is not None:
            self.meters.source_state(source, kind, up=False)
            self.meters.source_error(source, kind, trouble_of(error))

    def refused(self, source: str, error: InvalidEntry, count: int = 1) -> None:
        if (kind := self._kind(source)) is not None:
            self.meters.source_error(source, kind, trouble_of(error), count)

    def _kind(self, name: str) -> str | None:
        """None for a source that a reload took away while a call to it was under way, and until the store is read: that
        calls are turned away meanwhile says nothing of their source, and would be shown until the next one."""
        return self._kinds().get(name) if self._loaded else None

    def _kinds(self) -> dict[str, str]:
        """The type of each source by its name."""
        kinds = {one.name: _kind(one) for one in self.engine.settings.sources}
        return kinds if self.push_sources() else {push.UNNAMED.name: "push", **kinds}

    def _store_state(self) -> StoreState:
        journal = self.engine.journal
        return StoreState(up=journal.trouble is None, undurable=len(journal), spooled=self._spooled_counts())

    def _spooled_counts(self) -> Mapping[str, int]:
        """0 for an account that has a gateway, so that an alert sees the first that waits."""
        sources = self.engine.settings.sources
        gateways = (one.account for one in sources if isinstance(one, config.GatewaySource))
        return {**dict.fromkeys(gateways, 0), **self._spooled.counts()}

    def _tell_allowance(self) -> None:
        for line in allowance.told(self.engine.settings.accounts):
            log.info("calls allowed", accounts=line)

    def _declare(self) -> None:
        """Let every series that is known beforehand exist at 0."""
        settings = self.engine.settings
        for source in settings.sources:
            if (source.name, _kind(source)) not in self.meters.sources:
                self.meters.source_state(source.name, _kind(source), up=True)
        for account in settings.accounts:
            sources = [one.name for one in settings.sources if one.account in (None, account.name)]
            start_known(self.engine.ledger, account=account.name, apis=tuple(account.apis), sources=sources)
            gateway = any(
                isinstance(one, config.GatewaySource) for one in settings.sources if one.account == account.name
            )
            self.meters.declare_account(account.name, account.apis, gateway=gateway)

    def _build_source(self, source: config.Source) -> Source | None:
        """A task for a source; push has none, its requests come through the web."""
        environment = Environment(
            intake=self.intake,
            health=self,
            clock=self._clock,
            apis=self.apis,
            random=self._random,
            references=lambda: self.references,
        )
        match source:
            case config.LogSource():
                return self._log_source(source, environment)
            case config.GatewaySource():
                return self._gateway(source)
            case config.RedisSource():
                return self._redis_source(source, environment)
            case config.SqlSource():
                return self._sql_source(source, environment)
            case config.PushSource():
                return None
            case _:
                return _independent(source, environment)

    def _gateway(self, source: config.GatewaySource) -> Source:
        from exporter.gateway.source import Gateway

        return Gateway(
            source,
            traffic=self.engine.traffic,
            spooled=self._spooled,
            health=self,
            meter=self.meters,
            unknown=self._unknown,
            room=self._room,
            grace=self._grace,
        )

    def _log_source(self, source: config.LogSource, environment: Environment) -> Source:
        from exporter.sources import kept
        from exporter.sources.log.source import LogSource
        from exporter.sources.log.standard_input import StandardInput

        if self._standard_input is None:
            self._standard_input = StandardInput()
        one = kept.of_log(source, self.engine.settings.sources, self.engine.intake.positions())
        return LogSource(
            source,
            environment,
            positions=one.positions,
            moves=one.moves,
            standard_input=self._standard_input,
            others=lambda: self._paths_of_others(source),
        )

    def _paths_of_others(self, source: config.LogSource) -> Sequence[str]:
        """What other log sources name, and what those followed that are not configured now: it may be theirs again."""
        others = [one for one in self.engine.settings.sources if isinstance(one, config.LogSource) and one != source]
        followed = (names for owner, names in self._followed.items() if owner != source.owner)
        return [*(path for one in others for path in one.paths), *chain.from_iterable(followed)]

    def _logs_followed(self) -> Mapping[str, Collection[str]]:
        """By owner; read once a reload, for there may be thousands of positions."""
        if not any(isinstance(one, config.LogSource) for one in self.engine.settings.sources):
            return {}
        from exporter.sources import kept

        return kept.logs_followed(self.engine.intake.positions())

    def _redis_source(self, source: config.RedisSource, environment: Environment) -> Source:
        from exporter.sources.redis.source import RedisSource

        kept = self.engine.intake.positions().get(source.owner, {}).get(source.part)
        return RedisSource(source, environment, kept=kept)

    def _sql_source(self, source: config.SqlSource, environment: Environment) -> Source:
        from exporter.sources import kept
        from exporter.sources.sql.source import SqlSource

        one = kept.of_sql(source, self.engine.settings.sources, self.engine.intake.positions())
        return SqlSource(source, environment, positions=one.positions, moves=one.moves)


def _independent(source: config.Source, environment: Environment) -> Source | None:
    """One that needs no more than any. Its modules are imported for who has it: a sidecar has the memory of one or two sources,
    and an extra is there for who has the source of it."""
    match source:
        case config.StaticSource():
            from exporter.sources.static import StaticSource

            return StaticSource(source, environment)
        case config.FileSource():
            from exporter.sources.file import FileSource

            return FileSource(source, environment)
        case config.HttpSource():
            from exporter.sources.http.source import HttpSource

            return HttpSource(source, environment)
        case _:
            return None


_KINDS: dict[type[config.Source], str] = {
    config.StaticSource: "static",
    config.FileSource: "file",
    config.LogSource: "log",
    config.HttpSource: "http",
    config.PushSource: "push",
    config.GatewaySource: "gateway",
    config.RedisSource: "redis",
    config.SqlSource: "sql",
}


def _kind(source: config.Source) -> str:
    return _KINDS[type(source)]


def _fixed(former: Settings, settings: Settings) -> list[str]:
    """The keys that changed although a running process can't follow."""
    changes = {
        "storage.url": former.storage.url != settings.storage.url,
        "metrics.duration_buckets": former.metrics.duration_buckets != settings.metrics.duration_buckets,
        "metrics.max_reasons": former.metrics.max_reasons != settings.metrics.max_reasons,
    }
    return [name for name, changed in changes.items() if changed]
