"""Are updates getting through? The first page to look at, and the one to leave open."""

from alerts.expressions import DURATION, SUCCESS_RATIO
from alerts.thresholds import STANDARD
from exporter.metrics import families as f
from grafana import colours
from grafana.colours import BAD, GOOD, WORRYING
from grafana.dashboard import Dashboard, Row, targets, values_of
from grafana.panel import Heatmap, Link, Stat, TimeSeries
from grafana.promql import (
    ACCOUNT,
    SHOWN,
    SLOW,
    TARGETS,
    buckets,
    counted,
    curve,
    enough,
    highest,
    increased,
    lowest,
    number,
    per_second,
    quantiles,
    shared,
    total,
)

# Where the alerts see trouble, and before the default of polling.stuck_after nobody need worry.
ENOUGH = (
    (None, BAD),
    (round(1 - STANDARD.fast_failing.value, 3), WORRYING),
    (1 - STANDARD.steady_failing.value, GOOD),
)
STUCK_AFTER = 1800.0
BOTH = ("account", "api")
SUCCESS = enough(shared(SUCCESS_RATIO, by=BOTH, window=SLOW), f.FINISHED, STANDARD.few.value, by=BOTH)
AGES = ((None, GOOD), (STUCK_AFTER, WORRYING), (STANDARD.retries.value, BAD))
STUCK_ONES = Link("Those that are stuck, on the exporter's page", "${exporter}/requests?state=stuck")
PENDING_ONES = Link("Those that are pending, on the exporter's page", "${exporter}/requests?state=pending")
FAILED_ONES = Link("Those requests, on the exporter's page", "${exporter}/requests?reason=${__field.labels.reason}")
FINISHED_ONES = Link("Those requests, on the exporter's page", "${exporter}/requests?status=${__field.labels.status}")

