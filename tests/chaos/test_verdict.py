"""What a round says of an exporter that keeps its promises, and of each way to break one."""

from collections.abc import Sequence
from typing import Any

from tests.chaos.leadsquared import Fate
from tests.chaos.truth import Truth
from tests.chaos.verdict import State, Verdict, state


def found(*names: str, discovered: int | None = None, finished: int | None = None, pending: int = 0) -> State:
    """What the exporter says: a list, and counters that fit unless told otherwise."""
    count = len(names) - pending
    labels = '{account="acme",api="lead_update"'
    metrics = {
        f'leadsquared_requests_discovered_total{labels},source="push"}}': len(names)
        if discovered is None
        else discovered,
        f'leadsquared_requests_finished_total{labels},status="success",last_step="none"}}': count
        if finished is None
        else finished,
        f'leadsquared_requests_pending{labels},status="in_queue"}}': pending,
    }
    return state({name: float(value) for name, value in metrics.items()}, [row(name) for name in names])


def row(name: str) -> dict[str, Any]:
    return {"request_id": name, "account": "acme", "submitted_at": None}


def handed(*names: str) -> Truth:
    truth = Truth()
    for name in names:
        truth.durable(truth.begin(name, account="acme", way="push"))
    return truth


def headings(truth: Truth, shown: State, *, unfinished: Sequence[str] = ()) -> list[str]:
    verdict = Verdict(truth)
    names = truth.names() | {one["request_id"] for one in shown.rows}
    fates = {name: Fate("acme", None if name in unfinished else "success") for name in names if name != "half"}
    verdict.judge(shown, fates, when="then")
    return [problem.splitlines()[0] for problem in verdict.problems]


def test_an_exporter_that_counts_each_request_once_is_in_order() -> None:
    assert headings(handed("a", "b"), found("a", "b")) == []


def test_a_lost_request_is_told_with_its_way() -> None:
    truth = handed("a", "b")
    assert headings(truth, found("a")) == ["then: acme: lost: 1 (1 by push)"]


def test_what_may_be_lost_or_is_not_known_to_be_durable_may_be_there_or_not() -> None:
    truth = handed("a", "b")
    truth.begin("c", account="acme", way="push")
    excused = truth.begin("d", account="acme", way="log")
    truth.durable(excused)
    excused.excuse = "it was compressed"
    assert headings(truth, found("a", "b")) == []
    assert headings(truth, found("a", "b", "c", "d")) == []
    assert (truth.handed(), truth.excused()) == (2, 1)


def test_what_was_rolled_back_must_not_be_there() -> None:
    truth = handed("a")
    truth.begin("b", account="acme", way="sql").withdrawn = True
    assert headings(truth, found("a", "b")) == ["then: acme: counted and never handed over to it: 1 (1 by sql)"]


def test_half_of_a_request_id_must_not_be_there() -> None:
    told = headings(handed("a"), found("a", "half", finished=1))
    assert told == ["then: acme: counted and never handed over to it: 1 (1 by no known way)"]


def test_a_submission_whose_answer_broke_off_may_be_there() -> None:
    assert headings(handed("a"), found("a", "b")) == []


def test_a_request_that_is_counted_twice_is_told() -> None:
    assert headings(handed("a", "b"), found("a", "b", discovered=3)) == [
        "then: acme: discovered is 3 and the list has 2 RequestIDs"
    ]
    assert headings(handed("a", "b"), found("a", "b", "b"))[-1] == "then: in the list more than once: 1 (1 by push)"


def test_what_is_finished_is_what_leadsquared_has_ended() -> None:
    assert headings(handed("a", "b"), found("a", "b"), unfinished=["b"]) == [
        "then: acme: finished is {'success': 2}, and LeadSquared ended {'success': 1} of what is listed"
    ]


def test_what_is_pending_for_ever_is_told() -> None:
    assert headings(handed("a", "b"), found("a", "b", pending=1), unfinished=["b"]) == [
        "then: 1 requests are still pending"
    ]


def test_nothing_may_be_counted_again_after_a_restart() -> None:
    verdict = Verdict(handed("a", "b"))
    verdict.judge_restart(found("a", "b"), found("a", "b", finished=3), when="after kill -9")
    assert verdict.problems == ["after kill -9: finished_total went from 2 to 3"]
