"""How many calls a configuration allows in a day: told to the operator, and warned of where nobody may have meant it."""

from collections.abc import Sequence
from math import ceil

from exporter.config.duration import format_duration
from exporter.config.problem import Problems
from exporter.config.settings import DAY, Account, RateLimit
from exporter.config.shapes import Item

# Without a limit of its own the business's day has to be larger than this for nothing to be taken from it.
LARGE = 100_000
# Of the calls of a day, before queue metrics stand in the way of what they are measured beside.
_MOST_FOR_QUEUES = 0.5
_FEW_FOR_QUEUES = 0.1
_NAMED = 5


def told(accounts: Sequence[Account]) -> list[str]:
    """A line for all accounts that may do the same."""
    groups: dict[int, list[str]] = {}
    for account in accounts:
        groups.setdefault(account.rate_limit.most_daily, []).append(account.name)
    return [f"{_names(names)}: {text(calls)}" for calls, names in groups.items()]


def text(calls: int) -> str:
    return f"at most {calls:,} calls a day, {_decimal(calls / DAY)} a second on average"


def check(account: Item, rate_limit: RateLimit, problems: Problems) -> None:
    """Warns of a large day that is not limited; whoever writes `unlimited` means it."""
    limit: Item | None = account.values.get("rate_limit")
    if rate_limit.most_daily <= LARGE or rate_limit.daily is not None or (limit is not None and limit.given("daily")):
        return
    message = (
        f"allows this exporter {rate_limit.most_daily:,} calls a day; give daily, which is what LeadSquared allows the "
        "account in 24 hours, or daily: unlimited"
    )
    if limit is None:
        problems.warn(account.position, account.path_of("rate_limit"), f"is missing, which {message}")
        return
    name = next((name for name in ("calls", "plan") if limit.given(name)), None)
    path = limit.path if name is None else limit.path_of(name)
    problems.warn(limit.position if name is None else limit.place(name), path, message)


def check_queues(account: Item, rate_limit: RateLimit, *, queues: int, interval: float, problems: Problems) -> None:
    """Warns where the vendor's figures of its queues would be asked for instead of statuses."""
    most, asked = rate_limit.most_daily, queues * ceil(DAY / interval)
    if asked > most * _MOST_FOR_QUEUES:
        enough = 60.0 * ceil(queues * DAY / (most * _FEW_FOR_QUEUES) / 60.0)
        message = (
            f"queue metrics of {queues} API{'s' if queues > 1 else ''} every {format_duration(interval)} take {asked:,} of at most "
            f"{most:,} calls a day; queue_metrics.interval: {format_duration(enough)} leaves nine tenths of them to statuses"
        )
        problems.warn(account.position, account.path, message)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _decimal(value: float) -> str:
    """Two decimals, or one digit where these would be 0."""
    return f"{round(value, 2):g}" if value >= 0.01 else f"{value:.1g}"
