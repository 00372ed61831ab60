"""The event loop that tests run on: the one that LEADSQUARED_EXPORTER_EVENT_LOOP names, as it is for the exporter."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from exporter import loop
from exporter.options import AUTO

Value = TypeVar("Value")


def chosen() -> str:
    return os.environ.get("LEADSQUARED_EXPORTER_EVENT_LOOP") or AUTO


def run(main: Coroutine[Any, Any, Value]) -> Value:
    return loop.run(main, choice=chosen())


def factory() -> Callable[[], asyncio.AbstractEventLoop]:
    return loop.factory(chosen())
