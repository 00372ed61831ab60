"""The event loop that everything runs on: uvloop where it is installed, else asyncio's own."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

from exporter.errors import StartupError
from exporter.options import ASYNCIO, AUTO, UVLOOP

_STANDARD_ERROR = 2

Value = TypeVar("Value")


def run(main: Coroutine[Any, Any, Value], *, choice: str = AUTO) -> Value:
    """`choice` is one of options.EVENT_LOOPS. Raises StartupError where uvloop is asked for and not installed."""
    try:
        make = factory(choice)
    except StartupError:
        main.close()
        raise
    _occupy_standard_streams()
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main)


def _occupy_standard_streams() -> None:
    """Where one of them was closed when the process began, the event loop would get its number, and uvloop aborts when it has to
    close a number so low."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)


def name() -> str:
    """That of the loop that runs."""
    return UVLOOP if type(asyncio.get_running_loop()).__module__.startswith(UVLOOP) else ASYNCIO


def factory(choice: str) -> Callable[[], asyncio.AbstractEventLoop]:
    has_uvloop = find_spec(UVLOOP) is not None
    if choice == UVLOOP and not has_uvloop:
        raise StartupError("--event-loop: uvloop is not installed here; pip install uvloop, or leave the flag out")
    if choice == ASYNCIO or not has_uvloop:
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
