"""Writes docs/configuration.md from the schema: `python -m exporter.config.reference > docs/configuration.md`."""

import sys
from collections.abc import Iterator, Sequence

from exporter.config.schema import ACCOUNT, ACCOUNT_TLS, API, RATE_LIMIT, ROOT, SOURCE
from exporter.config.shapes import Field, Listed, Named, Section, Variants
from exporter.leadsquared.endpoints import ENDPOINTS, PLANS, REGIONS, KnownPath, Plan

_INTRODUCTION = """\
# Configuration

<!-- Made by `python -m exporter.config.reference > docs/configuration.md`. Change exporter/config/schema.py instead. -->

One YAML file, named by `--config.file`. [config.example.yaml](../config.example.yaml) shows all of it with comments.
`leadsquared-exporter --config.file=FILE --config.check` tells every mistake of a file at once, each with its line, column and path:

    config.yaml:12:14: accounts[0].rate_limit.calls: must be an integer >= 1, got -3

- A **duration** is one of Prometheus: `500ms`, `30s`, `1h30m`, `7d`, `0s`; the units are y, w, d, h, m, s and ms, in this order.
- Relative paths of keys, tokens and sources start in the folder of the configuration file.
- The file of a key or token is read again when it changes. It holds one line.
- Numbers, `true` and `false` are written without quotes. Unknown keys and keys given twice are mistakes.
- Aliases (`*name`) are followed; merge keys (`<<`), tags and several documents are not supported.
- A section that is left empty has its defaults.
"""

_STORAGE_NOTE = """\
`url` is `sqlite:///./FILE` or `sqlite:///FILE` for a file in the working directory, `sqlite:///./FOLDER/FILE` for one below it,
`sqlite:///FOLDER/FILE` or `sqlite:////FOLDER/FILE` for the absolute path /FOLDER/FILE, or `memory://`, which forgets everything
at the end.
"""

_SOURCES_NOTE = """\
Each source has a `type` of {types}. `account` and `api` of a `file` or `push` source are what a group
gets that names none; with several accounts and no `account` here, each group has to name its own. So it is with the entries of
a `redis` source and the rows of a `sql` source. What a source of another program needs, promises and reports is told in
[sources.md](sources.md).
"""

_PROXY_NOTE = """\
`proxy_url` is a proxy of HTTP: https:// goes through it by CONNECT, http:// by whole URLs. In user and password, what a URL uses
otherwise is written as `%40` and the like; neither is ever shown. Without it the variables HTTPS_PROXY and HTTP_PROXY, in either
case, name the proxy, and NO_PROXY the hosts that are called directly: names, names above them, addresses and networks, separated
by commas, each perhaps with a port. Loopback is always called directly. Variables are read with the file.
"""

_TLS_NOTE = """\
The files are read again when they change, for the connections that are made from then on; no connection is used for longer than
50 s.
"""

_LIMIT_NOTE = """\
The exporter makes at most `floor(calls * share)` calls in any `period`, and `floor(daily * share)` in any 24 hours; both have to be
at least 1. `calls` and `plan` exclude each other. Plans, as calls in 5 seconds: {plans}. The day's number of a plan grows with
the users of the account: `daily` tells it better, and `daily: unlimited` lifts it. What a configuration allows in a day is told by
`--config.check` and at the start; more than 100,000 calls a day without a limit for it are warned of.
"""

_PATHS_NOTE = """\
The APIs and their paths, and how sure each is: *documented* stands on a page of the vendor's, *seen* in public code or notes of
others, *inferred* follows their pattern. `submit_paths` has all of them by default, `status_path` and `metrics_path` the first;
`leadsquared-exporter probe` tries the others. `*` stands for any part of one segment. Case, slashes at the end, doubled slashes and
percent-encoding make no difference to the gateway.
"""


def reference() -> str:
    """The whole document."""
    return "\n".join([_INTRODUCTION, *_root(), *_accounts(), *_sources(), *_others()])


def _root() -> Iterator[str]:
    yield _table("The file", ROOT)


def _accounts() -> Iterator[str]:
    yield _table("accounts[]", ACCOUNT)
    yield "Regions:\n"
    yield _rows(("region", "base_url"), [(f"`{name}`", url) for name, url in REGIONS.items()])
    yield _table("accounts[].rate_limit", RATE_LIMIT)
    yield _LIMIT_NOTE.format(plans=", ".join(_plan(name, plan) for name, plan in PLANS.items()))
    yield _PROXY_NOTE
    yield _table("accounts[].tls", ACCOUNT_TLS)
    yield _TLS_NOTE
    yield _table("accounts[].apis.NAME", API)
    yield _PATHS_NOTE
    rows = [(f"`{one.name}`", _paths(one.submit), _paths(one.status), _paths(one.metrics)) for one in ENDPOINTS]
    yield _rows(("NAME", "submit_paths", "status_path", "metrics_path"), rows)


def _plan(name: str, plan: Plan) -> str:
    return f"{name} {plan.calls}" if plan.daily is None else f"{name} {plan.calls} and {plan.daily:,} a day"


def _paths(known: Sequence[KnownPath]) -> str:
    return "<br>".join(f"`{one.text}` ({one.evidence})" for one in known)


def _sources() -> Iterator[str]:
    yield "## sources[]\n"
    yield _SOURCES_NOTE.format(types=", ".join(f"`{name}`" for name in SOURCE.sections))
    for name, section in SOURCE.sections.items():
        yield _table(f"sources[] of type {name}", section, level=3)
        for field in section.fields:
            inner = field.shape.item if isinstance(field.shape, Listed) else field.shape
            if isinstance(inner, Section):
                brackets = "[]" if isinstance(field.shape, Listed) else ""
                yield _table(f"{field.name}{brackets} of a source of type {name}", inner, level=4)


def _others() -> Iterator[str]:
    for field in ROOT.fields:
        if isinstance(field.shape, Section):
            yield _table(field.name, field.shape)
        if field.name == "storage":
            yield _STORAGE_NOTE


def _table(title: str, section: Section, *, level: int = 2) -> str:
    rows = [(f"`{field.name}`", _kind(field), _default(field), field.description) for field in section.fields]
    return f"{'#' * level} {title}\n\n" + _rows(("key", "kind", "default", "description"), rows)


def _kind(field: Field) -> str:
    if isinstance(field.shape, Section):
        return "a section, below"
    if isinstance(field.shape, Named):
        return f"`{field.shape.every}`, or a mapping of names to sections, below"
    if isinstance(field.shape, Listed) and isinstance(field.shape.item, Section | Variants):
        return f"{field.shape.requirement}, below"
    return field.shape.requirement


def _default(field: Field) -> str:
    return "required" if field.required else field.default


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(reference())
