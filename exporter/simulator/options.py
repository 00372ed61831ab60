"""Every switch of the simulator, declared once: the command line, the run-time endpoint and the manual derive from it."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from exporter.config import duration
from exporter.errors import ConfigurationError


class Unit(StrEnum):
    """What a switch takes, in the words that help and error messages use."""

    PROBABILITY = "a probability from 0 to 1"
    DURATION = "a duration such as 30s or 1h30m"
    RATE = "a number >= 0"
    FACTOR = "a number > 0"
    COUNT = "an integer >= 1"
    YES_NO = "true or false"
    CHOICE = "one of"
    TEXT = "a text"


def _is(unit: Unit, text: str, *choices: str) -> dict[str, Any]:
    return {"unit": unit, "help": text, "choices": choices}


def _fault(text: str) -> dict[str, Any]:
    return _is(Unit.PROBABILITY, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the simulated LeadSquared behaves. Times are seconds. ConfigurationError names every value that does not fit."""

    queue_rate: float = field(
        default=10.0, metadata=_is(Unit.RATE, "requests a second that each queue starts; 0: as many as its workers can")
    )
    queue_workers: int = field(default=4, metadata=_is(Unit.COUNT, "requests of a queue that are worked on at a time"))
    queue_service_time: float = field(default=0.2, metadata=_is(Unit.DURATION, "mean time that one attempt takes"))
    queue_service_spread: float = field(
        default=0.5, metadata=_is(Unit.PROBABILITY, "part of the service time that is random (exponential)")
    )
    queue_pause_every: float = field(
        default=0.0,
        metadata=_is(Unit.DURATION, "the queues stand still once in this time, then work off in a burst; 0: never"),
    )
    queue_pause_for: float = field(default=0.0, metadata=_is(Unit.DURATION, "how long they stand still"))
    queue_failure: float = field(
        default=0.0, metadata=_is(Unit.PROBABILITY, "an attempt ends with an application error: final, an MX exception")
    )
    queue_error: float = field(
        default=0.0,
        metadata=_is(Unit.PROBABILITY, "an attempt ends with a system error: repeated on the vendor's schedule"),
    )
    queue_time_scale: float = field(
        default=1.0, metadata=_is(Unit.FACTOR, "divides the waits of the retry schedule, which come to 9h9m30s")
    )
    queue_between_retries: str = field(
        default="in-queue", metadata=_is(Unit.CHOICE, "status shown while waiting for a retry", "in-queue", "error")
    )

    id_unknown: str = field(
        default="not-found",
        metadata=_is(
            Unit.CHOICE,
            "answer about a RequestID that is not known: a 200 with TaskStatus null, a 404, 400 or 500, or an envelope in a 200",
            "null",
            "not-found",
            "bad-request",
            "server-error",
            "envelope",
        ),
    )
    id_key: str = field(
        default="documented",
        metadata=_is(
            Unit.CHOICE,
            "spelling of the id in a status answer",
            "documented",
            "RequestID",
            "RequestId",
            "requestid",
            "missing",
        ),
    )
    id_param: str = field(default="RequestID", metadata=_is(Unit.TEXT, "name of the query parameter"))
    id_visible_after: float = field(
        default=0.0, metadata=_is(Unit.DURATION, "a RequestID is unknown for this long after its submission")
    )
    id_retention: float = field(
        default=0.0, metadata=_is(Unit.DURATION, "a RequestID is unknown again this long after its end; 0: never")
    )

    answer_status_case: str = field(
        default="documented", metadata=_is(Unit.CHOICE, "case of the Status values", "documented", "upper", "lower")
    )
    answer_message: str = field(
        default="string", metadata=_is(Unit.CHOICE, "form of Message and RequestBody", "string", "object", "null")
    )
    answer_parts: str = field(
        default="documented",
        metadata=_is(Unit.CHOICE, "everything in TaskStatus but TaskType and Status", "documented", "null", "missing"),
    )
    answer_latency: float = field(default=0.0, metadata=_is(Unit.DURATION, "least time before an answer is sent"))
    answer_jitter: float = field(
        default=0.0, metadata=_is(Unit.DURATION, "mean of the random time on top (exponential)")
    )
    answer_unknown_route: str = field(
        default="not-found",
        metadata=_is(Unit.CHOICE, "an unknown path: 404, or the gateway's 403", "not-found", "forbidden"),
    )

    limit_form: str = field(
        default="envelope",
        metadata=_is(
            Unit.CHOICE,
            "answer to a call over the limit: 429 with an envelope or in one of the gateway's forms, or an envelope in a 200",
            "envelope",
            "gateway",
            "gateway-quota",
            "ok",
        ),
    )
    limit_retry_after: bool = field(default=False, metadata=_is(Unit.YES_NO, "a 429 has a Retry-After header"))
    limit_submissions: bool = field(default=True, metadata=_is(Unit.YES_NO, "submissions count against the limit"))
    limit_refused: bool = field(default=False, metadata=_is(Unit.YES_NO, "refused calls count against the limit, too"))

    submit_secrets: bool = field(
        default=False, metadata=_is(Unit.YES_NO, "a submission without accessKey and secretKey is answered 401")
    )

    fault_on: str = field(
        default="all", metadata=_is(Unit.CHOICE, "calls that faults happen to", "all", "polls", "submissions")
    )
    fault_hang_for: float = field(default=60.0, metadata=_is(Unit.DURATION, "how long a hanging answer takes"))
    fault_huge_size: int = field(default=50 * 1024 * 1024, metadata=_is(Unit.COUNT, "bytes in a huge answer"))

    fault_reset: float = field(default=0.0, metadata=_fault("the connection is reset before the call is handled"))
    fault_reset_after: float = field(default=0.0, metadata=_fault("the connection is reset after the call was handled"))
    fault_cut: float = field(default=0.0, metadata=_fault("the connection ends in the middle of the body"))
    fault_hang: float = field(default=0.0, metadata=_fault("the call is handled and the answer comes far too late"))
    fault_rate_limited: float = field(default=0.0, metadata=_fault("a 429 although the account is within its limit"))
    fault_rate_limited_ok: float = field(default=0.0, metadata=_fault("the rate limit's envelope in a 200"))
    fault_unauthorized: float = field(default=0.0, metadata=_fault("a 401 with an envelope"))
    fault_unauthorized_ok: float = field(default=0.0, metadata=_fault("an envelope about the key in a 200"))
    fault_forbidden: float = field(default=0.0, metadata=_fault("the gateway's 403"))
    fault_bad_request: float = field(default=0.0, metadata=_fault("the gateway's 400"))
    fault_error_ok: float = field(default=0.0, metadata=_fault("an envelope about something else in a 200"))
    fault_server_error: float = field(default=0.0, metadata=_fault("a 500 with an MX envelope"))
    fault_bad_gateway: float = field(default=0.0, metadata=_fault("a 502 with an HTML page"))
    fault_unavailable: float = field(default=0.0, metadata=_fault("a 503 in the gateway's form"))
    fault_gateway_timeout: float = field(default=0.0, metadata=_fault("a 504 in the gateway's form"))
    fault_truncated: float = field(default=0.0, metadata=_fault("a whole answer that holds half of the JSON"))
    fault_html: float = field(default=0.0, metadata=_fault("a 200 with an HTML page"))
    fault_empty: float = field(default=0.0, metadata=_fault("a 200 without a body"))
    fault_huge: float = field(default=0.0, metadata=_fault("a 200 with a huge body"))
    fault_wrong_id: float = field(default=0.0, metadata=_fault("a status about another RequestID"))
    fault_unknown_id: float = field(default=0.0, metadata=_fault("a status as though the RequestID were not known"))
    fault_null_status: float = field(default=0.0, metadata=_fault("a status with TaskStatus null"))
    fault_unlisted_status: float = field(default=0.0, metadata=_fault("a Status that no documentation lists"))
    fault_unlisted_step: float = field(default=0.0, metadata=_fault("steps that no documentation lists"))
    fault_duplicate_id: float = field(
        default=0.0, metadata=_fault("a submission is not taken and answered with the RequestID of the one before")
    )

    def __post_init__(self) -> None:
        problems = [problem for switch in SWITCHES for problem in switch.problems(getattr(self, switch.field))]
        if not problems and sum(getattr(self, switch.field) for switch in FAULTS) > 1 + 1e-9:
            problems = [
                "fault.*: the probabilities of all faults must not come to more than 1, at most one happens to a call"
            ]
        if not problems and 0 < self.queue_pause_every <= self.queue_pause_for:
            problems = ["queue.pause-for: must be shorter than queue.pause-every"]
        if problems:
            raise ConfigurationError(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One field of Options. `name` is its flag without the hyphens in front."""

    name: str
    field: str
    help: str
    unit: Unit
    choices: tuple[str, ...]
    default: object

    @property
    def allowed(self) -> str:
        return f"{self.unit} {', '.join(self.choices)}" if self.choices else str(self.unit)

    def read(self, value: object) -> object:
        """The value out of a flag's text or a JSON value; numbers of JSON are seconds where a duration is meant."""
        text = value if isinstance(value, str) else None
        try:
            read = value if text is None else _READERS[self.unit](text)
        except (ValueError, KeyError):
            raise ConfigurationError([self._complaint(value)]) from None
        if self.problems(read):
            raise ConfigurationError([self._complaint(value)])
        return read

    def show(self, value: object) -> str:
        if self.unit is Unit.DURATION and isinstance(value, float):
            return duration.format_duration(value)
        return (
            str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
        )

    def problems(self, value: object) -> list[str]:
        fits = value in self.choices if self.choices else _CHECKS[self.unit](value)
        return [] if fits else [self._complaint(value)]

    def _complaint(self, value: object) -> str:
        return f"{self.name}: must be {self.allowed}, got {value}"


def _number(value: object, *, least: float = 0.0, most: float = float("inf")) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and isfinite(float(value)) and least <= float(value) <= most  # type: ignore[arg-type]


_CHECKS: Mapping[Unit, Callable[[object], bool]] = {
    Unit.PROBABILITY: lambda value: _number(value, most=1.0),
    Unit.DURATION: _number,
    Unit.RATE: _number,
    Unit.FACTOR: lambda value: _number(value) and value != 0,
    Unit.COUNT: lambda value: isinstance(value, int) and _number(value, least=1),
    Unit.YES_NO: lambda value: isinstance(value, bool),
    Unit.TEXT: lambda value: isinstance(value, str) and value != "",
}

_READERS: Mapping[Unit, Callable[[str], object]] = {
    Unit.PROBABILITY: float,
    Unit.DURATION: duration.parse,
    Unit.RATE: float,
    Unit.FACTOR: float,
    Unit.COUNT: int,
    Unit.YES_NO: {"true": True, "false": False}.__getitem__,
    Unit.CHOICE: str,
    Unit.TEXT: str,
}


def _switch(one: "Field[Any]") -> Switch:
    group, _, rest = one.name.partition("_")
    name = f"{group}.{rest.replace('_', '-')}"
    data = one.metadata
    return Switch(
        name=name, field=one.name, help=data["help"], unit=data["unit"], choices=data["choices"], default=one.default
    )


SWITCHES = tuple(_switch(one) for one in fields(Options))
FAULTS = tuple(one for one in SWITCHES if one.name.startswith("fault.") and one.unit is Unit.PROBABILITY)
BY_NAME = {switch.name: switch for switch in SWITCHES}


def read_changes(values: Mapping[str, object]) -> dict[str, object]:
    """Fields of Options out of values by flag name. ConfigurationError names all that do not fit."""
    problems: list[str] = []
    changes: dict[str, object] = {}
    for name, value in values.items():
        try:
            changes[BY_NAME[name].field] = BY_NAME[name].read(value)
        except KeyError:
            problems.append(f"{name}: is not a switch of the simulator")
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return changes


def markdown() -> str:
    """The table of all switches for the manual."""
    rows = [
        f"| `--{switch.name}` | `{switch.show(switch.default)}` | {switch.help} | {switch.allowed} |"
        for switch in SWITCHES
    ]
    return "\n".join(["| flag | default | meaning | takes |", "|---|---|---|---|", *rows]) + "\n"
