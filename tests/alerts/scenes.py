"""What Prometheus may have scraped, minute by minute, and which alerts then fire: all of them, and no others.

Values are written as promtool reads them: `0x5 2x10` is 0 at minutes 0 to 5 and 2 for eleven more, `0+60x600` a counter that
grows by 60 a minute, `_` no sample, `stale` a series that is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]
TARGET = {"job": "leadsquared", "instance": "exporter:10040"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`firing` are the alerts at a minute; an alert of several severities is told by name and severity. `step` minutes lie
    between two scrapes, for what takes days."""

    series: Series
    firing: Mapping[int, frozenset[str]]
    step: int = 1


def of(name: str, **labels: str) -> str:
    text = ",".join(f'{label}="{value}"' for label, value in {**TARGET, **labels}.items())
    return f"{name}{{{text}}}"


def api(name: str, **labels: str) -> str:
    return of(f"leadsquared_{name}", account="acme", api="lead_update", **labels)


def account(name: str, **labels: str) -> str:
    return of(f"leadsquared_{name}", account="acme", **labels)


def process(name: str, **labels: str) -> str:
    return of(f"leadsquared_exporter_{name}", **labels)


def in_job(job: str, series: str) -> str:
    return series.replace('job="leadsquared"', f'job="{job}"')


UP, BUILD = of("up"), process("build_info", version="1")
OTHER_UP, OTHER_BUILD = (in_job("other", one).replace(TARGET["instance"], "other:10040") for one in (UP, BUILD))
WAITING, UNASKED = api("requests_pending", status="in_queue"), api("requests_pending", status="unknown")
ERRING = api("requests_pending", status="error", current_step="in_process_queue")
SUCCESS = api("requests_finished_total", status="success", last_step="in_process_queue")
FAILURE = api("requests_finished_total", status="failure", last_step="in_process_queue")
ERROR = api("requests_finished_total", status="error", last_step="in_process_queue")
NEW_FAILURE = api("requests_finished_total", status="failure", last_step="a_step_never_seen_before")
NEW_STEP = api("requests_finished_total", status="error", last_step="a_step_never_seen_before")
NOT_FOUND, EXPIRED, REMOVED = (
    api("requests_abandoned_total", cause=one) for one in ("not_found", "expired", "removed")
)
STUCK, OLDEST = api("requests_stuck", last_step="in_process_queue"), api("requests_oldest_pending_age_seconds")
STALENESS = api("poll_staleness_seconds")
SOON, LATE, ANY = (api("request_detection_window_seconds_bucket", le=le) for le in ("300", "1800", "+Inf"))
NOTICED = api("request_detection_window_seconds_count")
ANSWERS = account("api_calls_total", endpoint="status", code="200")
THEIRS = account("api_calls_total", endpoint="gateway", code="200")
OUR_429, THEIR_429 = (account("api_errors_total", endpoint=one, kind="rate_limited") for one in ("status", "gateway"))
THEIR_MISTAKES = account("api_errors_total", endpoint="gateway", kind="bad_request")
ACCOUNT_UP = account("account_up")
CLOSED, PAUSED, REFUSED, BACKING_OFF = (
    account("account_breaker_state", state=one) for one in ("closed", "paused", "unauthorized", "backing_off")
)
ACCOUNT_GONE = account("account_breaker_state", state="removed")
DAILY, DAILY_USED = (account(f"rate_limit_{one}", window="daily") for one in ("calls", "used_calls"))
BURST, BURST_USED = (account(f"rate_limit_{one}", window="burst") for one in ("calls", "used_calls"))
WAITED = account("rate_limit_wait_seconds_total")
QUEUE, DELAY = api("queue_pending_messages"), api("queue_max_delay_seconds")
SPEED = api("queue_processed_messages_per_second")
UNRECORDED = account("gateway_unrecorded_total")
SOURCE, OTHER_SOURCE = (
    process("source_up", source="crm", type="redis"),
    process("source_up", source="push", type="push"),
)
STORE, RELOADED = process("store_up"), process("config_last_reload_successful")

