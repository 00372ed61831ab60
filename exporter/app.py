"""The exporter as a process: starts the parts in their order, listens to signals, stops them in the opposite order."""

import asyncio
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import SystemRandom
from typing import Any

from exporter import loop, signals
from exporter.autoreload import AutoReload
from exporter.clock import SteadyClock
from exporter.config.load import load
from exporter.config.settings import Settings
from exporter.errors import ConfigurationError, StoreError
from exporter.http.reception import descriptors
from exporter.http.room import Room
from exporter.leadsquared.network import NetworkTransport
from exporter.log import get_logger, tell_held_back
from exporter.metrics.meters import Meters
from exporter.options import RunOptions
from exporter.prefix import prefix
from exporter.service import Service
from exporter.store.open import open_spool, open_store
from exporter.supervisor import Supervisor
from exporter.version import revision, version
from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.names import Names
from exporter.web.security import Security

HELD_BACK_SECONDS = 5.0
# What the rest of a stop takes at worst: connections that end, calls under way, and a last commit that fails.
STOP_SECONDS = 10.0

log = get_logger(__name__)


def run(options: RunOptions) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Raises ExporterError for what keeps it from starting."""
    reloading = AutoReload(options.config_file, interval=options.auto_reload_interval)
    settings = _load(options)
    main = serve(options, settings, reloading, Supervisor(os.environ))
    return loop.run(main, choice=options.event_loop)


def _load(options: RunOptions) -> Settings:
    settings = load(options.config_file, environment=os.environ)
    for warning in settings.warnings:
        log.warning(warning)
    return settings


def assemble(options: RunOptions, settings: Settings) -> tuple[Service, Listeners]:
    """All parts put together, nothing started. Needs a running event loop. Raises ConfigurationError or StartupError."""
    meters = Meters()
    where = prefix(external_url=options.external_url, route_prefix=options.route_prefix)
    room = Room.within(descriptors())
    security = None if options.web_config_file is None else Security(options.web_config_file)
    service = Service(
        settings,
        store=open_store(settings.storage.url, meters.commit),
        spool=open_spool(settings.storage.url),
        transport=NetworkTransport(),
        clock=SteadyClock(),
        meters=meters,
        load=partial(_load, options),
        random=SystemRandom(),
        grace=max(1.0, options.shutdown_grace_period - STOP_SECONDS),
        room=room,
    )
    asyncio.get_running_loop().set_exception_handler(service.defect)
    application = build(
        service,
        telemetry_path=options.telemetry_path,
        enable_lifecycle=options.enable_lifecycle,
        security=security,
        prefix=where,
        names=Names(listen=options.listen_addresses, external_url=options.external_url),
    )
    return service, Listeners(application, options.listen_addresses, security=security, room=room, path=where.route)


async def serve(options: RunOptions, settings: Settings, reloading: AutoReload, supervisor: Supervisor) -> int:
    """Start, wait for the end, stop. The listeners come first, so that health and readiness can be asked at once."""
    service, listeners = assemble(options, settings)
    _listen_to_signals(service)
    try:
        return await _serve(service, listeners, reloading, supervisor)
    finally:
        signals.PROCESS.ignore(asyncio.get_running_loop())


async def _serve(service: Service, listeners: Listeners, reloading: AutoReload, supervisor: Supervisor) -> int:
    try:
        urls = await listeners.start()
        await service.start()
        # What is there now stays. With many accounts each full pass of the garbage collector over it held the event loop for 0.1 s.
        gc.freeze()
        log.info("started", version=version(), revision=revision(), loop=loop.name(), urls=" ".join(urls))
        supervisor.ready()
        with _companions(service, reloading, supervisor):
            await service.stopping.wait()
    except BaseException:
        await listeners.stop()
        await service.abort()
        raise
    supervisor.stopping()
    return await _stop(service, listeners)


@contextmanager
def _companions(service: Service, reloading: AutoReload, supervisor: Supervisor) -> Iterator[None]:
    tasks = (
        asyncio.create_task(reloading.run(partial(_reload, service)), name="auto-reload"),
        asyncio.create_task(supervisor.watch(service.unhealthy), name="watchdog"),
        asyncio.create_task(_tell_held_back(), name="held back log lines"),
    )
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _tell_held_back() -> None:
    while True:
        await asyncio.sleep(HELD_BACK_SECONDS)
        tell_held_back()


async def _stop(service: Service, listeners: Listeners) -> int:
    service.drain()
    await listeners.stop()
    try:
        await service.stop()
    except StoreError as error:
        log.error("the last changes could not be written; they are asked for again after the next start", error=error)
        return 1
    finally:
        tell_held_back(at_once=True)
    log.info("stopped")
    return 0


def _listen_to_signals(service: Service) -> None:
    reloads: set[asyncio.Task[Any]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(_reload(service))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    signals.PROCESS.deliver(asyncio.get_running_loop(), end=service.quit, reload=reload)


async def _reload(service: Service) -> bool:
    """Whether it worked."""
    try:
        await service.reload()
    except ConfigurationError as error:
        for problem in error.problems:
            log.error("configuration not reloaded", problem=problem)
        return False
    except StoreError:
        # The start has failed meanwhile, and tells that itself.
        return False
    return True
