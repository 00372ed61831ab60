"""What trouble upstream does to an account's pace."""

from random import Random

import pytest

from exporter.core.breaker import Breaker, Mode
from exporter.errors import CallError, Forbidden, RateLimited, ServerError, Unauthorized


def breaker() -> Breaker:
    return Breaker(period=5.0, random=Random(1))


def test_one_call_has_to_succeed_before_others_follow() -> None:
    one = breaker()
    assert (one.up, one.at_once(), one.mode(0.0)) == (None, 1, Mode.PROBING)
    one.succeeded(sent=0.0)
    assert (one.up, one.at_once(), one.mode(0.0)) == (True, None, Mode.CLOSED)


def test_429_pauses_for_retry_after() -> None:
    one = breaker()
    one.failed(RateLimited(retry_after=17.0), sent=9.0, now=10.0)
    assert (one.opens_at(), one.mode(10.0)) == (27.0, Mode.PAUSED)


def test_429_without_retry_after_pauses_one_period_halves_the_pace_and_recovers() -> None:
    one = breaker()
    one.succeeded(sent=0.0)
    one.failed(RateLimited(), sent=9.0, now=10.0)
    assert one.opens_at() == 15.0
    assert [round(one.pace(now), 2) for now in (15.0, 20.0, 30.0, 40.0, 99.0)] == [0.5, 0.6, 0.8, 1.0, 1.0]


def test_answers_of_calls_sent_before_the_last_decision_do_not_count_again() -> None:
    one = breaker()
    for arrival in (10.0, 10.1, 10.2):
        one.failed(RateLimited(), sent=9.0, now=arrival)
    assert one.pace(10.2) == 0.5


def test_401_and_403_allow_one_probe_a_minute() -> None:
    for error in (Unauthorized(), Forbidden()):
        one = breaker()
        one.failed(error, sent=0.0, now=1.0)
        assert (one.opens_at(), one.at_once(), one.up, one.mode(30.0)) == (61.0, 1, False, Mode.UNAUTHORIZED)
        one.failed(error, sent=61.0, now=61.5)
        assert one.opens_at() == 121.5


def test_a_success_that_was_sent_before_the_key_was_refused_does_not_end_the_probing() -> None:
    one = breaker()
    one.failed(Unauthorized(), sent=0.0, now=1.0)
    one.succeeded(sent=0.5)
    assert (one.up, one.at_once(), one.mode(61.0)) == (False, 1, Mode.UNAUTHORIZED)
    one.succeeded(sent=61.0)
    assert (one.up, one.at_once()) == (True, None)


def test_other_failures_back_off_exponentially_with_jitter_up_to_a_minute() -> None:
    one, now, pauses = breaker(), 0.0, []
    for _ in range(12):
        one.failed(ServerError(), sent=now, now=now)
        pauses.append(one.opens_at() - now)
        now = one.opens_at()
    longest = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0] + [60.0] * 6
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len({round(pause, 3) for pause in pauses[6:]}) > 1


@pytest.mark.parametrize("error", [Unauthorized(), ServerError()])
def test_an_account_whose_first_answer_fails_is_down_until_one_shows_its_key_works(
    error: CallError,
) -> None:
    one = breaker()
    assert one.up is None
    one.failed(error, sent=0.0, now=1.0)
    assert one.up is False
    one.succeeded(sent=61.0)
    assert one.up is True


def test_an_account_whose_first_answer_is_429_is_not_down() -> None:
    one = breaker()
    one.failed(RateLimited(retry_after=7200.0), sent=0.0, now=1.0)
    assert (one.up, one.mode(2.0)) == (None, Mode.PAUSED)


def test_an_account_is_down_while_nothing_but_failures_comes_back() -> None:
    one = breaker()
    one.succeeded(sent=0.0)
    ups = []
    for now in (1.0, 10.0, 20.0):
        one.failed(ServerError(), sent=now, now=now)
        ups.append(one.up)
    one.succeeded(sent=21.0)
    assert (ups, one.up) == ([True, True, False], True)
