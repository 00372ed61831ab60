"""The gauges of an account, as a scrape shows them."""

from exporter.config.settings import Account
from exporter.core.watch import Watch
from exporter.metrics.snapshot import AccountView, ApiView, WindowView


def account_view(watch: Watch, account: Account, now: float) -> AccountView:
    watch.tracker.look(now)
    names = dict.fromkeys([*account.apis, *watch.tracker.censuses])
    return AccountView(
        account=watch.account,
        apis=tuple(_api_view(watch, api, now) for api in names),
        windows=tuple(
            WindowView(
                name=window.limit.name,
                allowed=window.limit.calls,
                seconds=window.limit.seconds,
                used=window.used(now),
            )
            for window in watch.budget.windows
            if window.limit.bounded
            if not window.limit.whole
        ),
        up=watch.breaker.up,
        last_success=watch.last_success,
        breaker=watch.breaker.mode(now),
        pace=watch.breaker.pace(now),
    )


def _api_view(watch: Watch, api: str, now: float) -> ApiView:
    census = watch.tracker.census(api)
    return ApiView(
        api=api,
        pending=dict(census.pending),
        stuck=dict(census.stuck),
        oldest_age=watch.tracker.oldest_age(api, now),
        staleness=watch.tracker.staleness(api, now),
        queue=watch.queue.get(api),
        undetected=watch.policy.undetected(api),
    )