# Under load: the burst window is full, polls wait for it nearly all the time and are half an hour apart, LeadSquared is ten
# minutes late, and a few updates fail as they always do.
HEALTHY: Series = {
    UP: "1x900",
    BUILD: "1x900",
    WAITING: "40x900",
    UNASKED: "3x900",
    SUCCESS: "1000+60x900",
    FAILURE: "50+0.3x900",
    ERROR: "7x900",
    NOT_FOUND: "2x900",
    EXPIRED: "1x900",
    REMOVED: "0x900",
    STUCK: "0x900",
    OLDEST: "20x900",
    STALENESS: "1500x900",
    SOON: "1000+60x900",
    LATE: "1000+60x900",
    ANY: "1000+60x900",
    NOTICED: "1000+60x900",
    ANSWERS: "0+140x900",
    THEIRS: "0+60x900",
    OUR_429: "0x900",
    THEIR_429: "0x900",
    THEIR_MISTAKES: "0+6x900",
    ACCOUNT_UP: "1x900",
    CLOSED: "1x900",
    PAUSED: "0x900",
    REFUSED: "0x900",
    BACKING_OFF: "0x900",
    DAILY: "50000x900",
    DAILY_USED: "40000x900",
    BURST: "12x900",
    BURST_USED: "12x900",
    WAITED: "0+55x900",
    QUEUE: "5x900",
    DELAY: "600x900",
    SPEED: "1x900",
    UNRECORDED: "0x900",
    SOURCE: "1x900",
    OTHER_SOURCE: "1x900",
    STORE: "1x900",
    RELOADED: "1x900",
}
IDLE: Series = {
    **{series: values.partition("+")[0].partition("x")[0] + "x900" for series, values in HEALTHY.items()},
    **dict.fromkeys((WAITING, UNASKED, OLDEST, STALENESS, BURST_USED, DAILY_USED, QUEUE, DELAY, SPEED), "0x900"),
}
NOTHING = frozenset[str]()
# An exporter that can't be scraped: its series are gone, all at once.
COUNTERS = (SUCCESS, FAILURE, ERROR, NOT_FOUND, EXPIRED, REMOVED, SOON, LATE, ANY, NOTICED)


def gone(*, at: int, minutes: int) -> Series:
    """Counters that go on keep their value; those of a process begin anew; the rest is as before."""
    values = {
        series: f"{_first(text)}x{at} stale _x{minutes - 1} {_first(text)}x300" for series, text in HEALTHY.items()
    }
    return {**values, UP: f"1x{at} 0x{minutes} 1x300"}


def _first(values: str) -> str:
    return values.partition("x")[0].partition("+")[0]


def scene(changed: Series | None = None, *, base: Series = HEALTHY, step: int = 1, **firing: str) -> Scene:
    """What differs from a healthy exporter; `at_30="A B"` are the alerts that fire at minute 30."""
    times = {int(name.removeprefix("at_")): frozenset(names.split()) for name, names in firing.items()}
    return Scene(series={**base, **(changed or {})}, firing=times, step=step)


def moved(series: Series, *, at: int) -> Series:
    """The same exporter in a new pod: other instance, same counters."""
    old = {name: f"{_first(text)}x{at} stale" for name, text in series.items()}
    new = {name.replace("exporter:10040", "exporter-2:10040"): f"_x{at} {text}" for name, text in series.items()}
    return {**old, **new}


def pod(series: str, number: int) -> str:
    """The same series of one of several pods."""
    return series.replace(TARGET["instance"], f"pod-{number}")


def sidecars(count: int, changed: Series | None = None, *, base: Series = HEALTHY) -> Series:
    """Pods of one application that watch one account together. What is `changed` is so in the first of them only."""
    usual = {pod(name, number): values for number in range(count) for name, values in base.items()}
    return {**usual, **{pod(name, 0): values for name, values in (changed or {}).items()}}


def on_two_nodes(changed: Series) -> Series:
    """Two pods, each with one more label of the target, of its own."""
    series = {**HEALTHY, **changed}
    return {
        pod(name, node).replace("job=", f'node="n{node}",job=', 1): text
        for node in range(2)
        for name, text in series.items()
    }


def values(*parts: tuple[float, int]) -> str:
    """So many scrapes of each value, one part after the other."""
    return " ".join(f"{value:g}x{count - 1}" for value, count in parts)


def batches(first: float, count: int, *, size: int = 30, minutes: int = 3, every: int = 60) -> str:
    """A counter that grows by `size` within some minutes of every hour."""
    one = [
        (first + size * round_ + size / minutes * (minute + 1), 1)
        for round_ in range(count)
        for minute in range(minutes)
    ]
    parts = []
    for number in range(count):
        parts += one[number * minutes : (number + 1) * minutes]
        parts.append((first + size * (number + 1), every - minutes))
    return values(*parts)


