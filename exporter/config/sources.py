"""The sources: whether their accounts and APIs exist, their names, and the values made of them."""

from collections.abc import Sequence
from itertools import count

from exporter.config import accounts as account_rules
from exporter.config import gateway_source, http_source, log_source, overlap, services
from exporter.config.problem import Problems, suggestion
from exporter.config.rules import (
    Surroundings,
    at_most_one,
    patterns,
    secret,
    secrets_can_be_had,
    unique_names,
)
from exporter.config.settings import FileSource, GatewaySource, PushSource, Source, StaticSource
from exporter.config.shapes import Item
from exporter.leadsquared.endpoints import DEFAULT_API


def check(sources: Sequence[Item], surroundings: Surroundings, problems: Problems) -> None:
    """What a source says of itself."""
    unique_names(sources, problems)
    for source in sources:
        if source.values["type"] == "push":
            at_most_one(source, ("token_file", "token_env"), problems)
            secrets_can_be_had(source, "token", surroundings, problems)
        elif source.values["type"] in services.TYPES:
            services.check(source, surroundings, problems)
        elif source.values["type"] == "http":
            http_source.check(source, surroundings, problems)
    services.check_keys(_of_type("redis", sources), surroundings, problems)
    gateway_source.check(_of_type("gateway", sources), problems)
    for kind in ("log", "file"):
        overlap.check(_of_type(kind, sources), surroundings.folder, problems)


def check_accounts(sources: Sequence[Item], accounts: Sequence[Item], problems: Problems) -> None:
    """What a source says of the accounts. Each of `accounts` has its name."""
    names = tuple(dict.fromkeys(account.values["name"] for account in accounts))
    log_source.check(_of_type("log", sources), accounts, problems)
    gateway_source.check_accounts(_of_type("gateway", sources), accounts, problems)
    for source in sources:
        name = source.values.get("account")
        if name is not None and name not in names:
            message = f"must be one of the accounts {', '.join(names)}, got {name}{suggestion(name, names)}"
            problems.add(source.place("account"), source.path_of("account"), message)
        elif name is not None or not source.given("account"):
            _check_api(source, accounts, problems)


def _of_type(kind: str, sources: Sequence[Item]) -> list[Item]:
    return [source for source in sources if source.values["type"] == kind]


def _check_api(source: Item, accounts: Sequence[Item], problems: Problems) -> None:
    if not all(account_rules.apis_are_sound(account) for account in _chosen(source, accounts)):
        return
    possible = _possible(source, accounts)
    api = source.values.get("api")
    whose = source.values.get("account", "the accounts")
    allowed = f"must be one of the apis of {whose}: {', '.join(possible)}"
    if api is not None and api not in possible:
        problems.add(source.place("api"), source.path_of("api"), f"{allowed}, got {api}")
    elif not source.given("api") and _names_api_itself(source) and DEFAULT_API not in possible:
        problems.add(source.position, source.path_of("api"), f"is missing; {allowed}")


def _names_api_itself(source: Item) -> bool:
    """Nothing that arrives could name it."""
    if source.values["type"] == "log":
        return "pattern" in source.values and "api" not in source.values["pattern"].groupindex
    return bool(source.values["type"] == "static")


def _chosen(source: Item, accounts: Sequence[Item]) -> list[Item]:
    """The source's account, or all where it names none."""
    name = source.values.get("account")
    return [account for account in accounts if name in (None, account.values["name"])]


def _possible(source: Item, accounts: Sequence[Item]) -> tuple[str, ...]:
    chosen = _chosen(source, accounts)
    return tuple(dict.fromkeys(api for account in chosen for api in account_rules.apis(account)))


def build(sources: Sequence[Item], accounts: Sequence[Item], surroundings: Surroundings) -> tuple[Source, ...]:
    """Sources without mistakes as values."""
    pairs = zip(sources, _names(sources), strict=True)
    return tuple(_source(source, name, accounts, surroundings) for source, name in pairs)


def _names(sources: Sequence[Item]) -> list[str]:
    """The given names; else the type, with -2, -3 … where that is taken."""
    taken = {source.values["name"] for source in sources if "name" in source.values}
    names = []
    for source in sources:
        name = source.values.get("name") or _free(source.values["type"], taken)
        taken.add(name)
        names.append(name)
    return names


def _free(kind: str, taken: set[str]) -> str:
    numbered = (kind if number == 1 else f"{kind}-{number}" for number in count(1))
    return next(name for name in numbered if name not in taken)


def _source(source: Item, name: str, accounts: Sequence[Item], surroundings: Surroundings) -> Source:
    values = source.values
    if values["type"] == "static":
        api = values.get("api", DEFAULT_API)
        return StaticSource(account=values["account"], api=api, request_ids=tuple(values["request_ids"]), name=name)
    if values["type"] == "gateway":
        return GatewaySource(**{key: value for key, value in values.items() if key not in ("type", "name")}, name=name)
    account = values.get("account", accounts[0].values["name"] if len(accounts) == 1 else None)
    group_api = values.get("api", DEFAULT_API if DEFAULT_API in _possible(source, accounts) else None)
    if values["type"] in services.TYPES:
        return services.build(source, surroundings, account=account, api=group_api, name=name)
    if values["type"] == "log":
        return log_source.build(source, name, account=account, api=group_api, folder=surroundings.folder)
    if values["type"] == "http":
        return http_source.build(source, name, account=account, api=group_api, surroundings=surroundings)
    if values["type"] == "file":
        paths = patterns(values["paths"], surroundings.folder)
        return FileSource(account=account, api=group_api, paths=paths, name=name)
    return PushSource(account=account, api=group_api, token=secret(source, "token", surroundings), name=name)
