"""A decision: whom to ask, why, and what that is worth."""

from enum import StrEnum
from typing import NamedTuple

from exporter.core.learned.selector import View


class Kind(StrEnum):
    """Why a request is polled."""

    CHOSEN = "chosen"
    STALE = "stale"
    PROBE = "probe"
    AHEAD = "ahead"


class Pick(NamedTuple):
    """A request to poll and what that is worth, in seconds of delay; inf for what is due whatever it is worth. `view` is the
    one whose success this counts for: whoever was not asked for longest is asked for the turn. A tuple, because several are
    made for each poll."""

    slot: int
    worth: float
    kind: Kind
    view: View = View.TURN


class Circumstances(NamedTuple):
    """What an account can do now. `rate` is the calls/s that the budget allows, `round_time` the seconds in which every
    unfinished request could be asked once at the pace of late; `longest` the seconds after which the configuration wants
    everybody asked. `contested`: what a poll is worth is compared with that of another API's."""

    rate: float
    round_time: float
    unfinished: int
    longest: float
    contested: bool = False
