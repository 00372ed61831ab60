"""The limit at the door, and what is told about it."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies

from exporter.errors import ConfigurationError
from exporter.simulator.door import DAY, Account, Busiest, Door, Kind, busiest_window
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from tests.simulator.caller import Caller, given

gaps = strategies.lists(strategies.one_of(strategies.floats(0.0, 4.0), strategies.sampled_from([0.0, 1.0, 5.0])))


def limited(calls: int = 2, period: float = 5.0, daily: int | None = None, **options: object) -> Caller:
    account = Account(calls=calls, period=period, daily=daily)
    return Caller(Remote(Options(**options), 1, accounts=[account]))  # type: ignore[arg-type]


def codes(caller: Caller, *times: float) -> list[int]:
    return [caller.call("GET", "/lead/update/metrics", now).code for now in times]


@examples(gaps, strategies.integers(1, 5))
def test_no_half_open_window_ever_lets_in_more_than_the_limit(steps: list[float], calls: int) -> None:
    door = Door(Account(calls=calls, period=5.0))
    now = 0.0
    admitted: list[float] = []
    refused: list[float] = []
    for step in steps:
        now += step
        (admitted if door.knock(now, Kind.STATUS) is None else refused).append(now)
    for start in admitted:
        assert sum(start <= time and time - start < 5.0 for time in admitted) <= calls
    for time in refused:
        assert sum(other <= time and time - other < 5.0 for other in admitted) >= calls


@examples(gaps)
def test_the_busiest_window_is_the_most_that_any_window_holds(steps: list[float]) -> None:
    busiest, times, now = Busiest(5.0), [], 0.0
    for step in steps:
        now += step
        times.append(now)
        busiest.add(now)
    assert busiest.most == max((sum(a <= b and b - a < 5.0 for b in times) for a in times), default=0)


def test_two_events_exactly_a_period_apart_share_no_window() -> None:
    assert busiest_window([0.0, 4.999], 5.0) == 2
    assert busiest_window([0.0, 5.0, 10.0], 5.0) == 1


def test_a_call_exactly_one_period_later_is_in_another_window() -> None:
    assert codes(limited(), 0.0, 0.0, 4.999, 5.0) == [200, 200, 429, 200]


def test_refused_calls_do_not_count_unless_the_switch_says_so() -> None:
    times = (0.0, 1.0, 2.0, 5.0, 6.0)
    assert codes(limited(), *times) == [200, 200, 429, 200, 200]
    assert codes(limited(limit_refused=True), *times) == [200, 200, 429, 429, 429]


def test_the_daily_limit_holds_for_any_24_hours() -> None:
    caller = limited(calls=10, daily=3)
    assert codes(caller, 0.0, 100.0, 200.0, 300.0, DAY, DAY + 1) == [200, 200, 200, 429, 200, 429]
    assert caller.remote.summary(DAY + 1)["demo"]["busiest_day"]["all"] == 5  # type: ignore[index]


def test_submissions_count_unless_the_switch_says_otherwise() -> None:
    for counted, code in ((True, 429), (False, 200)):
        caller = limited(limit_submissions=counted)
        caller.submit(0.0)
        caller.submit(0.0)
        assert codes(caller, 0.0) == [code]


def test_accounts_have_limits_of_their_own() -> None:
    accounts = [Account(name="a", key="ka", calls=1), Account(name="b", key="kb", calls=1)]
    remote = Remote(accounts=accounts)
    a, b = Caller(remote, "ka"), Caller(remote, "kb")
    assert codes(a, 0.0, 1.0) == [200, 429]
    assert codes(b, 1.0) == [200]


FORMS = [
    (
        "envelope",
        429,
        b'{"Status": "Error", "ExceptionType": "MXAPIRateLimitExceededException", '
        b'"ExceptionMessage": "API calls exceeded the limit of 1 in 5 second(s)"}',
    ),
    ("gateway", 429, b'{"message": "Too Many Requests"}'),
    ("gateway-quota", 429, b'{"message": "Limit Exceeded"}'),
    (
        "ok",
        200,
        b'{"Status": "Error", "ExceptionType": "MXAPIRateLimitExceededException", '
        b'"ExceptionMessage": "API calls exceeded the limit of 1 in 5 second(s)"}',
    ),
]


@pytest.mark.parametrize(("form", "code", "body"), FORMS)
def test_a_call_over_the_limit_is_answered_in_the_form_of_the_switch(form: str, code: int, body: bytes) -> None:
    caller = limited(calls=1, limit_form=form)
    caller.submit(0.0)
    reply = caller.call("GET", "/lead/update/metrics", 1.0)
    assert (reply.code, reply.body, "retry-after" in reply.headers) == (code, body, False)


def test_retry_after_tells_when_a_call_gets_in() -> None:
    caller = limited(limit_retry_after=True)
    codes(caller, 0.0, 1.5)
    reply = caller.call("GET", "/lead/update/metrics", 1.7)
    assert reply.headers["retry-after"] == "4"
    assert codes(caller, 5.7) == [200]


def test_an_account_can_get_another_limit_while_running() -> None:
    caller = limited(calls=1)
    assert codes(caller, 0.0, 1.0) == [200, 429]
    caller.remote.change(Account(calls=2))
    assert codes(caller, 2.0, 2.0, 2.0) == [200, 200, 429]


def test_an_account_can_be_added_while_running() -> None:
    caller = given()
    caller.remote.change(Account(name="late", key="late-key"))
    assert codes(Caller(caller.remote, "late-key"), 0.0) == [200]


def test_the_log_and_the_figures_tell_every_call_with_its_kind_and_code() -> None:
    caller = limited(calls=3)
    request_id = caller.submit(0.0)
    caller.poll(request_id, 1.0)
    caller.call("GET", "/lead/update/metrics", 2.0)
    caller.call("GET", "/nowhere", 3.0)
    Caller(caller.remote, "wrong").poll(request_id, 4.0)
    assert [(call.time, call.account, str(call.kind), call.code) for call in caller.remote.log] == [
        (0.0, "demo", "submit", 200),
        (1.0, "demo", "status", 200),
        (2.0, "demo", "metrics", 200),
        (3.0, "demo", "other", 429),
        (4.0, "", "status", 403),
    ]
    assert caller.remote.busiest("demo") == {
        "status": 1,
        "metrics": 1,
        "submit": 1,
        "other": 1,
        "polls": 2,
        "all": 4,
    }


def test_the_log_gives_the_busiest_window_of_any_length_kind_and_account() -> None:
    caller = limited(calls=100)
    request_id = caller.submit(0.0)
    for now in (1.0, 1.5, 9.0):
        caller.poll(request_id, now)
    Caller(caller.remote, "wrong").poll(request_id, 9.5)
    assert caller.remote.busiest_in_log(10.0) == 5
    assert caller.remote.busiest_in_log(10.0, [Kind.STATUS]) == 4
    assert caller.remote.busiest_in_log(10.0, [Kind.STATUS], "demo") == 3
    assert caller.remote.busiest_in_log(1.0, [Kind.STATUS], "demo") == 2


def test_a_bounded_log_keeps_the_last_calls_and_the_figures_all() -> None:
    caller = Caller(Remote(accounts=[Account(calls=None)], logged_calls=2))
    codes(caller, 0.0, 1.0, 2.0)
    assert [call.time for call in caller.remote.log] == [1.0, 2.0]
    assert caller.remote.busiest("demo")["metrics"] == 3


def test_the_summary_tells_requests_by_status_and_calls_by_code() -> None:
    caller = given(1.0, 1.0)
    caller.submit(0.0)
    caller.submit(0.0)
    summary = caller.remote.summary(1.5)["demo"]
    assert isinstance(summary, dict)
    assert summary["requests"] == {"lead_update": {"submitted": 2, "pending": 1, "finished": {"success": 1}}}
    assert summary["calls"] == {"submit": {"200": 2}}
    assert summary["limit"] == {"calls": 25, "period": 5.0, "daily": None}


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"daily": 0}, {"period": 0.0}, {"name": ""}, {"key": ""}])
def test_an_impossible_account_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Account(**wrong)  # type: ignore[arg-type]
