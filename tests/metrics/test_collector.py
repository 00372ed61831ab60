from collections import Counter as Count
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.ledger import Counter, Histogram, Tally
from exporter.core.request import Outcome, Progress, Status
from exporter.metrics import families as f
from exporter.metrics.collector import Snapshot, start_known
from exporter.metrics.families import DURABLE, FAMILIES
from exporter.metrics.gauges import account_gauges
from exporter.metrics.meters import LAG_SAMPLES, Meters
from tests.metrics.scene import ACCOUNT, API, busy, new_ledger, scene, view


def total(snapshot: Snapshot, family: f.Family, *owner: str) -> float:
    values = snapshot.values | account_gauges(snapshot.views)
    return sum(value for labels, value in values[family].items() if labels[: len(owner)] == owner)


def test_what_was_discovered_is_pending_finished_or_abandoned() -> None:
    taken = busy().snapshot()
    ended = total(taken, f.FINISHED, ACCOUNT, API) + total(taken, f.ABANDONED, ACCOUNT, API)
    assert total(taken, f.DISCOVERED, ACCOUNT, API) == total(taken, f.PENDING, ACCOUNT, API) + ended == 5


@given(
    counts=st.lists(st.tuples(st.sampled_from(list(Status)), st.integers(0, 50)), max_size=6), ended=st.integers(0, 99)
)
def test_zeros_that_exist_beforehand_leave_the_balance_alone(counts: list[tuple[Status, int]], ended: int) -> None:
    pending = {Progress(status, "none", "none"): count for status, count in counts}
    ledger = new_ledger()
    start_known(ledger, account=ACCOUNT, apis=[API], sources=["push"])
    ledger.count([Tally(Counter.DISCOVERED, (ACCOUNT, API, "push"), sum(pending.values()) + ended)])
    ledger.count([Tally(Counter.FINISHED, (ACCOUNT, API, "success", "none"), ended)])
    taken = scene(ledger, views=[view(pending=pending)]).snapshot()
    assert total(taken, f.DISCOVERED) == total(taken, f.PENDING) + total(taken, f.FINISHED)


def test_a_snapshot_does_not_change_with_what_is_counted_after_it() -> None:
    ledger, meters = new_ledger(), Meters()
    meters.declare_account(ACCOUNT, [API])
    start_known(ledger, account=ACCOUNT, apis=[API], sources=["push"])
    taken = scene(ledger, meters).snapshot()
    ledger.count([Tally(Counter.DISCOVERED, (ACCOUNT, API, "push"))])
    success = (ACCOUNT, API, "success")
    ledger.observe([ledger.observation(Histogram.DURATION, success, value=1.0, request_id="a", time=1.0)])
    meters.poll(ACCOUNT, API, "failed")
    meters.call(ACCOUNT, "status", 200, 0.1)
    assert total(taken, f.DISCOVERED) == total(taken, f.POLLS) == 0
    assert sum(taken.shapes[f.DURATION][success].counts) == 0
    assert sum(taken.shapes[f.CALL_DURATION][ACCOUNT, "status"].counts) == 0


def test_an_account_starts_with_every_known_series_at_zero() -> None:
    ledger, meters = new_ledger(), Meters()
    meters.declare_account(ACCOUNT, [API])
    start_known(ledger, account=ACCOUNT, apis=[API], sources=["push"])
    taken = scene(ledger, meters, [view(pending={})]).snapshot()
    assert {labels[2] for labels in taken.values[f.POLLS]} == {str(outcome) for outcome in Outcome}
    assert (ACCOUNT, "status", "429") in taken.values[f.CALLS]
    assert (ACCOUNT, "queue_metrics", "connection_error") in taken.values[f.CALLS]
    of_sources = (f.SOURCE_ERRORS, f.SOURCE_ERRORS_BY_KIND)
    counters = [one for one in FAMILIES if one.kind is f.Kind.COUNTER and one not in of_sources]
    assert all(set(taken.values[one].values()) == {0} for one in counters)


def test_errors_of_a_source_are_counted_by_kind_and_in_all() -> None:
    meters = Meters()
    meters.source_state("orders", "redis", up=True)
    meters.source_error("orders", "redis", "invalid_entry", 3)
    meters.source_error("orders", "redis", "store")
    taken = scene(new_ledger(), meters).snapshot()
    assert taken.values[f.SOURCE_ERRORS] == {("orders", "redis"): 4}
    kinds = dict.fromkeys(f.SOURCE_ERROR_KINDS, 0) | {"invalid_entry": 3, "store": 1}
    assert taken.values[f.SOURCE_ERRORS_BY_KIND] == {("orders", "redis", kind): count for kind, count in kinds.items()}


def test_the_series_of_an_account_are_bounded() -> None:
    ledger, meters = new_ledger(), Meters()
    meters.declare_account(ACCOUNT, [API])
    start_known(ledger, account=ACCOUNT, apis=[API], sources=["push"])
    taken = scene(ledger, meters).snapshot()
    shown = taken.values | account_gauges(taken.views)
    values = sum(len(series) for series in shown.values())
    lines = sum(len(shape.counts) + 2 for series in taken.shapes.values() for shape in series.values())
    assert values + lines <= 200


def test_counting_again_after_a_second_declaration_goes_on() -> None:
    meters = Meters()
    meters.declare_account(ACCOUNT, [API])
    meters.poll(ACCOUNT, API, Outcome.FAILED)
    meters.declare_account(ACCOUNT, [API])
    meters.poll(ACCOUNT, API, "failed")
    assert meters.polls[ACCOUNT, API, "failed"] == 2


