import asyncio
from collections.abc import Callable, Mapping

from hypothesis import settings

from tests import loops

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", parent=settings(), deadline=None)
settings.load_profile("any machine")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {loops.chosen(): loops.factory()}
