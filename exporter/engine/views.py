"""The gauges of an account, as a scrape shows them."""

from collections.abc import Iterator

from exporter.config.settings import Account
from exporter.core.watch import Watch
from exporter.metrics.families import REMOVED
from exporter.metrics.snapshot import AccountView, ApiView, WindowView


def account_view(watch: Watch, account: Account | None, now: float, *, ahead: float) -> AccountView:
    """`account` is None where it is not configured any more: of its requests all is known, of itself nothing is up to date. The
    wall clock is `ahead` of `now`."""
    watch.tracker.look(now)
    left = (api for api, census in watch.tracker.censuses.items() if any(census.pending.values()))
    names = dict.fromkeys([*(account.apis if account else ()), *left])
    return AccountView(
        account=watch.account,
        apis=tuple(_api_view(watch, api, now, configured=account is not None and api in account.apis) for api in names),
        windows=tuple(_windows(watch, now)) if account else (),
        up=watch.breaker.up if account else None,
        last_success=None if watch.last_success is None else watch.last_success + ahead,
        breaker=watch.breaker.mode(now) if account else REMOVED,
        pace=watch.breaker.pace(now),
    )


def _windows(watch: Watch, now: float) -> Iterator[WindowView]:
    for window in watch.budget.windows:
        limit = window.limit
        if limit.bounded and not limit.whole:
            yield WindowView(name=limit.name, allowed=limit.calls, seconds=limit.seconds, used=window.used(now))


def _api_view(watch: Watch, api: str, now: float, *, configured: bool) -> ApiView:
    census = watch.tracker.census(api)
    return ApiView(
        api=api,
        pending=dict(census.pending),
        stuck=dict(census.stuck),
        oldest_age=watch.tracker.oldest_age(api, now),
        staleness=watch.tracker.staleness(api, now) if configured else None,
        queue=watch.queue.get(api) if configured else None,
        undetected=watch.policy.undetected(api),
    )
