import asyncio
from collections.abc import Callable, Mapping

from tests import loops


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {loops.chosen(): loops.factory()}
