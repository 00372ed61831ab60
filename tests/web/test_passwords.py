"""Passwords: what is remembered, who waits for whom, and what the time tells."""

import asyncio

import bcrypt
import pytest

from exporter.web.answers import Refusal
from exporter.web.passwords import Passwords
from exporter.web.turns import MOST_LINES, MOST_WAITING, Crowded, Turns

HASH = bcrypt.hashpw(b"pencil", bcrypt.gensalt(4)).decode()
DEAR = bcrypt.hashpw(b"brush", bcrypt.gensalt(6)).decode()


class Checks:
    """What is given to bcrypt: the password, and the cost of the hash."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, int]] = []
        original = bcrypt.checkpw

        def counting(password: bytes, hashed: bytes) -> bool:
            self.seen.append((password.decode(), int(hashed.split(b"$")[2])))
            return original(password, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", counting)

    def work(self) -> int:
        """Since the last time, in rounds of bcrypt."""
        done = sum(1 << cost for _, cost in self.seen)
        self.seen = []
        return done


async def fit(known: Passwords, user: str, password: str, *, peer: str = "192.0.2.1") -> bool:
    return await known.fit(user, password, peer=peer)


async def test_a_right_password_is_checked_once_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = Checks(monkeypatch)
    known = Passwords({"alice": HASH})
    assert [await fit(known, "alice", "pencil") for _ in range(3)] == [True] * 3
    assert [await fit(known, "alice", "wrong") for _ in range(2)] == [False] * 2
    assert [await fit(known, "mallory", "pencil") for _ in range(2)] == [False] * 2
    assert [password for password, _ in checks.seen] == ["pencil", "wrong", "wrong", "pencil", "pencil"]
    assert "pencil" not in str(vars(known))


async def test_a_right_password_stays_known_while_its_hash_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Passwords({"alice": HASH, "bob": DEAR})
    assert [await fit(known, "alice", "pencil"), await fit(known, "bob", "brush")] == [True, True]
    checks = Checks(monkeypatch)
    known.change({"alice": HASH, "carol": DEAR})
    assert await fit(known, "alice", "pencil")
    assert checks.seen == []
    assert not await fit(known, "bob", "brush")
    known.change({"alice": DEAR})
    assert not await fit(known, "alice", "pencil")
    known.change({"alice": HASH, "bob": DEAR})
    checks.work()
    assert await fit(known, "bob", "brush")
    assert checks.seen == [("brush", 6)]


async def test_a_hash_that_changes_during_its_check_is_not_taken_for_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Passwords({"alice": HASH})
    asked = asyncio.create_task(fit(known, "alice", "pencil"))
    await asyncio.sleep(0)
    known.change({"alice": DEAR})
    await asked
    assert not await fit(known, "alice", "pencil")


@pytest.mark.parametrize("user", ["alice", "bob", "mallory", ""])
async def test_a_wrong_password_takes_the_work_of_the_dearest_hash_whoever_is_named(
    user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks(monkeypatch)
    known = Passwords({"alice": HASH, "bob": DEAR})
    assert not await fit(known, user, "guess")
    assert checks.work() == 2**6


async def test_passwords_that_bcrypt_dislikes_are_only_wrong() -> None:
    known = Passwords({"alice": HASH})
    assert not await fit(known, "alice", "x" * 1000)
    assert not await fit(known, "alice", "pen\0cil")
    assert not await fit(known, "alice", "")


async def test_a_flood_of_guesses_is_held_back() -> None:
    known = Passwords({"alice": HASH})
    answers = await asyncio.gather(*(fit(known, "alice", str(guess)) for guess in range(30)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert {one.status for one in refused} == {429}
    assert len(refused) == 30 - 1 - MOST_WAITING
    assert await fit(known, "alice", "pencil")


@pytest.mark.parametrize(
    ("guesser", "guessed"), [("192.0.2.66", "alice"), ("192.0.2.1", "mallory"), ("192.0.2.1", "bob")]
)
async def test_who_guesses_waits_for_others_and_not_they_for_him(
    guesser: str, guessed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Passwords({"alice": HASH, "bob": DEAR})
    guesses = [asyncio.create_task(fit(known, guessed, str(guess), peer=guesser)) for guess in range(30)]
    await asyncio.sleep(0)
    checks = Checks(monkeypatch)
    assert await fit(known, "alice", "pencil")
    assert len({password for password, _ in checks.seen}) <= 4
    await asyncio.gather(*guesses, return_exceptions=True)


async def hold(turns: Turns, line: str, order: list[str]) -> None:
    async with turns.turn(line):
        order.append(line)
        await asyncio.sleep(0)


async def test_lines_are_served_in_turn() -> None:
    turns = Turns()
    order: list[str] = []
    await asyncio.gather(*(hold(turns, line, order) for line in "aaaabbc"))
    assert "".join(order) == "aabcaba"
    await hold(turns, "d", order)
    assert order[-1] == "d"


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    for moment in range(6):
        turns = Turns()
        order: list[str] = []
        held = [asyncio.create_task(hold(turns, line, order)) for line in "abcb"]
        for _ in range(moment):
            await asyncio.sleep(0)
        held[1].cancel()
        await asyncio.gather(*held, return_exceptions=True)
        await asyncio.wait_for(hold(turns, "d", order), 1.0)
        assert order[-1] == "d"
        assert {"a", "c", "b"} <= {*order}


async def test_there_are_only_so_many_lines_and_the_longest_pays_for_a_new_one() -> None:
    turns = Turns()
    order: list[str] = []
    first = asyncio.create_task(hold(turns, "first", order))
    long = [asyncio.create_task(hold(turns, "long", order)) for _ in range(3)]
    others = [asyncio.create_task(hold(turns, str(number), order)) for number in range(MOST_LINES + 5)]
    found = await asyncio.gather(first, *long, *others, return_exceptions=True)
    crowded = [place for place, one in enumerate(found) if isinstance(one, Crowded)]
    assert crowded[:2] == [2, 3]
    assert len(order) == len(found) - len(crowded)
    assert MOST_LINES < len(order) <= MOST_LINES + 4
