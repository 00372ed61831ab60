"""The line of the configuration that would know what passed: an account's `apis` as they should be."""

import json
import re
from collections.abc import Iterable, Mapping

from exporter.config.settings import Api
from exporter.gateway.finding import PARAMETER, Finding, Kind
from exporter.gateway.masking import HIDDEN
from exporter.leadsquared.endpoints import BY_NAME

# Stands where only the operator can tell which API it is.
PLACEHOLDER = "NAME"
_PLAIN = re.compile(r"/[A-Za-z0-9_./*-]*|[A-Za-z]{5,}")

Keys = dict[str, str | list[str] | None]


def remedy(apis: Mapping[str, Api], findings: Iterable[Finding]) -> str:
    """Empty where no finding can be settled by a line."""
    wanted = {name: _given(api) for name, api in apis.items()}
    settled = [_settle(wanted, finding) for finding in findings]
    if not any(settled):
        return ""
    if set(wanted) == set(BY_NAME) and not any(wanted.values()):
        return "apis: all"
    return "apis: " + _flow({name: _flow(_written(keys)) for name, keys in wanted.items()})


def _settle(wanted: dict[str, Keys], finding: Finding) -> bool:
    """Whether it can be."""
    match finding.kind:
        case Kind.API:
            wanted.setdefault(finding.what, {})
        case Kind.PATH:
            return _settle_path(wanted, finding)
        case Kind.STATUS:
            return _settle_status(wanted, finding)
    return True


def _settle_path(wanted: dict[str, Keys], finding: Finding) -> bool:
    if finding.segments is None or set(finding.segments) <= {HIDDEN}:
        return False
    keys = wanted.setdefault(finding.api or PLACEHOLDER, {})
    pattern = "/" + "/".join("*" if part == HIDDEN else part for part in finding.segments)
    former = keys.get("submit_paths") or (BY_NAME[finding.api].submit_paths if finding.api else ())
    keys["submit_paths"] = [*former, pattern]
    return True


def _settle_status(wanted: dict[str, Keys], finding: Finding) -> bool:
    if finding.segments is None or HIDDEN in finding.segments:
        return False
    keys = wanted.setdefault(finding.api or PLACEHOLDER, {})
    default = finding.api is not None and finding.what == BY_NAME[finding.api].status_path
    keys.update({} if default else {"status_path": finding.what})
    if finding.parameter.lower() != PARAMETER.lower():
        keys["request_id_param"] = finding.parameter
    return True


def _given(api: Api) -> Keys:
    """What is not as it is by default."""
    endpoint = BY_NAME[api.name]
    keys: Keys = {}
    if api.status_path != endpoint.status_path:
        keys["status_path"] = api.status_path
    if api.metrics_path != endpoint.metrics_path:
        keys["metrics_path"] = api.metrics_path
    if api.request_id_param != PARAMETER:
        keys["request_id_param"] = api.request_id_param
    if api.submit_paths:
        keys["submit_paths"] = list(api.submit_paths)
    return keys


def _written(keys: Keys) -> dict[str, str]:
    return {
        name: f"[{', '.join(map(_scalar, value))}]" if isinstance(value, list) else _scalar(value)
        for name, value in keys.items()
    }


def _flow(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in pairs.items()) + "}"


def _scalar(value: str | None) -> str:
    if value is None:
        return "null"
    return value if _PLAIN.fullmatch(value) else json.dumps(value)
