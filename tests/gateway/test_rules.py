"""Each rule for an intermediary, tried through a gateway in both directions."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.gateway.rules import PARSER, RULES, Case, Rule, render
from tests.gateway.stage import PATIENCE, Stage, staged

ROOT = Path(__file__).parents[2]
# A byte at a time up to that; what is longer is cut into as many pieces.
_MOST_PIECES = 2_000
_LONGEST_ANSWER = 1_000_000
CASES = [(rule, case) for rule in RULES for case in rule.cases]
NAMES = [
    f"{rule.section.split(';')[0].replace(', ', '-')}-{number}" for rule in RULES for number, _ in enumerate(rule.cases)
]


def whole(told: bytes) -> list[bytes]:
    return [told]


def byte_by_byte(told: bytes) -> list[bytes]:
    size = max(1, len(told) // _MOST_PIECES)
    return [told[place : place + size] for place in range(0, len(told), size)]


class Recorder:
    """LeadSquared: what came, byte for byte, and how many requests that were."""

    def __init__(self, pieces: list[bytes], *, ends: bool) -> None:
        self.heads: list[bytes] = []
        self._pieces = pieces
        self._ends = ends

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self._skip_body(reader, head.lower())
                for piece in self._pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if self._ends:
                    break
        writer.close()

    async def _skip_body(self, reader: asyncio.StreamReader, head: bytes) -> None:
        if b"\r\ntransfer-encoding: chunked\r\n" in head:
            while size := int(await reader.readline(), 16):
                self.heads[-1] += await reader.readexactly(size + 2)
            await reader.readexactly(2)
        elif b"\r\ncontent-length: " in head:
            length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            self.heads[-1] += await reader.readexactly(int(length))


async def tried(case: Case, stage: Stage, cut: Callable[[bytes], list[bytes]]) -> tuple[bytes, list[bytes]]:
    """What the application and LeadSquared get."""
    recorder = Recorder(cut(case.answer), ends=case.ends)
    server = await stage.served_by(recorder.serve)
    reader, writer = await stage.connect()
    # What is refused in its middle is not read to its end.
    with suppress(ConnectionError, RuntimeError):
        for piece in cut(case.sent):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
    told = b""
    with suppress(ConnectionError):
        told = await asyncio.wait_for(reader.read(_LONGEST_ANSWER), PATIENCE)
        while part := await asyncio.wait_for(reader.read(_LONGEST_ANSWER), PATIENCE):
            told += part
    writer.close()
    server.close()
    return told, recorder.heads


@pytest.mark.parametrize("cut", [whole, byte_by_byte])
@pytest.mark.parametrize(("rule", "case"), CASES, ids=NAMES)
async def test_a_rule_for_an_intermediary_is_kept(rule: Rule, case: Case, cut: Callable[[bytes], list[bytes]]) -> None:
    async with staged(lambda _: None) as stage:
        told, heads = await tried(case, stage, cut)
    up = b"".join(heads)
    final = told.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert (int(final[9:12]) if final else None) == case.status, rule.text
    assert len(heads) == case.calls
    assert [line for line in case.up if line not in up] == []
    assert [line for line in case.not_up if line in up] == []
    assert [line for line in case.down if line not in final] == []
    assert [line for line in case.not_down if line in final] == []


def test_the_page_tells_every_rule() -> None:
    assert (ROOT / "docs/proxy-rules.md").read_text() == render()


def test_every_rule_is_kept_where_it_says() -> None:
    assert [rule.kept for rule in RULES if rule.kept != PARSER and not (ROOT / rule.kept).is_file()] == []
    assert [rule.text for rule in RULES if not rule.cases] == []