NOW = Row(
    "Are updates getting through?",
    (
        Stat(
            title="Success ratio",
            description="Part of the requests finished in the time shown that ended in Success.",
            queries=(number(shared(SUCCESS_RATIO, window=SHOWN)),),
            unit="percentunit",
            decimals=1,
            maximum=1,
            thresholds=ENOUGH,
            nothing="none finished",
        ),
        Stat(
            title="Finished",
            description="Requests that reached a final status in the time shown.",
            queries=(number(increased(f.FINISHED)),),
            unit="locale",
            decimals=0,
        ),
        Stat(
            title="Pending",
            description="Requests that have not ended.",
            queries=(curve(total(f.PENDING), "pending"),),
            unit="short",
            links=(PENDING_ONES,),
        ),
        Stat(
            title="Stuck",
            description="Pending requests older than polling.stuck_after. A click leads to their RequestIDs.",
            queries=(curve(total(f.STUCK), "stuck"),),
            unit="short",
            thresholds=((None, GOOD), (1, WORRYING), (100, BAD)),
            links=(STUCK_ONES,),
        ),
        Stat(
            title="Oldest pending",
            description="Age of the oldest pending request. Orange where it may be stuck, red past LeadSquared's last retry.",
            queries=(curve(highest(f.OLDEST), "oldest"),),
            unit="s",
            thresholds=AGES,
            links=(PENDING_ONES,),
        ),
        Stat(
            title="Accounts",
            description="Whether the key of every account works and LeadSquared answers it.",
            queries=(curve(lowest(f.UP, selector=ACCOUNT), "up"),),
            unit="none",
            texts={1: ("All answer", GOOD), 0: ("One is down", BAD)},
            thresholds=((None, BAD), (1, GOOD)),
            nothing="none asked yet",
        ),
        TimeSeries(
            title="Finished by status",
            description="Requests that reached a final status, per second.",
            queries=(curve(per_second(f.FINISHED, by=("status",)), "{{status}}"),),
            unit="reqps",
            colours=colours.STATUS,
            stacked=True,
            links=(FINISHED_ONES,),
        ),
        TimeSeries(
            title="Success ratio",
            description=(
                "Part of the requests of the last five minutes that ended in Success, by account and API. A gap is where too few "
                "ended for a ratio."
            ),
            queries=(curve(SUCCESS, "{{account}} {{api}}"),),
            unit="percentunit",
            minimum=None,
            maximum=1,
            least=0.8,
            thresholds=ENOUGH,
            nothing="too few finished",
        ),
        TimeSeries(
            title="Taken in",
            description="Requests that the exporter began to watch, by where their RequestIDs came from, per second.",
            queries=(curve(per_second(f.DISCOVERED, by=("source",)), "{{source}}"),),
            unit="reqps",
            stacked=True,
        ),
    ),
)
FAILURES = Row(
    "What fails, and why?",
    (
        TimeSeries(
            title="Failures by reason",
            description="Requests first seen as FAILURE or ERROR, by LeadSquared's reason. A click leads to their RequestIDs.",
            queries=(curve(counted(f.ERRORS, by=("reason",)), "{{reason}}"),),
            unit="short",
            width=16,
            decimals=0,
            colours=colours.REASON,
            stacked=True,
            bars=True,
            totals=True,
            links=(FAILED_ONES,),
        ),
        TimeSeries(
            title="Recovered, and abandoned",
            description=(
                "ERRORs that LeadSquared's retries turned into Success, and requests that are no longer watched: not found, "
                "older than polling.give_up_after, or removed by an operator; as many as each bar is high."
            ),
            queries=(
                curve(counted(f.RECOVERED), "recovered"),
                curve(counted(f.ABANDONED, by=("cause",)), "abandoned: {{cause}}"),
            ),
            unit="short",
            decimals=0,
            colours=colours.CAUSE,
            stacked=True,
            bars=True,
        ),
    ),
)
DURATIONS = Row(
    "How long does an update take?",
    (
        TimeSeries(
            title="Duration",
            description="From submission to finish. The dots are single requests: a click leads to the page of the RequestID.",
            queries=quantiles(DURATION),
            unit="s",
            width=12,
            minimum=None,
            colours=colours.QUANTILE,
            thresholds=((None, GOOD), (STUCK_AFTER, WORRYING)),
            logarithmic=True,
            exemplars=True,
            nothing="none finished",
        ),
        Heatmap(
            title="Durations",
            description="How many requests took how long, per second: two bands mean that some of them were repeated.",
            queries=(curve(buckets(f.DURATION), "{{le}}"),),
            unit="s",
        ),
    ),
)
UNDER_WAY = Row(
    "What is under way?",
    (
        TimeSeries(
            title="Pending by status",
            description="What LeadSquared last said of the requests that have not ended; unknown before its first answer.",
            queries=(curve(total(f.PENDING, by=("status",)), "{{status}}"),),
            unit="short",
            width=6,
            colours=colours.STATUS,
            stacked=True,
            links=(PENDING_ONES,),
        ),
        TimeSeries(
            title="Pending by last step",
            description="The last step that the requests that have not ended have gone through.",
            queries=(curve(total(f.PENDING, by=("last_step",)), "{{last_step}}"),),
            unit="short",
            width=6,
            stacked=True,
            links=(PENDING_ONES,),
        ),
        TimeSeries(
            title="Stuck by last step",
            description="Pending requests older than polling.stuck_after, by the last step that they have gone through.",
            queries=(curve(total(f.STUCK, by=("last_step",)), "{{last_step}}"),),
            unit="short",
            width=6,
            stacked=True,
            links=(STUCK_ONES,),
        ),
        TimeSeries(
            title="Oldest pending",
            description="Age of the oldest request that has not ended, by account and API; 0 with none.",
            queries=(curve(highest(f.OLDEST, by=("account", "api")), "{{account}} {{api}}"),),
            unit="s",
            width=6,
            thresholds=AGES,
        ),
    ),
)
OVERVIEW = Dashboard(
    uid="leadsquared-exporter",
    title="LeadSquared: overview",
    description="What became of the updates that were handed to LeadSquared's asynchronous APIs.",
    variables=(
        *targets(),
        values_of("account", f.DISCOVERED, among=TARGETS),
        values_of("api", f.DISCOVERED, among=ACCOUNT),
    ),
    rows=(NOW, FAILURES, DURATIONS, UNDER_WAY),
)
