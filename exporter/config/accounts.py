"""The accounts: the rules between their keys, and the values made of them."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from exporter.config import allowance, tls
from exporter.config import proxy as proxies
from exporter.config.kinds import is_loopback, masked_url, split_url
from exporter.config.problem import Problems
from exporter.config.rules import Surroundings, at_most_one, exactly_one, secret, secrets_can_be_had, unique_names
from exporter.config.schema import RATE_LIMIT_DEFAULTS
from exporter.config.settings import Account, Api, Proxy, RateLimit
from exporter.config.shapes import Item
from exporter.errors import ConfigurationError
from exporter.leadsquared.endpoints import BY_NAME, DEFAULT_API, PLANS, REGIONS
from exporter.leadsquared.paths import Pattern

_KEYS = ("api_key_file", "api_key_env", "api_key")


def check(
    accounts: Sequence[Item], surroundings: Surroundings, problems: Problems, *, queue_metrics_interval: float
) -> None:
    unique_names(accounts, problems)
    for account in accounts:
        _check_host(account, problems)
        _check_key(account, surroundings, problems)
        _check_way(account, surroundings, problems)
        limit = account.values.get("rate_limit")
        if limit is not None:
            _check_limit(limit, problems)
        _check_day(account, queue_metrics_interval, problems)
        _check_submit_paths(account, problems)
    _warn_of_shared_keys(accounts, surroundings, problems)


def _warn_of_shared_keys(accounts: Sequence[Item], surroundings: Surroundings, problems: Problems) -> None:
    """LeadSquared limits a key, whatever it is called here: two budgets for one key can be more than it allows."""
    first: dict[tuple[str, str], Item] = {}
    for account in accounts:
        url, key = _base_url(account), _key(account, surroundings)
        other = first.setdefault((url, key), account) if url and key else account
        if other is not account:
            message = (
                f"has the key and the host of {other.path} (line {other.position.line}), so LeadSquared counts the calls "
                "of both together: make them one account, or let their shares add up to what they may use"
            )
            problems.warn(account.position, account.path, message)


def _base_url(account: Item) -> str:
    """Empty where it is not given as it should be, which is a mistake of its own."""
    url: str = account.values.get("base_url", REGIONS.get(account.values.get("region", ""), ""))
    return url.lower()


def _key(account: Item, surroundings: Surroundings) -> str:
    """Empty where it can't be had, which is a mistake of its own."""
    try:
        found = secret(account, "api_key", surroundings)
        return "" if found is None else found.reveal()
    except ConfigurationError:
        return ""


def _check_host(account: Item, problems: Problems) -> None:
    regions = f"must be one of {', '.join(REGIONS)}; or give base_url"
    exactly_one(account, ("region", "base_url"), problems, missing=regions)
    url = account.values.get("base_url", "")
    # An allow_insecure that can't be read has its own message.
    insecure = account.values.get("allow_insecure", account.given("allow_insecure"))
    if url.lower().startswith("http:") and not insecure:
        parts = split_url(url)
        if parts is None or not is_loopback(parts.hostname or ""):
            message = f"must be https://, or http:// to a loopback address (or set allow_insecure: true), got {url}"
            problems.add(account.place("base_url"), account.path_of("base_url"), message)


def _check_key(account: Item, surroundings: Surroundings, problems: Problems) -> None:
    missing = "must be the path of a file that holds the key; or give api_key_env or api_key"
    exactly_one(account, _KEYS, problems, missing=missing)
    secrets_can_be_had(account, "api_key", surroundings, problems)
    if account.given("api_key"):
        message = "prefer api_key_file or api_key_env; whoever reads this file has the key"
        problems.warn(account.place("api_key"), account.path_of("api_key"), message)


def _check_way(account: Item, surroundings: Surroundings, problems: Problems) -> None:
    if (given := _environment_proxy(account, surroundings)) is not None and not proxies.fits(given.url):
        shown = masked_url(given.url) or given.url
        message = f"{given.name} of the environment must be http://HOST:PORT; or give proxy_url, got {shown}"
        problems.add(account.position, account.path_of("proxy_url"), message)
    if (section := account.values.get("tls")) is not None:
        tls.check(section, account, "base_url", surroundings.folder, problems)


def _environment_proxy(account: Item, surroundings: Surroundings) -> proxies.Given | None:
    """None too where the account says what its proxy is."""
    url = _base_url(account)
    return None if account.given("proxy_url") or not url else proxies.of_environment(url, surroundings.environment)


def _proxy(account: Item, surroundings: Surroundings) -> Proxy | None:
    if account.given("proxy_url"):
        return proxies.proxy(account.values["proxy_url"])
    given = _environment_proxy(account, surroundings)
    return None if given is None else proxies.proxy(given.url)


