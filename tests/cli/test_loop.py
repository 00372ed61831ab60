"""Which event loop the process runs on."""

import asyncio
import sys

import pytest
import uvloop

from exporter import loop
from exporter.errors import StartupError


async def kind() -> tuple[type[asyncio.AbstractEventLoop], str]:
    return type(asyncio.get_running_loop()), loop.name()


def test_uvloop_is_what_everything_runs_on_unless_asyncio_is_asked_for() -> None:
    assert loop.run(kind()) == loop.run(kind(), choice="uvloop") == (uvloop.Loop, "uvloop")
    found, name = loop.run(kind(), choice="asyncio")
    assert (found is uvloop.Loop, name) == (False, "asyncio")


def test_where_uvloop_is_not_installed_asyncio_is_used_unless_uvloop_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop.run(kind())[1] == "asyncio"
    with pytest.raises(StartupError) as caught:
        loop.run(kind(), choice="uvloop")
    assert str(caught.value) == "--event-loop: uvloop is not installed here; pip install uvloop, or leave the flag out"
