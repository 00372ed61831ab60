"""What the log tells at its debug level of polls and decisions."""

import asyncio
import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from exporter import log
from exporter.core.change import Change
from exporter.core.watch import Rest, StatusCall, Watch
from exporter.engine.diary import Diary
from exporter.sources.source import Entry
from tests.engine.test_traffic import SETTINGS, Scene, play


@pytest.fixture(params=["debug", "info"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def output(level: str) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(level=level, form="logfmt", stream=stream)
    yield stream
    log.configure(level="warn", form="logfmt")


def lines(output: io.StringIO, message: str) -> list[str]:
    told = (line.partition(" msg=")[2] for line in output.getvalue().splitlines())
    return [line for line in told if line.startswith((f'"{message}"', f"{message} "))]


async def finish(scene: Scene) -> None:
    await scene.take_in()
    while len(scene.engine.pollers["acme"].watch.tracker):  # noqa: ASYNC110
        await asyncio.sleep(1.0)


@pytest.mark.parametrize("level", ["debug"])
def test_each_poll_is_told_with_its_reason_and_what_came_of_it(output: io.StringIO) -> None:
    play(finish)

    about = "account=acme api=lead_update request_id=r1"
    polls, answers = lines(output, "polls"), lines(output, "poll answered")
    assert len(polls) == len(answers) > 1
    assert polls[0].startswith(f"polls {about} reason=")
    assert " age=" in polls[0]
    assert " unpolled=" in polls[0]
    assert answers[0].startswith(f'"poll answered" {about} status=in_queue current_step=')
    (ended,) = lines(output, "request finished")
    assert ended.startswith(
        f'"request finished" {about} status=success last_step=in_process_queue polls={len(polls)} age='
    )
    assert lines(output, "rests")[-1].startswith("rests account=acme reason=idle mode=closed seconds=")


@pytest.mark.parametrize("level", ["debug"])
def test_what_is_given_up_is_told_with_its_cause_and_a_failed_call_names_the_request(output: io.StringIO) -> None:
    async def act(scene: Scene) -> None:
        entry = Entry(request_id="r-unknown", account="acme", api="lead_update", submitted=scene.loop.time())
        await scene.engine.intake.accept("push", [entry])
        while len(scene.engine.pollers["acme"].watch.tracker):  # noqa: ASYNC110
            await asyncio.sleep(1.0)

    play(act, settings=replace(SETTINGS, polling=replace(SETTINGS.polling, not_found_attempts=2)))

    (failed,) = lines(output, "call failed")
    assert "kind=not_found" in failed
    assert "request_id=r-unknown" in failed
    assert len(lines(output, "request not found")) == 1
    (given_up,) = lines(output, "request abandoned")
    assert "request_id=r-unknown" in given_up
    assert "cause=not_found not_found=2" in given_up


@pytest.mark.parametrize("level", ["debug"])
def test_what_an_operator_removes_is_told(output: io.StringIO) -> None:
    async def act(scene: Scene) -> None:
        await scene.take_in()
        await scene.engine.remove("r1")

    play(act)

    (removed,) = lines(output, "request abandoned")
    assert "cause=removed" in removed


@pytest.mark.parametrize("level", ["info"])
def test_nothing_of_it_is_put_together_while_the_level_is_off(output: io.StringIO) -> None:
    diary, nothing = Diary("acme"), object()
    diary.asks(cast(StatusCall, nothing), cast(Watch, nothing))
    diary.rests(cast(Rest, nothing), cast(Watch, nothing), 0.0)
    diary.decided(cast(Change, nothing))
    play(finish)

    assert not logging.getLogger("exporter.engine.diary").isEnabledFor(logging.DEBUG)
    assert output.getvalue() == ""
