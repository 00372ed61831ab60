"""Every metric family, declared once: documentation, zeroes, dashboard checks and tests derive from here."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.core.breaker import Mode
from exporter.core.ledger import Counter, Histogram


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """`durable` families go on across restarts; `buckets` belong to histograms that are not durable."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    durable: Counter | Histogram | None = None
    buckets: tuple[float, ...] = ()


CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
ENDPOINTS = ("status", "queue_metrics")
GATEWAY = "gateway"
CODES = ("200", "401", "403", "404", "429", "500", "502", "503", "504", "timeout", "connection_error")
ERROR_KINDS = (
    "rate_limited",
    "unauthorized",
    "forbidden",
    "not_found",
    "bad_request",
    "server_error",
    "invalid_response",
    "timeout",
    "connection",
)
SOURCE_ERROR_KINDS = (
    "unreadable",
    "unreachable",
    "timeout",
    "refused",
    "invalid_entry",
    "impossible_time",
    "unfit_reference",
    "lost",
    "intake_full",
    "store",
)
# Of an account that is not configured any more and still has pending requests, in place of its breaker's state.
REMOVED = "removed"
BREAKER_STATES = (*(str(mode) for mode in Mode), REMOVED)

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_API = ("account", "api")

DISCOVERED = Family(
    "leadsquared_requests_discovered_total", _C, "Requests taken in.", (*_API, "source"), Counter.DISCOVERED
)
PENDING = Family(
    "leadsquared_requests_pending",
    _G,
    "Requests that have not ended, by what the last answer showed; status unknown before the first answer.",
    (*_API, "status", "current_step", "last_step"),
)
FINISHED = Family(
    "leadsquared_requests_finished_total",
    _C,
    "Requests that reached a final status.",
    (*_API, "status", "last_step"),
    Counter.FINISHED,
)
ABANDONED = Family(
    "leadsquared_requests_abandoned_total",
    _C,
    "Requests no longer watched: not found, expired, or removed by an operator.",
    (*_API, "cause"),
    Counter.ABANDONED,
)
ERRORS = Family(
    "leadsquared_request_errors_total",
    _C,
    "Requests seen as FAILURE or ERROR for the first time, by reason.",
    (*_API, "status", "reason"),
    Counter.ERRORS,
)
RECOVERED = Family(
    "leadsquared_requests_recovered_total", _C, "Requests whose ERROR became Success.", _API, Counter.RECOVERED
)
STUCK = Family(
    "leadsquared_requests_stuck", _G, "Pending requests older than polling.stuck_after.", (*_API, "last_step")
)
OLDEST = Family(
    "leadsquared_requests_oldest_pending_age_seconds",
    _G,
    "Age of the oldest pending request, from its submission or, where unknown, its first sight; 0 with none.",
    _API,
)
DURATION = Family(
    "leadsquared_request_duration_seconds",
    _H,
    "From submission to finish: the middle of the detection window.",
    (*_API, "status"),
    Histogram.DURATION,
)
WINDOW = Family(
    "leadsquared_request_detection_window_seconds",
    _H,
    "Between the last unfinished answer and the finished one: how far a duration can be off.",
    _API,
    Histogram.DETECTION_WINDOW,
)
DURATIONS_UNKNOWN = Family(
    "leadsquared_request_durations_unknown_total",
    _C,
    "Finished requests left out of the duration histogram because their submission time is unknown.",
    (*_API, "status"),
    Counter.DURATION_UNKNOWN,
)
POLLS = Family("leadsquared_polls_total", _C, "Polls by what they brought.", (*_API, "outcome"))
CALLS = Family(
    "leadsquared_api_calls_total",
    _C,
    "Calls to LeadSquared, by HTTP status, or timeout or connection_error.",
    ("account", "endpoint", "code"),
)
CALL_DURATION = Family(
    "leadsquared_api_call_duration_seconds",
    _H,
    "Time that calls to LeadSquared took.",
    ("account", "endpoint"),
    buckets=CALL_BUCKETS,
)
CALL_ERRORS = Family(
    "leadsquared_api_errors_total",
    _C,
    "Calls that brought no usable answer, errors inside a 200 included.",
    ("account", "endpoint", "kind"),
)
UP = Family(
    "leadsquared_account_up",
    _G,
    "1 after an answer that shows that the key works, 0 after 401 or 403 or while nothing but failures comes back; 429 is none. "
    "Absent before the first answer: nobody knows then, and an alert on 0 must not fire for an account that is never asked.",
    ("account",),
)
LAST_SUCCESS = Family(
    "leadsquared_account_last_success_timestamp_seconds", _G, "When the last usable answer arrived.", ("account",)
)
BREAKER = Family(
    "leadsquared_account_breaker_state",
    _G,
    "1 for the state that the account is in; removed where it is not configured any more and has pending requests.",
    ("account", "state"),
)
PACE = Family(
    "leadsquared_account_pace_ratio", _G, "Part of the allowed calls in use; below 1 after a 429.", ("account",)
)
LIMIT = Family(
    "leadsquared_rate_limit_calls", _G, "Calls that the exporter may make in the window.", ("account", "window")
)
LIMIT_WINDOW = Family("leadsquared_rate_limit_window_seconds", _G, "Length of the window.", ("account", "window"))
LIMIT_USED = Family(
    "leadsquared_rate_limit_used_calls", _G, "Calls of the exporter that are in the window now.", ("account", "window")
)
WAITED = Family(
    "leadsquared_rate_limit_wait_seconds_total",
    _C,
    "Time during which a due poll had to wait for the budget.",
    ("account",),
)
STALENESS = Family(
    "leadsquared_poll_staleness_seconds",
    _G,
    "The longest time since an unfinished request was polled. Absent for what is not configured any more: it is not polled.",
    _API,
)
UNDETECTED = Family(
    "leadsquared_requests_finished_unnoticed_estimate",
    _G,
    "Unfinished requests that have finished without our knowing: estimated from polls picked at random; with policy learned.",
    _API,
)
UNDETECTED_ERROR = Family(
    "leadsquared_requests_finished_unnoticed_estimate_error",
    _G,
    "The standard error of that estimate, in requests.",
    _API,
)
QUEUE_PENDING = Family(
    "leadsquared_queue_pending_messages", _G, "Requests in LeadSquared's queue, as it says; approximate.", _API
)
QUEUE_DELAY = Family(
    "leadsquared_queue_max_delay_seconds", _G, "Longest delay of LeadSquared's queue, as it says.", _API
)
QUEUE_RATE = Family(
    "leadsquared_queue_processed_messages_per_second",
    _G,
    "Requests that LeadSquared processed in its last 10 minutes, as it says, per second.",
    _API,
)
UNRECORDED = Family(
    "leadsquared_gateway_unrecorded_total",
    _C,
    "Submissions that passed the gateway and could not be recorded, or only later.",
    ("account",),
)
CACHED = Family(
    "leadsquared_gateway_cached_answers_total",
    _C,
    "Status questions that the gateway answered without a call.",
    ("account",),
)
BUILD = Family(
    "leadsquared_exporter_build_info", _G, "1; the labels tell the build.", ("version", "revision", "python_version")
)
RELOAD_OK = Family(
    "leadsquared_exporter_config_last_reload_successful", _G, "1 if the configuration was last read without mistakes."
)
RELOAD_TIME = Family(
    "leadsquared_exporter_config_last_reload_success_timestamp_seconds",
    _G,
    "When the configuration was last read without mistakes.",
)
SOURCE_UP = Family("leadsquared_exporter_source_up", _G, "1 while the source works.", ("source", "type"))
SOURCE_ERRORS = Family("leadsquared_exporter_source_errors_total", _C, "Failures of the source.", ("source", "type"))
SOURCE_ERRORS_BY_KIND = Family(
    "leadsquared_exporter_source_errors_by_kind_total",
    _C,
    "The same failures by kind: what it reads can't be had, an entry does not fit, is gone, or was taken in without its time or "
    "reference, or it waits for room or the store.",
    ("source", "type", "kind"),
)
COMMIT = Family(
    "leadsquared_exporter_store_commit_seconds",
    _H,
    "Time that transactions of the store took.",
    buckets=COMMIT_BUCKETS,
)
STORE_UP = Family("leadsquared_exporter_store_up", _G, "1 while the store can be written.")
JOURNAL = Family("leadsquared_exporter_journal_changes", _G, "Changes that are decided and not durable yet.")
SPOOL = Family(
    "leadsquared_exporter_spool_pending",
    _G,
    "Submissions that wait in the spool until the store takes them.",
    ("account",),
)
LAG = Family(
    "leadsquared_exporter_event_loop_lag_seconds",
    _G,
    "How late the event loop was, at worst, in the last 15 seconds or so.",
)
CLOCK_STEPS = Family(
    "leadsquared_exporter_clock_step_seconds_total",
    _C,
    "Seconds by which the system's clock was set, forward or back, while the exporter ran or since it ran last.",
)

FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))
BY_NAME = {family.name: family for family in FAMILIES}
DURABLE = {family.durable: family for family in FAMILIES if family.durable is not None}
