"""What the command line says about one run of the exporter."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

AUTO: Final = "auto"
UVLOOP: Final = "uvloop"
ASYNCIO: Final = "asyncio"
EVENT_LOOPS: Final = (AUTO, UVLOOP, ASYNCIO)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`listen_addresses` are HOST:PORT, :PORT or [IPV6]:PORT; `log_level` and `log_format` are those of exporter.log.

    `auto_reload_interval` and `shutdown_grace_period` are in seconds; the interval is 0 for never. `event_loop` is one of
    EVENT_LOOPS.
    """

    config_file: Path = Path("config.yaml")
    auto_reload_interval: float = 0.0
    listen_addresses: tuple[str, ...] = (":10040",)
    external_urls: tuple[str, ...] = ()
    web_config_file: Path | None = None
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    shutdown_grace_period: float = 25.0
    event_loop: str = AUTO
    log_level: str = "info"
    log_format: str = "logfmt"