def _check_limit(limit: Item, problems: Problems) -> None:
    at_most_one(limit, ("calls", "plan"), problems)
    if not limit.sound:
        return
    share = limit.values.get("share", RATE_LIMIT_DEFAULTS.share)
    calls = _calls(limit)
    if calls * share < 1:
        name = "share" if limit.given("share") else "calls"
        least = _least_share(calls) if name == "share" else str(ceil(1 / share))
        given = f"calls is {calls}" if name == "share" else f"share is {_decimal(share)}"
        _refuse(limit, name, least, given, problems)
    daily = _daily(limit)
    if daily is not None and daily * share < 1:
        _refuse(limit, "daily", str(ceil(1 / share)), f"share is {_decimal(share)}", problems)


def _refuse(limit: Item, name: str, least: str, given: str, problems: Problems) -> None:
    got = limit.values[name]
    shown = _decimal(got) if isinstance(got, Fraction) else str(got)
    product = "daily * share" if name == "daily" else "calls * share"
    message = f"must be >= {least} so that floor({product}) is at least 1 ({given}), got {shown}"
    problems.add(limit.place(name), limit.path_of(name), message)


def _least_share(calls: int) -> str:
    """The least share of at most six decimals that leaves one call."""
    return _decimal(Fraction(ceil(Fraction(10**6, calls)), 10**6))


def _decimal(share: Fraction) -> str:
    return f"{float(share):.6g}"


def _calls(limit: Item) -> int:
    plan = limit.values.get("plan")
    calls: int = limit.values.get("calls", RATE_LIMIT_DEFAULTS.calls)
    return calls if plan is None else PLANS[plan].calls


def _daily(limit: Item) -> int | None:
    """What is given, which may be none; else the plan's."""
    plan = limit.values.get("plan")
    daily: int | None = limit.values.get("daily")
    return daily if limit.given("daily") or plan is None else PLANS[plan].daily


def _check_day(account: Item, interval: float, problems: Problems) -> None:
    limit: Item | None = account.values.get("rate_limit")
    if "rate_limit" in account.keys and (limit is None or not limit.sound):
        return
    rate_limit = _rate_limit(limit)
    if rate_limit.most_daily:
        allowance.check(account, rate_limit, problems)
        queues = sum(api.metrics_path is not None for api in _apis(account).values())
        allowance.check_queues(account, rate_limit, queues=queues, interval=interval, problems=problems)


def _check_submit_paths(account: Item, problems: Problems) -> None:
    """One path can't be that of two APIs; what a default has is free for the API that names it."""
    first: dict[object, str] = {}
    for name, api in _given_apis(account).items():
        for text in api.values.get("submit_paths", ()):
            other = first.setdefault(Pattern(text).key, name)
            if other != name:
                message = f"must not be a path of {other} too, got {text}"
                problems.add(api.place("submit_paths"), api.path_of("submit_paths"), message)


def apis(account: Item) -> tuple[str, ...]:
    """The names of the account's APIs."""
    return tuple(_given_apis(account)) or (DEFAULT_API,)


def apis_are_sound(account: Item) -> bool:
    """Whether `apis` tells all that the account was meant to have."""
    return "apis" not in account.keys or ("apis" in account.values and account.values["apis"].sound)


def _given_apis(account: Item) -> dict[str, Item]:
    return account.values["apis"].values if "apis" in account.values else {}


def build(account: Item, surroundings: Surroundings) -> Account:
    """An account without mistakes as a value."""
    api_key = secret(account, "api_key", surroundings)
    if api_key is None:
        raise ConfigurationError([f"{account.path}: has no key"])
    region = account.values.get("region")
    return Account(
        name=account.values["name"],
        base_url=account.values["base_url"] if region is None else REGIONS[region],
        api_key=api_key,
        rate_limit=_rate_limit(account.values.get("rate_limit")),
        proxy=_proxy(account, surroundings),
        tls=tls.settings(account.values.get("tls"), surroundings.folder),
        apis=_apis(account),
    )


def _apis(account: Item) -> dict[str, Api]:
    return {name: _api(name, account) for name in apis(account)}


def _rate_limit(limit: Item | None) -> RateLimit:
    if limit is None:
        return RATE_LIMIT_DEFAULTS
    given = {name: value for name, value in limit.values.items() if name != "plan"}
    return RateLimit(**{**given, "calls": _calls(limit), "daily": _daily(limit)})


def _api(name: str, account: Item) -> Api:
    endpoint = BY_NAME[name]
    item = _given_apis(account).get(name)
    given = {} if item is None else {**item.values, "submit_paths": tuple(item.values.get("submit_paths", ()))}
    return Api(**{"status_path": endpoint.status_path, "metrics_path": endpoint.metrics_path, **given, "name": name})
