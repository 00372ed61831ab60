"""Either side of a call dies at any of its bytes."""

import asyncio
from dataclasses import replace

import pytest

from tests.gateway.stage import BODY, REQUEST_ID, SOURCE, Seen, answer, eventually, read_answer, request, staged

SUBMISSION = request("POST", "/lead/update?accessKey=k", body=b'[{"Attribute": "mx_City", "Value": "Pune"}]')
ELSEWHERE = request("GET", "/elsewhere", body=b"")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("asked", [SUBMISSION, ELSEWHERE], ids=["a submission", "another call"])
async def test_an_answer_that_dies_at_any_byte_is_a_502_or_breaks_off_and_none_asked_twice(
    asked: bytes, chunked: bool
) -> None:
    told = answer(BODY, "Content-Type: application/json", chunked=chunked)
    head = told.index(b"\r\n\r\n") + 4
    async with staged(lambda _: [told[: len(stage.vendor.seen) - 1]]) as stage:
        stage.vendor.hang_up = True
        for length in range(len(told)):
            stage.traffic.story.clear()
            reader, writer = await stage.connect()
            writer.write(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            found = await asyncio.wait_for(reader.read(), 5.0)
            writer.close()
            if asked is ELSEWHERE and chunked and length >= head:
                # Its head was passed on already.
                assert found.startswith(b"HTTP/1.1 200 OK")
                assert not found.endswith(b"\r\n0\r\n\r\n")
            else:
                assert found.startswith(b"HTTP/1.1 502 ") or found == b""
            assert stage.traffic.story[0] == ("lost" if length < head else "200")
        assert len(stage.vendor.seen) == len(told)
        assert stage.intake.ids == []
        assert stage.meter.unrecorded == (len(told) - head if asked is SUBMISSION else 0)
        stage.vendor.script = lambda _: [told]
        assert (await stage.ask(asked)).body == BODY
    assert stage.intake.ids == ([REQUEST_ID] if asked is SUBMISSION else [])


async def test_a_submission_that_dies_at_any_byte_was_never_sent() -> None:
    async with staged(lambda _: [answer(BODY)]) as stage:
        for length in range(len(SUBMISSION)):
            for reset in (False, True):
                _, writer = await stage.connect()
                writer.write(SUBMISSION[:length])
                await asyncio.sleep(0)
                if reset:
                    writer.transport.abort()
                else:
                    writer.close()
        await asyncio.sleep(0.05)
        assert (stage.vendor.connections, stage.traffic.story, stage.intake.ids) == (0, [], [])
        assert (await stage.ask(SUBMISSION)).body == BODY


async def test_who_dies_at_any_byte_of_its_answer_costs_the_others_nothing() -> None:
    whole = answer(BODY, "Content-Type: application/json")
    async with staged(lambda _: [whole]) as stage:
        for length in range(1, len(whole), 3):
            reader, writer = await stage.connect()
            writer.write(SUBMISSION)
            await reader.readexactly(length)
            writer.transport.abort()
        await eventually(lambda: stage.traffic.under_way == 0)
        assert (await stage.ask(SUBMISSION)).body == BODY
        assert stage.vendor.connections == 1
    assert len(stage.vendor.seen) == len(stage.traffic.story) / 2


@pytest.mark.parametrize("asked", [SUBMISSION, ELSEWHERE], ids=["a submission", "another call"])
async def test_an_answer_that_drips_arrives_whole(asked: bytes) -> None:
    told = answer(BODY, "Content-Type: application/json")

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for place in range(len(told)):
            writer.write(told[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0.001)
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    async with staged(_silent, source=replace(SOURCE, timeout=0.5)) as stage:
        server = await stage.served_by(drip)
        reader, writer = await stage.connect()
        for place in range(len(asked)):
            writer.write(asked[place : place + 1])
            await asyncio.sleep(0)
        assert (await read_answer(reader)).body == BODY
        writer.close()
        server.close()
    await asyncio.wait_for(ended.wait(), 5.0)


def _silent(_: Seen) -> list[bytes]:
    return []