def test_an_account_that_went_leaves_no_series_even_by_a_call_that_was_under_way() -> None:
    meters, kept = Meters(), Meters()
    kept.declare_account(ACCOUNT, [API])
    kept.source_state("push", "push", up=True)
    for account in (ACCOUNT, "gone"):
        meters.declare_account(account, [API])
    for source in ("push", "gone"):
        meters.source_state(source, "push", up=True)
    meters.keep(accounts={ACCOUNT: [API]}, sources=[("push", "push")])
    meters.call("gone", "status", 200, 0.1)
    meters.call_error("gone", "status", "server_error")
    meters.poll("gone", API, "finished")
    shown, expected = scene(meters=meters).snapshot(), scene(meters=kept).snapshot()
    assert (shown.values, shown.shapes) == (expected.values, expected.shapes)


def test_a_source_that_changed_its_type_leaves_no_series_of_the_former() -> None:
    meters = Meters()
    meters.source_state("orders", "file", up=False)
    meters.source_state("orders", "http", up=True)
    meters.keep(accounts={}, sources=[("orders", "http")])
    assert list(meters.sources) == [("orders", "http")]


def test_the_series_of_a_gateway_go_with_it_and_begin_anew() -> None:
    meters = Meters()
    meters.declare_account(ACCOUNT, [API], gateway=True)
    meters.call(ACCOUNT, "gateway", 200, 0.1)
    meters.call_error(ACCOUNT, "gateway", "timeout")

    def shown() -> list[float]:
        series = [*meters.calls.items(), *meters.call_errors.items()]
        return [count for labels, count in series if labels[1] == "gateway"]

    assert sum(shown()) == 2
    meters.declare_account(ACCOUNT, [API])
    # An answer that was on its way.
    meters.call(ACCOUNT, "gateway", 200, 0.1)
    meters.call_error(ACCOUNT, "gateway", "timeout")
    assert (shown(), [labels for labels in meters.call_times if labels[1] == "gateway"]) == ([], [])
    meters.declare_account(ACCOUNT, [API], gateway=True)
    assert set(shown()) == {0}
    meters.call(ACCOUNT, "gateway", 200, 0.1)
    assert sum(shown()) == 1


def test_an_api_that_a_reload_took_away_leaves_no_series_even_by_a_poll_under_way() -> None:
    meters = Meters()
    meters.declare_account(ACCOUNT, [API, "gone"])
    meters.keep(accounts={ACCOUNT: [API]}, sources=[])
    meters.poll(ACCOUNT, "gone", Outcome.FINISHED)
    assert {api for _, api, _ in meters.polls} == {API}
    meters.declare_account(ACCOUNT, [API, "gone"])
    meters.poll(ACCOUNT, "gone", Outcome.FINISHED)
    assert meters.polls[ACCOUNT, "gone", Outcome.FINISHED] == 1


def test_an_account_that_came_back_is_counted_anew() -> None:
    meters = Meters()
    meters.declare_account(ACCOUNT, [API])
    meters.poll(ACCOUNT, API, "finished")
    meters.keep(accounts={}, sources=[])
    meters.declare_account(ACCOUNT, [API])
    meters.poll(ACCOUNT, API, "finished")
    assert meters.polls[ACCOUNT, API, "finished"] == 1


def test_a_call_is_counted_by_code_and_by_time() -> None:
    meters = Meters()
    meters.call(ACCOUNT, "status", 503, 0.2)
    meters.call(ACCOUNT, "status", "timeout", 99.0)
    assert meters.calls == {(ACCOUNT, "status", "503"): 1, (ACCOUNT, "status", "timeout"): 1}
    times = meters.call_times[ACCOUNT, "status"]
    assert (sum(times.counts), times.counts[-1]) == (2, 1)
    assert times.total == pytest.approx(99.2)


def test_the_largest_lag_is_shown_until_enough_measurements_followed() -> None:
    meters = Meters()
    meters.loop_lag(0.5)
    for _ in range(LAG_SAMPLES - 1):
        meters.loop_lag(0.1)
    assert meters.lag == 0.5
    meters.loop_lag(0.1)
    assert meters.lag == 0.1


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    meters = Meters()
    meters.config_reload(ok=True, time=100.0)
    meters.config_reload(ok=False, time=200.0)
    assert (meters.reload_ok, meters.reload_time) == (False, 100.0)


def test_queue_figures_that_the_vendor_left_out_are_absent() -> None:
    gauges = account_gauges(busy().snapshot().views)
    assert gauges[f.QUEUE_PENDING] == {(ACCOUNT, API): 4.0}
    assert gauges[f.QUEUE_DELAY] == {}


@pytest.mark.parametrize(("up", "shown"), [(None, {}), (False, {(ACCOUNT,): 0}), (True, {(ACCOUNT,): 1})])
def test_an_account_is_neither_up_nor_down_before_its_first_answer(
    up: bool | None, shown: dict[tuple[str, ...], float]
) -> None:
    assert account_gauges([replace(view(), up=up)])[f.UP] == shown


def test_a_breaker_is_in_exactly_one_state() -> None:
    states = account_gauges(busy().snapshot().views)[f.BREAKER]
    assert [labels[1] for labels, value in states.items() if value] == ["closed"]
    assert len(states) == len(f.BREAKER_STATES)


def test_every_durable_count_has_its_family_and_no_name_is_used_twice() -> None:
    assert set(DURABLE) == {*Counter, *Histogram}
    assert max(Count(family.name for family in FAMILIES).values()) == 1


def test_a_code_that_http_does_not_have_makes_no_series_of_its_own() -> None:
    meters = Meters()
    meters.call(ACCOUNT, "status", 999, 0.1)
    assert meters.calls == {(ACCOUNT, "status", "other"): 1}
