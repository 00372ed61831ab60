"""Which connection makes room for another."""

from math import inf

import pytest

from exporter.http.room import MOST_CONNECTIONS, Hall, Room, Seat, peer

LATER = 10.0


class Guest:
    """A connection that notes that it was closed."""

    def __init__(self, hall: Hall, host: str, *, until: float = LATER) -> None:
        self.gone = False
        seat = hall.enter(host, until=until)
        assert seat is not None
        self.seat: Seat = seat
        self.seat.end = self._end

    def _end(self) -> None:
        self.gone = True


def hall(most: int = 8) -> Hall:
    """With room for half of `most`."""
    return Room(most).open()


def test_the_one_that_was_idle_for_the_longest_makes_room() -> None:
    one = hall(8)
    guests = [Guest(one, "a"), Guest(one, "a"), Guest(one, "b"), Guest(one, "b")]
    guests[0].seat.work()
    guests[0].seat.rest(until=LATER)
    Guest(one, "c")
    assert [guest.gone for guest in guests] == [False, True, False, False]
    assert len(one) == 4


def test_the_peer_with_the_most_makes_room() -> None:
    one = hall(16)
    few = [Guest(one, "a"), Guest(one, "a")]
    many = [Guest(one, "b") for _ in range(6)]
    for _ in range(3):
        Guest(one, "c")
    assert [guest.gone for guest in few] == [False, False]
    assert [guest.gone for guest in many] == [True, True, True, False, False, False]


def test_what_is_being_answered_makes_room_for_nobody() -> None:
    one = hall(8)
    busy = [Guest(one, host) for host in ("a", "a", "b", "b")]
    for guest in busy:
        guest.seat.work()
    assert (one.blocked, one.enter("c", until=LATER)) == (True, None)
    busy[2].seat.rest(until=LATER)
    assert (one.blocked, one.enter("c", until=LATER) is None) == (False, False)
    assert [guest.gone for guest in busy] == [False, False, True, False]


def test_one_peer_can_not_have_it_all() -> None:
    one = hall(16)
    busy = [Guest(one, "a") for _ in range(one.most_of_a_peer)]
    for guest in busy:
        guest.seat.work()
    assert (one.most, one.most_of_a_peer) == (8, 6)
    assert one.enter("a", until=LATER) is None
    assert not Guest(one, "b").gone
    busy[0].seat.rest(until=LATER)
    assert not Guest(one, "a").gone
    assert busy[0].gone


def test_who_leaves_leaves_once() -> None:
    one = hall()
    guest = Guest(one, "a")
    guest.seat.leave()
    guest.seat.leave()
    guest.seat.rest(until=LATER)
    guest.seat.work()
    assert (len(one), one.make_room(), list(one.due(inf))) == (0, False, [])


def test_what_is_due_is_told() -> None:
    one = hall()
    early, late, busy = Guest(one, "a", until=5.0), Guest(one, "a", until=6.0), Guest(one, "b", until=5.0)
    busy.seat.work()
    assert list(one.due(5.0)) == [early.seat]
    busy.seat.work(until=4.0)
    assert set(one.due(6.0)) == {early.seat, late.seat, busy.seat}


def test_listeners_share_half_of_the_descriptors() -> None:
    room = Room.within(1024)
    halls = [room.open()]
    assert halls[0].most == 256
    halls += [room.open() for _ in range(3)]
    assert [one.most for one in halls] == [128] * 4
    room.close(halls[3])
    room.close(halls[3])
    assert halls[0].most == 512 // 3
    assert Room.within(10**9).open().most == MOST_CONNECTIONS // 2
    assert Room.within(0).open().most > 0


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:0db8:0000:0001"),
        ("2001:db8:0:1:ffff::1", "2001:0db8:0000:0001"),
        ("fe80::1%eth0", "fe80:0000:0000:0000"),
        ("", ""),
    ],
)
def test_a_peer_is_an_address_or_a_network_that_one_machine_may_have(host: str, whose: str) -> None:
    assert peer(host) == whose
