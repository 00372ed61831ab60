"""The exporter itself: what it reads from, where it keeps it, and what it costs."""

from alerts.expressions import COMMIT_DURATION
from exporter.metrics import families as f
from grafana import colours
from grafana.colours import BAD, GOOD, ODD, PLAIN, WORRYING
from grafana.dashboard import Dashboard, Row, targets
from grafana.panel import Heatmap, Stat, TimeSeries
from grafana.promql import NOW, TARGETS, buckets, curve, highest, lowest, per_second, quantiles, total

# Both are of the scraper, and are there when the exporter is not.
UP = f"up{{{TARGETS}}}"
SCRAPE_SECONDS = f"scrape_duration_seconds{{{TARGETS}}}"
SAMPLES = f"scrape_samples_scraped{{{TARGETS}}}"
DOWN = ((None, GOOD), (1.0, BAD))

HEALTH = Row(
    "Is the exporter well?",
    (
        Stat(
            title="Exporter",
            description="Whether Prometheus can scrape it.",
            queries=(curve(f"min({UP})", "up"),),
            unit="none",
            texts={1: ("Up", GOOD), 0: ("Down", BAD)},
            thresholds=((None, BAD), (1, GOOD)),
        ),
        Stat(
            title="Sources down",
            description="Sources of RequestIDs that do not work now.",
            queries=(curve(f"sum(1 - {f.SOURCE_UP.name}{{{TARGETS}}})", "down"),),
            unit="short",
            thresholds=DOWN,
        ),
        Stat(
            title="Store",
            description="Whether what is taken in can be made durable.",
            queries=(curve(lowest(f.STORE_UP, selector=TARGETS), "up"),),
            unit="none",
            texts={1: ("Writable", GOOD), 0: ("Failing", BAD)},
            thresholds=((None, BAD), (1, GOOD)),
        ),
        Stat(
            title="Configuration",
            description="Whether it was without mistakes when it was last read; with mistakes the one before stays in force.",
            queries=(curve(lowest(f.RELOAD_OK, selector=TARGETS), "read"),),
            unit="none",
            texts={1: ("In force", GOOD), 0: ("Refused", BAD)},
            thresholds=((None, BAD), (1, GOOD)),
        ),
        Stat(
            title="Running for",
            description="Since the youngest of the exporters was started.",
            queries=(curve(f"min(time() - process_start_time_seconds{{{TARGETS}}})", "running"),),
            unit="s",
            thresholds=((None, ODD), (300, GOOD)),
        ),
        Stat(
            title="Version",
            description="Of the exporter.",
            queries=(curve(f"count by (version) ({f.BUILD.name}{{{TARGETS}}})", "{{version}}"),),
            unit="none",
            named=True,
        ),
    ),
)
SOURCES = Row(
    "Do RequestIDs arrive?",
    (
        TimeSeries(
            title="Taken in",
            description="Requests that the exporter began to watch, by source, per second.",
            queries=(curve(per_second(f.DISCOVERED, by=("source",), selector=TARGETS), "{{source}}"),),
            unit="reqps",
            stacked=True,
        ),
        TimeSeries(
            title="Sources that are down",
            description="Each source that does not work counts 1.",
            queries=(curve(f"sum by (source) (1 - {f.SOURCE_UP.name}{{{TARGETS}}})", "{{source}}"),),
            unit="short",
            decimals=0,
            shades_of=BAD,
            stacked=True,
            steps=True,
        ),
        TimeSeries(
            title="Failures of sources",
            description=(
                "By kind, per second: what it reads can't be had, an entry does not fit, or it waits for room or the store. "
                "The log has the details."
            ),
            queries=(curve(per_second(f.SOURCE_ERRORS_BY_KIND, by=("kind",), selector=TARGETS), "{{kind}}"),),
            unit="reqps",
            stacked=True,
            bars=True,
        ),
    ),
)
STORE = Row(
    "Is it kept?",
    (
        TimeSeries(
            title="Duration of a transaction",
            description="Time that the store's transactions took. An answer to a submission waits for one.",
            queries=quantiles(COMMIT_DURATION, selector=TARGETS),
            unit="s",
            colours=colours.QUANTILE,
            thresholds=((None, GOOD), (0.5, WORRYING)),
            nothing="no transactions",
        ),
        Heatmap(
            title="Transactions",
            description="How many took how long, per second.",
            queries=(curve(buckets(f.COMMIT, selector=TARGETS), "{{le}}"),),
            unit="s",
            width=8,
        ),
        TimeSeries(
            title="Not durable yet",
            description="Changes that are decided and not written yet. It goes back to 0 within a second, or the store is failing.",
            queries=(curve(highest(f.JOURNAL, by=("instance",), selector=TARGETS), "{{instance}}"),),
            unit="short",
            thresholds=((None, GOOD), (1000, WORRYING)),
        ),
        TimeSeries(
            title="In the spool",
            description="Submissions that passed a gateway and wait until the store takes them.",
            queries=(curve(total(f.SPOOL, by=("account",), selector=TARGETS), "{{account}}"),),
            width=24,
            unit="short",
            thresholds=((None, GOOD), (1, WORRYING)),
        ),
    ),
)
PROCESS = Row(
    "What does it cost?",
    (
        TimeSeries(
            title="Event loop lag",
            description="How late the event loop was, at worst, in the last 15 seconds or so.",
            queries=(curve(highest(f.LAG, by=("instance",), selector=TARGETS), "{{instance}}"),),
            unit="s",
            width=6,
            thresholds=((None, GOOD), (1, WORRYING)),
        ),
        TimeSeries(
            title="CPU",
            description="Part of one core in use.",
            queries=(curve(f"rate(process_cpu_seconds_total{{{TARGETS}}}[{NOW}])", "{{instance}}"),),
            unit="percentunit",
            width=6,
            thresholds=((None, GOOD), (0.8, WORRYING)),
        ),
        TimeSeries(
            title="Memory",
            description="Resident memory.",
            queries=(curve(f"process_resident_memory_bytes{{{TARGETS}}}", "{{instance}}"),),
            unit="bytes",
            width=6,
        ),
        TimeSeries(
            title="File descriptors",
            description="Open ones, as a part of those that the process may open.",
            queries=(curve(f"process_open_fds{{{TARGETS}}} / process_max_fds{{{TARGETS}}}", "{{instance}}"),),
            unit="percentunit",
            width=6,
            thresholds=((None, GOOD), (0.8, WORRYING)),
        ),
    ),
)
SCRAPE = Row(
    "What does Prometheus get?",
    (
        TimeSeries(
            title="Duration of a scrape",
            description="As Prometheus measures it. A scrape waits for nothing but the event loop.",
            queries=(curve(SCRAPE_SECONDS, "{{instance}}"),),
            unit="s",
            width=12,
            thresholds=((None, GOOD), (5, WORRYING)),
        ),
        TimeSeries(
            title="Samples",
            description="That a scrape brought. Its growth is bounded: no label holds a RequestID.",
            queries=(curve(SAMPLES, "{{instance}}"),),
            unit="short",
            width=12,
            thresholds=((None, PLAIN), (20000, WORRYING)),
        ),
    ),
)
INTERNALS = Dashboard(
    uid="leadsquared-internals",
    title="LeadSquared: exporter",
    description="Whether the exporter takes in, keeps and tells what it should, and what that costs.",
    variables=targets(),
    rows=(HEALTH, SOURCES, STORE, PROCESS, SCRAPE),
)
