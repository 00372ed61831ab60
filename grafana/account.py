"""How an account is doing with LeadSquared: its rate limit, the answers, what the application does, the vendor's queue."""

from alerts.expressions import BUDGET_USED, BUDGET_WAIT, CALL_DURATION, DETECTION_WINDOW, USEFUL_POLLS
from alerts.thresholds import STANDARD
from exporter.metrics import families as f
from grafana import colours
from grafana.colours import BAD, GOOD, ODD, PLAIN, WORRYING
from grafana.dashboard import Dashboard, Row, targets, values_of
from grafana.panel import BarGauge, Heatmap, Query, Stat, Threshold, TimeSeries
from grafana.promql import (
    ACCOUNT,
    GATEWAY,
    PICKED,
    STATUS,
    TARGETS,
    buckets,
    curve,
    highest,
    increased,
    lowest,
    number,
    per_second,
    quantiles,
    renamed,
    shared,
    total,
)

PLAINLY: tuple[Threshold, ...] = ((None, PLAIN),)
DELAYS: tuple[Threshold, ...] = ((None, GOOD), (STANDARD.backlog.value, WORRYING))
IN_BURST = 'window="burst"'
KINDS_OF_ANSWER = {
    "2xx": 'code=~"2.."',
    "429": 'code="429"',
    "other 4xx": 'code=~"4..",code!="429"',
    "5xx": 'code=~"5.."',
    "none": 'code=~"timeout|connection_error"',
}


def states(vector: str) -> str:
    return renamed(vector, "state", colours.STATE_NAMES)


def answers(selector: str) -> tuple[Query, ...]:
    return tuple(
        curve(per_second(f.CALLS, selector=f"{selector},{codes}"), kind) for kind, codes in KINDS_OF_ANSWER.items()
    )


def calls(endpoint: str, caller: str) -> Query:
    return curve(per_second(f.CALLS, selector=f'{ACCOUNT},endpoint="{endpoint}"'), caller)


def allowed() -> str:
    """Calls a second, over all the accounts that are picked."""
    limit, window = (f"{family.name}{{{ACCOUNT},{IN_BURST}}}" for family in (f.LIMIT, f.LIMIT_WINDOW))
    return f"sum({limit} / {window})"


