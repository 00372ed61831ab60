"""Trouble between the caller and LeadSquared. At most one fault happens to a call."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from random import Random

from exporter.simulator.door import Kind
from exporter.simulator.options import FAULTS, Options
from exporter.simulator.reply import (
    FORBIDDEN,
    HTML,
    JSON,
    UNAUTHORIZED,
    Drop,
    Reply,
    envelope,
    gateway,
    limited,
    page,
)

RESET = Reply(0, {}, b"", drop=Drop.RESET)

# The call is answered so instead of being handled.
_INSTEAD: Mapping[str, Reply] = {
    "fault_reset": RESET,
    "fault_unauthorized": UNAUTHORIZED,
    "fault_unauthorized_ok": UNAUTHORIZED._replace(code=200),
    "fault_forbidden": FORBIDDEN,
    "fault_bad_request": gateway(400, "Bad Request"),
    "fault_error_ok": envelope(200, "MXInvalidOperationException", "The operation could not be completed"),
    "fault_server_error": envelope(500, "MXUnknownException", "An unexpected error has occurred"),
    "fault_bad_gateway": page(502, "502 Bad Gateway"),
    "fault_unavailable": gateway(503, "Service Unavailable"),
    "fault_gateway_timeout": gateway(504, "Endpoint request timed out"),
}

# The call is handled and its answer replaced.
_AFTERWARDS: Mapping[str, Reply] = {
    "fault_html": page(200, "Maintenance"),
    "fault_empty": Reply(200, JSON, b""),
}

_POLLS = (Kind.STATUS, Kind.METRICS)
_KINDS = {"all": (*_POLLS, Kind.SUBMIT), "polls": _POLLS, "submissions": (Kind.SUBMIT,)}


class Faults:
    """Draws a fault, or none, for each call."""

    def __init__(self, options: Options) -> None:
        active = [(one.field, getattr(options, one.field)) for one in FAULTS if getattr(options, one.field) > 0]
        self._names: tuple[str | None, ...] = (*(name for name, _ in active), None)
        self._bounds = list(accumulate(probability for _, probability in active))
        self._kinds = _KINDS[options.fault_on]
        self._options = options

    def draw(self, random: Random, kind: Kind) -> str | None:
        """The Options field of the fault that happens to this call."""
        if not self._bounds or kind not in self._kinds:
            return None
        return self._names[bisect_right(self._bounds, random.random())]

    def instead(self, fault: str, *, calls: int, period: float) -> Reply | None:
        """The answer that stands for handling the call; None when the call is handled nevertheless."""
        if fault in ("fault_rate_limited", "fault_rate_limited_ok"):
            form = "ok" if fault == "fault_rate_limited_ok" else self._options.limit_form
            wait = f"{max(1, round(period))}" if self._options.limit_retry_after else None
            return limited(form, f"API calls exceeded the limit of {calls} in {period:g} second(s)", wait)
        return _INSTEAD.get(fault)

    def spoil(self, fault: str, reply: Reply) -> Reply:
        """What becomes of the answer of a call that was handled."""
        if fault in _AFTERWARDS:
            return _AFTERWARDS[fault]
        if fault == "fault_reset_after":
            return reply._replace(drop=Drop.RESET)
        if fault == "fault_cut":
            return reply._replace(drop=Drop.HALFWAY)
        if fault == "fault_hang":
            return reply._replace(delay=self._options.fault_hang_for)
        if fault == "fault_truncated":
            return reply._replace(body=reply.body[: len(reply.body) // 2])
        if fault == "fault_huge":
            return Reply(200, HTML, b" " * self._options.fault_huge_size)
        return reply
