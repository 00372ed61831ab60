"""A coroutine that runs without a task."""

import asyncio

import pytest

from exporter.engine.errand import Errand


class Ended:
    """Remembers what errands ended by."""

    def __init__(self) -> None:
        self.by: list[BaseException | None] = []

    def __call__(self, errand: Errand, defect: BaseException | None) -> None:
        self.by.append(defect)


def begun(work: object, ended: Ended) -> Errand:
    errand = Errand(work, ended, asyncio.get_running_loop())  # type: ignore[arg-type]
    errand.run()
    return errand


async def test_it_begins_at_once_and_goes_on_when_what_it_waits_for_is_there() -> None:
    async def work() -> None:
        story.append("begun")
        story.append(await future)
        await asyncio.sleep(0)
        story.append(await asyncio.create_task(asyncio.sleep(0.001, "a task")))

    story: list[str] = []
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ended = Ended()
    begun(work(), ended)
    assert story == ["begun"]
    future.set_result("a future")
    await asyncio.sleep(0.05)
    assert (story, ended.by) == (["begun", "a future", "a task"], [None])


async def test_an_error_of_what_it_waits_for_is_raised_where_it_waits() -> None:
    async def work() -> None:
        with pytest.raises(KeyError):
            await future
        raise ValueError

    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ended = Ended()
    begun(work(), ended)
    future.set_exception(KeyError())
    await asyncio.sleep(0)
    assert [type(one) for one in ended.by] == [ValueError]


@pytest.mark.parametrize("waits", [True, False])
async def test_one_that_is_cancelled_ends_and_so_does_what_it_waited_for(waits: bool) -> None:
    async def work() -> None:
        try:
            while True:
                await (future if waits else asyncio.sleep(0))
        except asyncio.CancelledError:
            heard.append(True)
            raise

    heard: list[bool] = []
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ended = Ended()
    errand = begun(work(), ended)
    errand.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (heard, future.cancelled()) == ([True], waits)
    assert [type(one) for one in ended.by] == [asyncio.CancelledError]