NOW = Row(
    "How is the account doing?",
    (
        Stat(
            title="State",
            description=(
                "Working is the good one. Told to wait after a 429, no answer while LeadSquared fails, key refused after 401 or "
                "403; trying lets one call through to see, and what is not configured any more is not asked about."
            ),
            queries=(number(states(f"sum by (state) ({f.BREAKER.name}{{{ACCOUNT}}} == 1)"), "{{state}}"),),
            unit="none",
            colours=colours.STATE,
            named=True,
        ),
        Stat(
            title="Last usable answer",
            description="How long ago LeadSquared last answered a call of the exporter as it should; the worst of the accounts.",
            queries=(curve(f"max(time() - {f.LAST_SUCCESS.name}{{{ACCOUNT}}})", "last answer"),),
            unit="s",
            decimals=0,
            thresholds=((None, GOOD), (300, WORRYING), (900, BAD)),
            nothing="none yet",
        ),
        Stat(
            title="Pace",
            description="Part of the allowed calls that the exporter permits itself; it is lowered by a 429 and comes back.",
            queries=(curve(lowest(f.PACE, selector=ACCOUNT), "pace"),),
            unit="percentunit",
            decimals=0,
            maximum=1,
            thresholds=((None, BAD), (0.5, WORRYING), (1, GOOD)),
        ),
        Stat(
            title="Refused: 429",
            description="Calls that LeadSquared refused in the time shown because of the rate limit, the application's included.",
            queries=(number(increased(f.CALL_ERRORS, selector=f'{ACCOUNT},kind="rate_limited"')),),
            unit="locale",
            decimals=0,
            thresholds=((None, GOOD), (1, ODD), (100, WORRYING)),
        ),
        BarGauge(
            title="Budget in use",
            description="Calls of the exporter in the window now, as a part of those allowed to it.",
            queries=(
                number(shared(BUDGET_USED, selector=ACCOUNT, by=("account", "window")), "{{account}} {{window}}"),
            ),
            unit="percentunit",
            height=4,
            decimals=0,
            maximum=1,
            thresholds=((None, GOOD), (0.8, ODD), (STANDARD.daily.value, WORRYING)),
        ),
    ),
)
BUDGET = Row(
    "Who uses the rate limit?",
    (
        TimeSeries(
            title="Calls",
            description=(
                "Calls to LeadSquared per second, by who makes them. The exporter's are at the bottom: they take what the "
                "application leaves, and stay below the dashed line."
            ),
            queries=(
                calls("status", "polls"),
                calls("queue_metrics", "queue metrics"),
                calls("gateway", "application"),
                curve(allowed(), "allowed to the exporter"),
            ),
            unit="reqps",
            colours=colours.CALLER,
            stacked=True,
            limits=("allowed to the exporter",),
        ),
        TimeSeries(
            title="Budget in use",
            description="Calls of the exporter in the window, as a part of those allowed to it; burst is the account's period.",
            queries=(curve(shared(BUDGET_USED, selector=ACCOUNT, by=("account", "window")), "{{account}} {{window}}"),),
            unit="percentunit",
            maximum=1,
            thresholds=((None, GOOD), (STANDARD.daily.value, WORRYING)),
        ),
        TimeSeries(
            title="Waiting for the budget, and pace",
            description="Part of the time in which a due poll had to wait, and the part of the allowed calls in use after a 429.",
            queries=(
                curve(shared(BUDGET_WAIT, selector=ACCOUNT, by=("account",)), "{{account}} waits"),
                curve(lowest(f.PACE, by=("account",), selector=ACCOUNT), "{{account}} pace"),
            ),
            unit="percentunit",
            maximum=1,
            thresholds=((None, GOOD), (STANDARD.waiting.value, WORRYING)),
        ),
    ),
)
ANSWERS = Row(
    "What does LeadSquared answer?",
    (
        TimeSeries(
            title="Answers",
            description="Calls to LeadSquared by HTTP status, per second; none for a timeout or a connection that failed.",
            queries=answers(ACCOUNT),
            unit="reqps",
            width=6,
            colours=colours.ANSWER,
            stacked=True,
        ),
        TimeSeries(
            title="Errors",
            description="Calls that brought no usable answer, errors inside a 200 included, per second.",
            queries=(curve(per_second(f.CALL_ERRORS, by=("kind",), selector=ACCOUNT), "{{kind}}"),),
            unit="reqps",
            width=6,
            colours=colours.KIND,
            stacked=True,
            bars=True,
        ),
        TimeSeries(
            title="Duration of a poll",
            description="Time that a status call took.",
            queries=quantiles(CALL_DURATION, selector=STATUS),
            unit="s",
            width=6,
            colours=colours.QUANTILE,
            thresholds=((None, GOOD), (5, WORRYING)),
            nothing="no calls",
        ),
        TimeSeries(
            title="Accounts by state",
            description="How many accounts are in each state, in each exporter: working is the good one.",
            queries=(curve(states(total(f.BREAKER, by=("state",), selector=ACCOUNT)), "{{state}}"),),
            unit="short",
            width=6,
            decimals=0,
            colours=colours.STATE,
            stacked=True,
            steps=True,
        ),
    ),
)
DETECTION = Row(
    "How soon is an end noticed?",
    (
        TimeSeries(
            title="Detection window",
            description="Between the last unfinished answer and the finished one: how far a duration can be off.",
            queries=quantiles(DETECTION_WINDOW),
            unit="s",
            colours=colours.QUANTILE,
            thresholds=((None, GOOD), (STANDARD.unnoticed.value, WORRYING)),
            nothing="none finished",
        ),
        Heatmap(
            title="Detection windows",
            description="How many ends were noticed how soon, per second.",
            queries=(curve(buckets(f.WINDOW), "{{le}}"),),
            unit="s",
            width=8,
        ),
        TimeSeries(
            title="Staleness",
            description="The longest time since an unfinished request was polled; at polling.max_staleness it is asked for anyhow.",
            queries=(curve(highest(f.STALENESS, by=("account", "api")), "{{account}} {{api}}"),),
            unit="s",
            thresholds=((None, GOOD), (STANDARD.stale.value, WORRYING)),
        ),
        TimeSeries(
            title="Finished and not noticed yet",
            description="Unfinished requests that have finished already: an estimate from polls picked at random.",
            queries=(curve(total(f.UNDETECTED, by=("account", "api")), "{{account}} {{api}}"),),
            unit="short",
            width=6,
            nothing="only with polling.policy learned",
        ),
        TimeSeries(
            title="Polls by outcome",
            description="What polls brought, per second.",
            queries=(curve(per_second(f.POLLS, by=("outcome",)), "{{outcome}}"),),
            unit="reqps",
            width=6,
            colours=colours.OUTCOME,
            stacked=True,
        ),
        TimeSeries(
            title="Useful polls",
            description="Part of the polls that brought something new.",
            queries=(curve(shared(USEFUL_POLLS, by=("account",)), "{{account}}"),),
            unit="percentunit",
            width=6,
            maximum=1,
            nothing="no polls",
        ),
        TimeSeries(
            title="Finished without a duration",
            description="Requests left out of all durations because their submission time is unknown, per second.",
            queries=(curve(per_second(f.DURATIONS_UNKNOWN, by=("account",)), "{{account}}"),),
            unit="reqps",
            width=6,
        ),
    ),
)
APPLICATION = Row(
    "What does the application see, through the gateway?",
    (
        TimeSeries(
            title="Its answers",
            description="What LeadSquared answered the application, by HTTP status, per second.",
            queries=answers(GATEWAY),
            unit="reqps",
            colours=colours.ANSWER,
            stacked=True,
        ),
        TimeSeries(
            title="Duration of its calls",
            description="Until LeadSquared's answer began.",
            queries=quantiles(CALL_DURATION, selector=GATEWAY),
            unit="s",
            colours=colours.QUANTILE,
            thresholds=((None, GOOD), (5, WORRYING)),
            nothing="no calls",
        ),
        TimeSeries(
            title="Without a call, and unrecorded",
            description=(
                "Status questions answered from the cache, and submissions that went through and could not be recorded, or "
                "only later; per second."
            ),
            queries=(
                curve(per_second(f.CACHED, by=("account",), selector=ACCOUNT), "{{account}} from the cache"),
                curve(per_second(f.UNRECORDED, by=("account",), selector=ACCOUNT), "{{account}} unrecorded"),
            ),
            unit="reqps",
        ),
    ),
)
QUEUE = Row(
    "What does LeadSquared say of its queue?",
    tuple(
        TimeSeries(
            title=title,
            description=description,
            queries=(curve(how(family, by=("account", "api"), selector=PICKED), "{{account}} {{api}}"),),
            unit=unit,
            thresholds=thresholds,
            nothing="queue metrics are off",
        )
        for title, description, how, family, unit, thresholds in (
            (
                "Waiting",
                "Requests in LeadSquared's queue, as it says; approximate.",
                total,
                f.QUEUE_PENDING,
                "short",
                PLAINLY,
            ),
            ("Longest delay", "Of a request in LeadSquared's queue, as it says.", highest, f.QUEUE_DELAY, "s", DELAYS),
            ("Processed", "Per second, over its last 10 minutes, as it says.", total, f.QUEUE_RATE, "reqps", PLAINLY),
        )
    ),
)
ACCOUNTS = Dashboard(
    uid="leadsquared-account",
    title="LeadSquared: accounts",
    description="How LeadSquared treats an account, who uses its rate limit, and how soon the end of a request is noticed.",
    variables=(
        *targets(),
        values_of("account", f.BREAKER, among=TARGETS),
        values_of("api", f.DISCOVERED, among=ACCOUNT),
    ),
    rows=(NOW, BUDGET, ANSWERS, DETECTION, APPLICATION, QUEUE),
)
