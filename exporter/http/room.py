"""How many connections may be open, and which one makes room for another. No clock and no I/O: time is handed in."""

from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, ip_address
from math import inf

# All listeners together, however many descriptors there are: connections take memory too.
MOST_CONNECTIONS = 1024
# Of all that a listener may hold, what one peer may: the rest is for others.
_SHARE_OF_A_PEER = 3 / 4
_FEWEST = 4


def nothing() -> None:
    """What ends a connection that is not there yet."""


class Seat:
    """The place of one connection, which tells what it does. `until` is when it has to be closed, infinity where it need not be;
    `end` closes it."""

    __slots__ = ("_hall", "end", "peer", "until")

    def __init__(self, hall: "Hall", peer: str, until: float) -> None:
        self.peer = peer
        self.until = until
        self.end: Callable[[], object] = nothing
        self._hall = hall

    def work(self, *, until: float = inf) -> None:
        """Something is being answered: this connection makes room for nobody."""
        self.until = until
        self._hall.take(self)

    def rest(self, *, until: float) -> None:
        """It waits to be asked something."""
        self.until = until
        self._hall.offer(self)

    def leave(self) -> None:
        self._hall.leave(self)


class Room:
    """What all listeners share: as much as leaves descriptors for calls, store and files."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._halls: list[Hall] = []

    @classmethod
    def within(cls, descriptors: int) -> "Room":
        """Half of the descriptors that the process may have open."""
        return cls(min(MOST_CONNECTIONS, descriptors // 2))

    def open(self) -> "Hall":
        hall = Hall(self)
        self._halls.append(hall)
        return hall

    def close(self, hall: "Hall") -> None:
        if hall in self._halls:
            self._halls.remove(hall)

    @property
    def share(self) -> int:
        """Of each listener. A single one leaves room for a second, which a reload may bring."""
        return max(_FEWEST, self._most // max(2, len(self._halls)))


class Hall:
    """The connections of one listener. Where it is full, the peer with the most connections loses the one that has been idle for
    the longest."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._count = 0
        self._seats: dict[str, dict[Seat, None]] = {}
        # In the order in which they became idle.
        self._idle: dict[str, dict[Seat, None]] = {}

    def __len__(self) -> int:
        return self._count

    @property
    def most(self) -> int:
        return self._room.share

    @property
    def most_of_a_peer(self) -> int:
        return max(1, int(self.most * _SHARE_OF_A_PEER))

    @property
    def crowded(self) -> bool:
        return self._count >= self.most

    @property
    def blocked(self) -> bool:
        """Crowded by connections that all are being answered."""
        return self.crowded and not self._idle

    def enter(self, peer: str, *, until: float) -> Seat | None:
        """A seat for a connection that has said nothing yet; None where its peer has as many as it may, all busy."""
        if len(self._seats.get(peer, ())) >= self.most_of_a_peer:
            if not self._make_room_of(peer):
                return None
        elif self.crowded and not self.make_room():
            return None
        seat = Seat(self, peer, until)
        self._seats.setdefault(peer, {})[seat] = None
        self._count += 1
        self.offer(seat)
        return seat

    def make_room(self) -> bool:
        """Close what has been idle for the longest, of the peer with the most; False where nothing is idle."""
        peer = max(self._idle, key=lambda one: len(self._seats[one]), default=None)
        return peer is not None and self._make_room_of(peer)

    def due(self, now: float) -> Iterator[Seat]:
        for seats in list(self._seats.values()):
            yield from [seat for seat in seats if seat.until <= now]

    def take(self, seat: Seat) -> None:
        """It is not idle any more."""
        idle = self._idle.get(seat.peer)
        if idle is not None and idle.pop(seat, seat) is None and not idle:
            del self._idle[seat.peer]

    def offer(self, seat: Seat) -> None:
        """It is idle from now on."""
        self.take(seat)
        if seat in self._seats.get(seat.peer, ()):
            self._idle.setdefault(seat.peer, {})[seat] = None

    def leave(self, seat: Seat) -> None:
        self.take(seat)
        seats = self._seats.get(seat.peer, {})
        if seat in seats:
            del seats[seat]
            self._count -= 1
            if not seats:
                del self._seats[seat.peer]

    def _make_room_of(self, peer: str) -> bool:
        seat = next(iter(self._idle.get(peer, ())), None)
        if seat is None:
            return False
        self.leave(seat)
        seat.end()
        return True


def peer(host: str) -> str:
    """Whose connection it is: of IPv6 a whole network of 64 bits, all of which one machine may have."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else address.packed[:8].hex(":", 2)
    return str(address)
