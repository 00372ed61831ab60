"""What passes the gateways and the configuration does not know: submissions that nobody watches, and status paths.

Each is told once, with the line of the configuration that would know it, and shown until the configuration does. Only so many
are remembered of an account, so that no application can fill the memory or the log with its paths.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from exporter.config.settings import Account, Api
from exporter.gateway.finding import PARAMETER, Finding, Kind
from exporter.gateway.masking import is_plain, masked
from exporter.gateway.recognise import SUBMITTING
from exporter.gateway.remedy import remedy
from exporter.leadsquared.answer import Overheard, overhear
from exporter.leadsquared.endpoints import ENDPOINTS
from exporter.leadsquared.paths import segments
from exporter.leadsquared.transport import RawAnswer
from exporter.log import get_logger

MOST = 50
_OTHERS = ("GET", "DELETE", "OPTIONS")
_LONG = "a path too long to be told"

log = get_logger(__name__)


class Unknown:
    """One for the process: gateways tell it what passes, pages show it."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._apis: dict[str, Mapping[str, Api]] = {}
        self._found: dict[str, dict[tuple[Kind, str], Finding]] = {}

    def findings(self, account: str) -> tuple[Finding, ...]:
        return tuple(self._found.get(account, {}).values())

    def line(self, account: str) -> str:
        """What would settle all findings of the account; empty where there are none, or no line would."""
        return remedy(self._apis[account], self.findings(account)) if account in self._found else ""

    def reconfigure(self, accounts: Iterable[Account]) -> None:
        """Other APIs of an account may know what was found; what they do not is found again."""
        apis = {account.name: account.apis for account in accounts}
        for name in list(self._found):
            if apis.get(name) != self._apis[name]:
                self._forget(name)

    def unconfigured(self, account: Account, api: str) -> None:
        """A submission to an API that the account does not have."""
        self._note(account, Finding(kind=Kind.API, what=api, api=api))

    def passed(self, account: Account, method: str, target: str, answer: RawAnswer) -> bool:
        """An answer to a call that nobody recognised; whether the call was a submission."""
        heard = overhear(answer)
        if heard is None:
            return False
        path, _, query = target.partition("?")
        given = parse_qsl(query, keep_blank_values=True)
        if heard.is_status:
            if method == "GET" and (parameter := _asked_by(given, heard)) is not None:
                self._note(account, _status(path, parameter, heard))
            return False
        if _echoes(path, given, heard.request_id or ""):
            return False
        self._note(account, _submission(method, path))
        return True

    def _note(self, account: Account, finding: Finding) -> None:
        if self._apis.get(account.name) != account.apis:
            self._forget(account.name)
            self._apis[account.name] = account.apis
        found = self._found.setdefault(account.name, {})
        key = finding.kind, finding.what
        known = found.get(key)
        if known is None and len(found) >= MOST:
            # A warning that repeats itself is held back by the log.
            log.warning(
                "more paths that the configuration does not know than are told", account=account.name, told=MOST
            )
            return
        found[key] = replace(known or finding, count=(known or finding).count + 1, last=self._now())
        if known is None:
            _tell(account.name, finding, self.line(account.name))

    def _forget(self, account: str) -> None:
        self._found.pop(account, None)
        self._apis.pop(account, None)


def _tell(account: str, finding: Finding, line: str) -> None:
    fields = {"account": account, **({"configuration": line} if line else {})}
    match finding.kind:
        case Kind.PATH:
            log.warning(
                "submissions that no submit_paths names pass the gateway and are not watched",
                problem=finding.what,
                **fields,
            )
        case Kind.API:
            log.warning(
                "submissions to an API that the account's apis lack pass the gateway and are not watched",
                problem=finding.what,
                **fields,
            )
        case Kind.STATUS:
            log.info("the application asks for statuses where no status_path does", path=finding.what, **fields)


def _submission(method: str, path: str) -> Finding:
    shown = masked(path)
    if method not in SUBMITTING:
        # No line of the configuration makes a submission of such a call.
        return Finding(kind=Kind.PATH, what=f"{method if method in _OTHERS else '…'} {_told(shown)}")
    return Finding(kind=Kind.PATH, what=_told(shown), segments=shown, api=_likely_api(path))


def _status(path: str, parameter: str, heard: Overheard) -> Finding:
    shown = masked(path)
    told = parameter if is_plain(parameter) else PARAMETER
    return Finding(kind=Kind.STATUS, what=_told(shown), segments=shown, api=heard.api, parameter=told)


def _told(shown: tuple[str, ...] | None) -> str:
    return _LONG if shown is None else "/" + "/".join(shown)


def _likely_api(path: str) -> str | None:
    """The API whose words are in the path; of several the one with the most."""
    path = path.lower()
    fitting = [one.name for one in ENDPOINTS if all(word in path for word in one.name.split("_"))]
    return max(fitting, key=len, default=None)


def _asked_by(given: list[tuple[str, str]], heard: Overheard) -> str | None:
    """The parameter that asked for the status: the one with the answer's RequestID, or with its own name."""
    if heard.request_id is not None:
        return next((name for name, value in given if value.lower() == heard.request_id.lower()), None)
    return next((name for name, value in given if value and name.lower() == PARAMETER.lower()), None)


def _echoes(path: str, given: list[tuple[str, str]], request_id: str) -> bool:
    """Who knows a RequestID asks about it."""
    return request_id.lower() in (*segments(path), *(value.lower() for _, value in given))
