"""Settings turned into the parts of core."""

from collections.abc import Mapping, Sequence
from random import Random

from exporter.config.settings import Account, GatewaySource, RateLimit, Settings
from exporter.core.breaker import Breaker
from exporter.core.budget import UNLIMITED, Budget, Limit, burst, daily, whole
from exporter.core.learned.policy import Learned
from exporter.core.ledger import Histogram, Ledger
from exporter.core.request import OTHER
from exporter.core.schedule import Age, Policy, RoundRobin
from exporter.core.tracker import YEAR, Rules, Tracker
from exporter.core.vocabulary import MAX_STEPS, Vocabulary
from exporter.core.watch import Watch


class Words:
    """The vocabularies that all accounts share, so that the number of label values is bounded for the process."""

    def __init__(self, settings: Settings) -> None:
        # One place is for `other` itself; `none`, for a failure without a text, is a reason like any.
        self.reasons = Vocabulary(settings.metrics.max_reasons - 1, free=(OTHER,))
        self.steps = Vocabulary(MAX_STEPS)


def bounds(settings: Settings) -> Mapping[Histogram, Sequence[float]]:
    return dict.fromkeys(Histogram, settings.metrics.duration_buckets)


def rules(settings: Settings) -> Rules:
    polling = settings.polling
    return Rules(
        stuck_after=polling.stuck_after,
        give_up_after=polling.give_up_after,
        error_grace=polling.error_grace,
        not_found_attempts=polling.not_found_attempts,
        last_look=polling.max_staleness,
    )


def limits(rate_limit: RateLimit, *, shared: bool) -> list[Limit]:
    """`shared`: calls of the application pass through this process, or did so today, and what they leave is less than all.
    The day is counted without a limit too, so that one that comes (back) knows of the calls before."""
    own = burst(calls=rate_limit.allowed, seconds=rate_limit.period)
    day = daily(UNLIMITED if rate_limit.allowed_daily is None else rate_limit.allowed_daily)
    all_day = UNLIMITED if rate_limit.daily is None else rate_limit.daily
    found = [own, whole(own, calls=rate_limit.calls), day, whole(day, calls=all_day)]
    return [limit for limit in found if shared or not limit.whole]


def is_shared(account: Account, settings: Settings) -> bool:
    """Whether the application's calls to the account pass through a gateway of ours."""
    return any(isinstance(one, GatewaySource) and one.account == account.name for one in settings.sources)


def new_policy(account: Account, settings: Settings, *, random: Random, now: float) -> Policy:
    polling, allowed = settings.polling, limits(account.rate_limit, shared=False)
    if polling.policy == "round_robin":
        return RoundRobin(now - YEAR)
    if polling.policy == "age":
        return Age(now - YEAR, max_staleness=polling.max_staleness)
    return Learned(
        rate=Budget(allowed).rate,
        burst=allowed[0].calls,
        effort=polling.effort,
        max_staleness=polling.max_staleness,
        random=random,
        now=now,
    )


def queue_apis(account: Account) -> tuple[str, ...]:
    return tuple(api.name for api in account.apis.values() if api.metrics_path is not None)


def new_watch(
    account: Account, settings: Settings, *, shared: bool, ledger: Ledger, words: Words, random: Random, now: float
) -> Watch:
    tracker = Tracker(account.name, rules(settings), ledger=ledger, reasons=words.reasons, steps=words.steps, now=now)
    return Watch(
        tracker=tracker,
        policy=new_policy(account, settings, random=random, now=now),
        budget=Budget(limits(account.rate_limit, shared=shared)),
        breaker=Breaker(period=account.rate_limit.period, random=random),
        apis=frozenset(account.apis),
        queue_apis=queue_apis(account),
        queue_interval=settings.queue_metrics_interval,
    )
