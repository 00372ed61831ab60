"""A small collector whose every number is known."""

from exporter.core.ledger import Counter, Histogram, Ledger, Tally
from exporter.core.request import Progress, Status
from exporter.core.watch import QueueFigures
from exporter.metrics.collector import Build, Collector, StoreState, start_known
from exporter.metrics.meters import Meters
from exporter.metrics.snapshot import AccountView, ApiView, WindowView

ACCOUNT, API, STEP = "acme", "lead_update", "in_process_queue"
REQUEST_ID = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
BOUNDS = (1.0, 5.0, 60.0)


def new_ledger() -> Ledger:
    return Ledger(dict.fromkeys(Histogram, BOUNDS))


def view(account: str = ACCOUNT, pending: dict[Progress, int] | None = None) -> AccountView:
    api = ApiView(
        api=API,
        pending=pending if pending is not None else {Progress(Status.IN_QUEUE, STEP, "none"): 2},
        stuck={STEP: 1},
        oldest_age=12.5,
        staleness=3.0,
        queue=QueueFigures(pending=4.0, max_delay=None, per_second=0.5),
    )
    return AccountView(
        account=account,
        apis=(api,),
        windows=(WindowView(name="burst", allowed=12, seconds=5.0, used=3),),
        up=True,
        last_success=1000.5,
        breaker="closed",
        pace=1.0,
    )


def scene(
    ledger: Ledger | None = None,
    meters: Meters | None = None,
    views: list[AccountView] | None = None,
    ahead: float = 0.0,
) -> Collector:
    shown = [view()] if views is None else views
    return Collector(
        ledger or new_ledger(),
        meters or Meters(),
        lambda: shown,
        store=lambda: StoreState(up=True, undurable=2, spooled={"acme": 0}),
        ahead=lambda: ahead,
        build=Build(version="1.2.3", revision="abc", python_version="3.11.7"),
    )


def busy(ahead: float = 0.0) -> Collector:
    """Five requests taken in: two are pending, two finished, one was removed."""
    ledger, meters = new_ledger(), Meters()
    start_known(ledger, account=ACCOUNT, apis=[API], sources=["push"])
    meters.declare_account(ACCOUNT, [API])
    ledger.count(
        [
            Tally(Counter.DISCOVERED, (ACCOUNT, API, "push"), 5),
            Tally(Counter.FINISHED, (ACCOUNT, API, "success", STEP), 2),
            Tally(Counter.ABANDONED, (ACCOUNT, API, "removed")),
        ]
    )
    success = (ACCOUNT, API, "success")
    ledger.observe(
        [
            ledger.observation(Histogram.DURATION, success, value=2.5, request_id=REQUEST_ID, time=1000.25),
            ledger.observation(Histogram.DURATION, success, value=90.0, request_id="late-1", time=1001.0),
        ]
    )
    meters.poll(ACCOUNT, API, "finished")
    meters.call(ACCOUNT, "status", 200, 0.05)
    meters.call(ACCOUNT, "status", "timeout", 10.5)
    meters.call_error(ACCOUNT, "status", "timeout")
    meters.source_state("push", "push", up=True)
    return scene(ledger, meters, ahead=ahead)