FAILING = "LeadSquaredUpdatesFailing/critical LeadSquaredUpdatesFailing/warning"
SCENES: Mapping[str, Scene] = {
    "a healthy exporter under load": scene(at_5="", at_60="", at_130=""),
    "an idle exporter": scene(base=IDLE, at_5="", at_60="", at_130=""),
    "the first scrapes of an exporter that has a history": scene(
        {FAILURE: "5000x100", ERROR: "700x100", NOT_FOUND: "90x100", OUR_429: "9x100", UNRECORDED: "9x100"},
        at_1="",
        at_90="",
    ),
    "a restart of four minutes": scene(gone(at=70, minutes=4), at_72="", at_75="", at_90="", at_140=""),
    "a new pod with the same counters": scene(base=moved(HEALTHY, at=70), at_71="", at_90="", at_135=""),
    # Stuck, and what looks like it.
    "updates are stuck, and end": scene(
        {STUCK: "0x10 2x60 0x60"},
        at_20="",
        at_30="LeadSquaredRequestsStuck",
        at_65="LeadSquaredRequestsStuck",
        at_80="",
    ),
    "updates are stuck, and one scrape is missed": scene(
        {STUCK: "2x40 stale 2x30", STALENESS: "30x40 stale 30x30"},
        at_40="LeadSquaredRequestsStuck",
        at_41="LeadSquaredRequestsStuck",
        at_50="LeadSquaredRequestsStuck",
    ),
    "updates are stuck for ten minutes each time": scene(
        {STUCK: "0x3 2x9 0x3 2x9 0x3 2x9 0x3 2x9"}, at_12="", at_40=""
    ),
    "updates look stuck and nobody has asked": scene(
        {STUCK: "2x90", STALENESS: "3000+60x90", WAITED: "0x90"},
        at_12="",
        at_30="LeadSquaredExporterStalled",
        at_80="LeadSquaredExporterStalled",
    ),
    "an update is repeated for nine hours, as it may be": scene(
        {STUCK: "1x90", OLDEST: "33000+1x90", ERRING: "1x90"}, at_12="", at_80=""
    ),
    "an update in the queue is stuck, which LeadSquared does not repeat": scene(
        {STUCK: "1x90", OLDEST: "33000+1x90"}, at_12="", at_80="LeadSquaredRequestsStuck"
    ),
    "many updates are repeated for long": scene(
        {STUCK: "40x90", ERRING: "60x90"}, at_40="LeadSquaredRequestsStuck LeadSquaredSystemErrors"
    ),
    "an update is older than its last repetition and nobody has asked": scene(
        {OLDEST: "40000+60x90", STALENESS: "3000+60x90"}, at_80="LeadSquaredBudgetTooSmall"
    ),
    "an update is older than its last repetition, and ends": scene(
        {STUCK: "1x80 0x60", OLDEST: "36600+60x80 20x60", STALENESS: "1700x140"},
        at_45="LeadSquaredRequestsStuck",
        at_70="LeadSquaredRequestsStuck LeadSquaredRetriesExhausted",
        at_95="",
    ),
    "an update at ERROR ends as lost a while after the grace for it": scene(
        {STUCK: "1x70 0x60", OLDEST: "33600+60x70 20x60"}, at_69="LeadSquaredRequestsStuck", at_100=""
    ),
    "updates are stuck, and 429s make the exporter pause now and then": scene(
        {STUCK: "0x10 2x60", PAUSED: "0x3 1 " * 17, CLOSED: "1x3 0 " * 17}, at_20="", at_30="LeadSquaredRequestsStuck"
    ),
    "old RequestIDs are handed in late and turn out to be finished": scene(
        {STUCK: "50x9 0x60", OLDEST: "90000x9 20x60"}, at_9="", at_40=""
    ),
    # Failing.
    "all updates fail, and succeed again": scene(
        {SUCCESS: "0+60x60 3600x20 3660+60x400", FAILURE: "0x60 60+60x20 1260x400"},
        at_60="",
        at_80=FAILING,
        at_95="LeadSquaredUpdatesFailing/warning",
        at_130="",
    ),
    "seven in a hundred updates fail": scene({FAILURE: "0+4.5x500"}, at_120="LeadSquaredUpdatesFailing/warning"),
    "five in a hundred updates fail": scene({FAILURE: "0+3x500"}, at_60="", at_130=""),
    "twenty in a hundred updates fail": scene({FAILURE: "0+15x500"}, at_70=FAILING),
    "half of the updates fail, for five minutes of a good hour": scene(
        {SUCCESS: "0+60x70 4200x60", FAILURE: "0x64 0+60x5 300x60"}, at_65="", at_69=""
    ),
    "all updates failed for a while, and ten in a hundred go on to fail": scene(
        {SUCCESS: "0+60x20 1200x20 1254+54x60", FAILURE: "0x20 60+60x20 1266+6x60"},
        at_40=FAILING,
        at_55="LeadSquaredUpdatesFailing/warning",
    ),
    "all updates failed for a while, and four in a hundred go on to fail": scene(
        {SUCCESS: "0+60x20 1200x20 1260+57.6x80", FAILURE: "0x20 60+60x20 1262.4+2.4x80"},
        at_40=FAILING,
        at_110="",
    ),
    "half an hour of failures after hours without": scene(
        {SUCCESS: "0+60x300", FAILURE: "0x200 12+12x40 492x60"}, at_200="", at_239=""
    ),
    "three of ten updates fail": scene(
        {SUCCESS: "0x30 1+1x6 7x100", FAILURE: "0x20 1x5 2x5 3x100"}, base=IDLE, at_38="", at_50="", at_90=""
    ),
    "a few of the first updates fail": scene(
        {SUCCESS: "0x2 10+10x100", FAILURE: "0x2 1x1 2x1 3x1 4x1 5x100"}, base=IDLE, at_10="", at_40=""
    ),
    "the first updates fail": scene(
        {SUCCESS: "0x3 60+60x100", FAILURE: "0x1 6x100"}, base=IDLE, at_4="", at_6="", at_40=""
    ),
    "two of three updates fail": scene(
        {SUCCESS: "0x30 1x100", FAILURE: "0x20 1x5 2x100"}, base=IDLE, at_22="", at_32="", at_100=""
    ),
    "every update fails where one comes in ten minutes": scene(
        {SUCCESS: "0x900", FAILURE: "0+0.1x900"},
        base=IDLE,
        at_30="",
        at_120=FAILING,
    ),
    # Errors and what is lost.
    "LeadSquared can't process updates, and recovers": scene(
        {ERRING: "_x5 8x30 stale"}, at_15="", at_25="LeadSquaredSystemErrors", at_45=""
    ),
    "eight of two hundred updates are at ERROR": scene({ERRING: "8x60", WAITING: "192x60"}, at_40=""),
    "two of ten updates are at ERROR": scene({ERRING: "2x60", WAITING: "8x60", UNASKED: "0x60"}, at_40=""),
    "an update ends in ERROR": scene(
        {ERROR: "7x10 8x200"},
        at_9="",
        at_12="LeadSquaredUpdatesEndedInError",
        at_60="LeadSquaredUpdatesEndedInError",
        at_80="",
    ),
    "an update ends in ERROR at a step that no update ended at before": scene(
        {NEW_STEP: "_x70 1x200"}, at_69="", at_70="LeadSquaredUpdatesEndedInError", at_140=""
    ),
    "a new step and an exporter that is new to Prometheus": scene({NEW_STEP: "5x200"}, at_1="", at_100=""),
    "requests are not found": scene({NOT_FOUND: "2x10 5x200"}, at_9="", at_12="LeadSquaredRequestsAbandoned", at_80=""),
    "requests expire": scene({EXPIRED: "1x10 3x200"}, at_12="LeadSquaredRequestsAbandoned", at_80=""),
    "an operator removes requests": scene({REMOVED: "0x10 3x200"}, at_12="", at_40=""),
    # The account.
    "the key is refused, and works again": scene(
        {
            REFUSED: "0x5 1x20 0x40",
            CLOSED: "1x5 0x20 1x40",
            ACCOUNT_UP: "1x5 0x20 1x40",
            STALENESS: "30x5 90+60x20 30x40",
        },
        at_8="",
        at_15="LeadSquaredAccountUnauthorized",
        at_40="",
    ),
    "the key is refused for two minutes": scene(
        {REFUSED: "0x5 1x2 0x40", ACCOUNT_UP: "1x5 0x2 1x40"}, at_8="", at_12=""
    ),
    "the key is refused for hours": scene(
        {REFUSED: "1x90", CLOSED: "0x90", ACCOUNT_UP: "0x90", STALENESS: "90+60x90", STUCK: "9x90", WAITED: "0x90"},
        at_40="LeadSquaredAccountUnauthorized",
        at_80="LeadSquaredAccountUnauthorized",
    ),
    "LeadSquared does not answer, and comes back": scene(
        {ACCOUNT_UP: "1x5 0x20 1x40", CLOSED: "1x5 0x20 1x40", BACKING_OFF: "0x5 1x20 0x40"},
        at_8="",
        at_15="LeadSquaredAccountDown",
        at_40="",
    ),
    "LeadSquared does not answer for hours": scene(
        {
            ACCOUNT_UP: "0x90",
            CLOSED: "0x90",
            STALENESS: "90+60x90",
            STUCK: "9x90",
            OLDEST: "40000+60x90",
            WAITED: "0x90",
        },
        at_40="LeadSquaredAccountDown",
        at_80="LeadSquaredAccountDown",
    ),
    "an account that was never asked": scene({ACCOUNT_UP: "_x60", CLOSED: "0x60"}, base=IDLE, at_40=""),
    # Rate limits and budgets.
    "polls are refused with 429": scene({OUR_429: "0x10 40x60"}, at_9="", at_12="LeadSquaredRateLimited", at_35=""),
    "a poll an hour is refused with 429, of nine thousand": scene(
        {OUR_429: values(*((number, 60) for number in range(1, 6)))}, at_5="", at_62="", at_70="", at_200=""
    ),
    "one of the few polls of an hour is refused with 429": scene(
        {ANSWERS: "0+0.1x90", OUR_429: "0x10 1x80"}, at_12="", at_60=""
    ),
    "the first answer is 429 and says to wait for hours": scene(
        {
            ACCOUNT_UP: "0x90",
            PAUSED: "1x90",
            CLOSED: "0x90",
            ANSWERS: "0x90",
            OUR_429: "1x90",
            STALENESS: "90+60x90",
            WAITED: "0x90",
        },
        at_14="",
        at_20="LeadSquaredRateLimited",
        at_80="LeadSquaredRateLimited",
    ),
    "LeadSquared makes the exporter pause for ten minutes": scene(
        {PAUSED: "0x5 1x10 0x60", CLOSED: "1x5 0x10 1x60"}, at_15="", at_40=""
    ),
    "a poll is refused with 429 before a restart": scene({OUR_429: "3x10 0x60"}, at_12="", at_40=""),
    "LeadSquared makes the exporter pause for hours": scene(
        {PAUSED: "1x90", CLOSED: "0x90", STALENESS: "90+60x90", STUCK: "9x90", OLDEST: "40000+60x90", WAITED: "0x90"},
        at_40="LeadSquaredRateLimited",
        at_80="LeadSquaredRateLimited",
    ),
    "the application is refused with 429": scene(
        {THEIR_429: "0x10 1.2+1.2x30 37x60"}, at_12="", at_25="LeadSquaredApplicationRateLimited", at_75=""
    ),
    "the application is refused with 429 now and then": scene({THEIR_429: "0x10 5x60"}, at_12="", at_20=""),
    "the only call of the application in an hour is refused with 429": scene(
        {THEIRS: "0x20 1x60", THEIR_429: "0x20 1x60"}, base=IDLE, at_25="", at_40=""
    ),
    "one of three calls of the application is refused with 429": scene(
        {THEIRS: "0+0.6x90", THEIR_429: "0+0.2x90"}, base=IDLE, at_50="LeadSquaredApplicationRateLimited"
    ),
    "one of the first calls of the application is refused with 429": scene(
        {THEIRS: "0+30x60", THEIR_MISTAKES: "0x60", THEIR_429: "0x1 1x60"}, at_3="", at_10=""
    ),
    "the day's calls are used up": scene(
        {DAILY_USED: "40000x10 50000x70 1000x30", STALENESS: "90x10 90+60x69 30x30"},
        at_50="",
        at_70="LeadSquaredDailyBudgetExhausted",
        at_90="",
    ),
    "all of the day's calls are made, spread over the day": scene({DAILY_USED: "50000x90"}, at_40="", at_80=""),
    "the day's calls are used up for hours": scene(
        {DAILY_USED: "50000x90", STALENESS: "90+60x90", WAITED: "0+60x90"}, at_80="LeadSquaredDailyBudgetExhausted"
    ),
    "the budget is too small": scene(
        {STALENESS: "30x5 3600x40 30x60", STUCK: "0x5 3x40 0x60"}, at_15="", at_25="LeadSquaredBudgetTooSmall", at_60=""
    ),
    # LeadSquared's queue.
    "LeadSquared is behind, and catches up": scene(
        {DELAY: "4x5 1200x30 4x60"}, at_15="", at_25="LeadSquaredBacklog", at_50=""
    ),
    "LeadSquared is behind for ten minutes": scene({DELAY: "4x5 1200x9 4x60"}, at_14="", at_25=""),
    "LeadSquared processes nothing": scene(
        {QUEUE: "5x5 50+5x30 5x60", SPEED: "1x5 0x30 1x60"}, at_15="", at_25="LeadSquaredQueueStandsStill", at_50=""
    ),
    # The exporter.
    "the exporter is down, and comes back": scene(
        gone(at=70, minutes=30), at_73="", at_80="LeadSquaredExporterDown", at_115="", at_140=""
    ),
    "the exporter is no target any more, while another one is": scene(
        {
            **{series: f"{_first(text)}x20 stale" for series, text in HEALTHY.items()},
            OTHER_UP: "1x90",
            OTHER_BUILD: "1x90",
        },
        at_22="",
        at_40="LeadSquaredExporterDown",
    ),
    "the exporter was never there": scene(
        {of("up", job="node"): "1x60"}, base={}, at_4="", at_8="LeadSquaredExporterDown"
    ),
    "something else is down": scene({of("up", job="node", instance="node:9100"): "0x60"}, at_30=""),
    "the exporter does not poll": scene(
        {STALENESS: "30x5 3600x40 30x60", WAITED: "0+15x110"}, at_15="", at_25="LeadSquaredExporterStalled", at_60=""
    ),
    "one of four exporters does not poll, and each waits a little": scene(
        {
            STALENESS: "3600x90",
            WAITED: "0+12x90",
            **{WAITED.replace("exporter:10040", f"exporter-{other}:10040"): "0+12x90" for other in range(3)},
        },
        at_12="",
        at_40="LeadSquaredExporterStalled",
    ),
    "the exporter was down for hours and asks about all again": scene(
        {STALENESS: "7200x10 30x60", WAITED: "0x70", STUCK: "5x3 0x60"}, at_10="", at_30=""
    ),
    "the store fails, and recovers": scene(
        {STORE: "1x5 0x20 1x60"}, at_8="", at_15="LeadSquaredStoreFailing", at_40=""
    ),
    "the store fails for hours": scene(
        {STORE: "0x90", STALENESS: "90+60x90", WAITED: "0x90"}, at_80="LeadSquaredStoreFailing"
    ),
    "a reload fails, and the next is good": scene(
        {RELOADED: "1x5 0x20 1x60"}, at_8="", at_15="LeadSquaredConfigReloadFailed", at_40=""
    ),
    "finishes are noticed late": scene(
        {SOON: "0+0.44x99 44x90", LATE: "0+0.5x99 50x90", ANY: "0+0.5x99 50x90", NOTICED: "0+0.5x99 50x90"},
        at_12="",
        at_55="",
        at_80="LeadSquaredDetectionSlow",
        at_130="",
    ),
    "what finished while the exporter was down is noticed in one minute": scene(
        {SOON: "0x60", LATE: "0x20 500x60", ANY: "0x20 500x60", NOTICED: "0x20 500x60"}, at_25="", at_38=""
    ),
    "finishes are noticed late for half an hour after an outage": scene(
        {
            ACCOUNT_UP: "1x20 0x40 1x90",
            BACKING_OFF: "0x20 1x40 0x90",
            CLOSED: "1x20 0x40 1x90",
            STALENESS: "30x20 60+60x40 30x90",
            SOON: "0x60 0x90",
            LATE: "0x60 0+20x30 600x60",
            ANY: "0x60 0+20x30 600x60",
            NOTICED: "0x60 0+20x30 600x60",
        },
        at_50="LeadSquaredAccountDown",
        at_85="",
        at_110="",
    ),
    "a burst that the budget is too small for": scene(
        {
            STALENESS: "30x5 60+60x120 30x60",
            SOON: "0x5 0x190",
            LATE: "0x5 0+9x120 1080x60",
            ANY: "0x5 0+9x120 1080x60",
            NOTICED: "0x5 0+9x120 1080x60",
        },
        at_45="",
        at_80="LeadSquaredBudgetTooSmall",
        at_120="LeadSquaredBudgetTooSmall",
    ),
    "the rare update that is asked about rarely": scene(
        {SOON: "0x90", LATE: "0+0.1x90", ANY: "0+0.1x90", NOTICED: "0+0.1x90"}, at_40="", at_80=""
    ),
    "a source does not work, and works again": scene(
        {SOURCE: "1x5 0x20 1x60"}, at_8="", at_15="LeadSquaredSourceDown", at_40=""
    ),
    "a source comes and goes": scene({SOURCE: "0x3 1x1 0x3 1x1 0x3 1x1 0x3 1x60"}, at_10="", at_20=""),
    "a submission passes the gateway unrecorded": scene(
        {UNRECORDED: "0x10 1x60"}, at_9="", at_12="LeadSquaredGatewayUnrecorded", at_35=""
    ),
    # An exporter that is down stays so until it is back.
    "the exporter is down for two days, and another is well": scene(
        {
            **{name: f"{_first(text)}x12 stale" for name, text in HEALTHY.items()},
            UP: "1x12 0x300",
            OTHER_UP: "1x312",
            OTHER_BUILD: "1x312",
        },
        step=10,
        at_500="LeadSquaredExporterDown",
        at_1500="LeadSquaredExporterDown",
        at_2900="LeadSquaredExporterDown",
    ),
    "the exporter's pod is replaced by one that never comes up": scene(
        {
            **{name: f"{_first(text)}x20 stale" for name, text in HEALTHY.items()},
            UP: "1x20 stale",
            pod(UP, 1): "_x20 0x1700",
            OTHER_UP: "1x1720",
            OTHER_BUILD: "1x1720",
        },
        at_24="",
        at_40="LeadSquaredExporterDown",
        at_1600="LeadSquaredExporterDown",
    ),
    "the exporter's pod is replaced by one that comes up": scene(
        {**moved(HEALTHY, at=20), pod(UP, 1): "_x20 1x900"}, at_24="", at_40=""
    ),
    "one of five new pods never comes up": scene(
        {pod(UP, 5): "_x20 0x60"}, base=sidecars(5), at_24="", at_40="LeadSquaredExporterDown"
    ),
    "a pod that has no exporter is down in a job that has all kinds": scene(
        {of("up", instance="web"): "1x90", of("up", instance="worker"): "0x90"}, at_40=""
    ),
    "the job of the exporter is renamed": scene(
        {
            **{name: f"{_first(text)}x20 stale" for name, text in HEALTHY.items()},
            **{in_job("other", name): f"_x20 {text}" for name, text in HEALTHY.items()},
        },
        at_24="",
        at_40="",
    ),
    "one of five pods is scaled away": scene(
        {pod(name, 0): f"{_first(text)}x20 stale" for name, text in HEALTHY.items()}, base=sidecars(5), at_40=""
    ),
    # What is not configured any more.
    "an account is taken out of the configuration": scene(
        {
            **dict.fromkeys((ACCOUNT_UP, DAILY, DAILY_USED, BURST, BURST_USED, QUEUE, DELAY, SPEED), "1x20 stale"),
            STALENESS: "30x20 stale",
            ACCOUNT_GONE: "0x20 1x90",
            CLOSED: "1x20 0x90",
            STUCK: "0x40 43x90",
            OLDEST: "20x20 20+60x90",
        },
        at_30="",
        at_50="LeadSquaredRequestsUnconfigured",
        at_100="LeadSquaredRequestsUnconfigured",
    ),
    "an account is taken out of the configuration, with nothing pending": scene(
        {**dict.fromkeys((WAITING, UNASKED, STALENESS, OLDEST, STUCK), "0x20 stale"), CLOSED: "1x20 stale"},
        base=IDLE,
        at_60="",
    ),
    "an API is taken out of the configuration, and comes back": scene(
        {STALENESS: "30x20 stale _x40 30x60"}, at_30="", at_50="LeadSquaredRequestsUnconfigured", at_85=""
    ),
    # Failures that are few, slow or at once.
    "one update in ninety minutes fails, and one succeeds in the end": scene(
        {SUCCESS: "100x160 101x140", FAILURE: "5+0.111111x300"},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x300")},
        step=10,
        at_400="",
        at_1500="LeadSquaredEveryUpdateFails",
        at_1700="",
    ),
    "one update in ninety minutes fails, and one has succeeded": scene(
        {SUCCESS: "100x60 101x240", FAILURE: "5+0.111111x300"},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x300")},
        step=10,
        at_1500="",
    ),
    "four of four updates fail every six hours": scene(
        {SUCCESS: "100x300", FAILURE: values(*((5 + 4 * number, 36) for number in range(8)))},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x300")},
        step=10,
        at_800="LeadSquaredEveryUpdateFails",
        at_1600="LeadSquaredEveryUpdateFails",
    ),
    "five and a half in a hundred updates fail for three days": scene(
        {SUCCESS: "0+567x500", FAILURE: "0+33x500"},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x500")},
        step=10,
        at_120="",
        at_4320="LeadSquaredUpdatesFailing/ticket",
    ),
    "half of a hundred updates fails for three days": scene(
        {SUCCESS: "0+597x500", FAILURE: "0+3x500"},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x500")},
        step=10,
        at_4320="",
    ),
    "five and a half in a hundred updates failed until yesterday": scene(
        {SUCCESS: "0+567x400 227400+600x100", FAILURE: "0+33x400 13200x100"},
        base={**IDLE, **dict.fromkeys((BUILD, UP, CLOSED), "1x500")},
        step=10,
        at_3900="LeadSquaredUpdatesFailing/ticket",
        at_4800="",
    ),
    "an hourly batch fails each time": scene(
        {SUCCESS: "100x400", FAILURE: f"0x9 {batches(0, 6)}"},
        base=IDLE,
        at_40=FAILING,
        at_55=FAILING,
        at_65=FAILING,
        at_72=FAILING,
        at_90=FAILING,
        at_125=FAILING,
        at_180=FAILING,
        at_300=FAILING,
    ),
    "an hourly batch fails once and succeeds then": scene(
        {SUCCESS: f"100x69 {batches(100, 5)}", FAILURE: f"0x9 {batches(0, 1)} 30x400"},
        base=IDLE,
        at_30=FAILING,
        at_60=FAILING,
        at_85="",
        at_300="",
    ),
    "two hundred updates fail at once at a step that is new": scene(
        {NEW_FAILURE: "_x70 200x200"},
        base=IDLE,
        at_69="",
        at_75="LeadSquaredUpdatesFailing/critical",
        at_100=FAILING,
    ),
    "two hundred updates fail at once at a step that is new, after a few that succeeded": scene(
        {NEW_FAILURE: "_x70 200x200", SUCCESS: "0+0.2x400"},
        base=IDLE,
        at_69="",
        at_73="LeadSquaredUpdatesFailing/critical",
    ),
    "an exporter that is new to Prometheus failed two hundred updates long ago": scene(
        {NEW_FAILURE: "200x200"}, base=IDLE, at_5="", at_100=""
    ),
    "an update ends in ERROR at a new step in a pod that is twenty minutes old": scene(
        {name: f"_x50 {text}" for name, text in HEALTHY.items()}
        | {NEW_STEP: "_x70 1x200", OTHER_UP: "1x200", OTHER_BUILD: "1x200"},
        at_69="",
        at_72="LeadSquaredUpdatesEndedInError",
        at_140="",
    ),
    # Several sidecars of one account.
    "one of five pods hangs, and another waits for its budget": scene(
        {pod(STALENESS, 0): "3600x90", pod(WAITED, 0): "0x90", pod(STALENESS, 1): "3600x90"},
        base=sidecars(5),
        at_40="LeadSquaredExporterStalled LeadSquaredBudgetTooSmall",
    ),
    "one of five pods hangs, and another gets no answer": scene(
        {pod(STALENESS, 0): "3600x90", pod(WAITED, 0): "0x90", pod(ACCOUNT_UP, 1): "0x90", pod(CLOSED, 1): "0x90"},
        base=sidecars(5),
        at_40="LeadSquaredExporterStalled LeadSquaredAccountDown",
    ),
    "one of five pods has an excuse, and the others are well": scene(
        {pod(STALENESS, 0): "3600x90", pod(WAITED, 0): "0x90", pod(REFUSED, 0): "1x90", pod(CLOSED, 0): "0x90"},
        base=sidecars(5),
        at_40="LeadSquaredAccountUnauthorized",
    ),
    "updates are stuck in four pods, and the fifth gets no answer": scene(
        {
            **{pod(STUCK, number): "50x90" for number in range(1, 5)},
            pod(ACCOUNT_UP, 0): "0x90",
            pod(CLOSED, 0): "0x90",
            pod(STALENESS, 0): "90+60x90",
        },
        base=sidecars(5),
        at_40="LeadSquaredRequestsStuck LeadSquaredAccountDown",
    ),
    "one of five pods has used up its day": scene(
        {pod(DAILY_USED, 0): "50000x90", pod(STALENESS, 0): "90+60x90", pod(WAITED, 0): "0+60x90"},
        base=sidecars(5),
        at_40="",
        at_80="LeadSquaredDailyBudgetExhausted",
    ),
    "one of five pods notices late": scene(
        {pod(SOON, 0): "0+0.44x99", pod(LATE, 0): "0+0.5x99", pod(ANY, 0): "0+0.5x99", pod(NOTICED, 0): "0+0.5x99"},
        base=sidecars(5),
        at_80="LeadSquaredDetectionSlow",
    ),
    "the stores of two of five pods fail": scene(
        {pod(STORE, 0): "0x90", pod(STORE, 4): "0x90"},
        base=sidecars(5),
        at_40="LeadSquaredStoreFailing@2",
    ),
    "five pods are well": scene(base=sidecars(5), at_40="", at_90=""),
    "updates are stuck in two pods that a label of their targets tells apart": scene(
        base=on_two_nodes({STUCK: "4x90"}), at_40="LeadSquaredRequestsStuck"
    ),
}
