"""Reading a workload."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.request import Status
from exporter.errors import TraceUnusable
from exporter.simulate.trace import Request, load, parse

MISTAKES = {
    "{": "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    "[1]": 'must be an object such as {"submitted": 0.0, "finished": 5.0}',
    '{"finished": 5}': "submitted: is missing, must be a number of seconds",
    '{"submitted": 1}': "finished: is missing, must be a number of seconds, or null",
    '{"submitted": null, "finished": 5}': "submitted: must be a number of seconds, got null",
    '{"submitted": true, "finished": 5}': "submitted: must be a number of seconds, got true",
    '{"submitted": NaN, "finished": 5}': "submitted: must be a number of seconds, got NaN",
    '{"submitted": 1, "finished": "5"}': 'finished: must be a number of seconds, or null, got "5"',
    '{"submitted": 4.0, "finished": 3.5}': "finished: must not be before submitted 4.0, got 3.5",
    '{"submitted": 4, "started": 3, "finished": 5}': "started: must not be before submitted 4, got 3",
    '{"submitted": 1, "started": 6, "finished": 5}': "started: must not be after finished 5, got 6",
    '{"submitted": 4, "finished": 5, "known_at": 3}': "known_at: must not be before submitted 4, got 3",
    '{"submitted": 1, "finished": 5, "known_at": "x"}': 'known_at: must be a number of seconds, or null, got "x"',
    '{"submitted": 1, "finished": 5, "status": "done"}': 'status: must be one of success, failure, error, got "done"',
    '{"submitted": 1, "finished": 5, "order": "1"}': 'order: must be null where it is unknown, or left out, got "1"',
    '{"submitted": 1, "finished": 5, "dated": 1}': "dated: must be true or false, got 1",
    '{"submitted": 1, "finished": 9, "retries": 5}': "retries: must be a list of waits [from, to], got 5",
    '{"submitted": 1, "finished": 9, "retries": [[2]]}': "retries[0]: must be a wait [from, to] in seconds, got [2]",
    '{"submitted": 1, "finished": 9, "retries": [[2, 3], [2, 4]]}': (
        "retries[1]: must not end before it begins, nor begin before the one before ends, got [2, 4]"
    ),
    '{"submitted": 1, "finished": 9, "retries": [[2, 10]]}': "retries[0]: must not end after finished 9, got [2, 10]",
}


@pytest.mark.parametrize(("line", "mistake"), MISTAKES.items())
def test_a_mistake_is_told_with_its_line_and_key(line: str, mistake: str) -> None:
    with pytest.raises(TraceUnusable) as raised:
        parse(['{"submitted": 0, "finished": 1}', "", line], "t.jsonl")

    assert raised.value.problems == [f"t.jsonl:3: {mistake}"]


def test_every_mistake_is_told_up_to_twenty() -> None:
    with pytest.raises(TraceUnusable) as raised:
        parse(['{"submitted": "a", "finished": "b"}'] * 13, "t.jsonl")

    assert len(raised.value.problems) == 21
    assert raised.value.problems[1] == 't.jsonl:1: finished: must be a number of seconds, or null, got "b"'
    assert raised.value.problems[-1] == "and 6 more"


def test_a_trace_without_a_request_is_a_mistake() -> None:
    with pytest.raises(TraceUnusable, match=r"^t\.jsonl: holds no request$"):
        parse(["", "\n"], "t.jsonl")


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing.jsonl", tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe")

    for path, reason in ((missing, "can't be read: No such file or directory"), (binary, "is not UTF-8")):
        with pytest.raises(TraceUnusable) as raised:
            load(str(path))
        assert raised.value.problems == [f"{path}: {reason}"]


def test_what_is_left_out_is_as_usual() -> None:
    (request,) = parse(['{"submitted": 2, "finished": null, "status": "in_queue", "api": "lead_update"}'], "t.jsonl")

    assert request == Request(submitted=2.0, finished=None, known_at=2.0)


def test_everything_is_read() -> None:
    line = {
        "submitted": 0.0,
        "started": 3.2,
        "finished": 50.0,
        "status": "error",
        "retries": [[5.0, 35.0], [36.0, 40.0]],
        "known_at": 1.0,
        "order": None,
        "dated": False,
    }

    (request,) = parse([json.dumps(line)], "t.jsonl")

    assert request == Request(
        submitted=0.0,
        started=3.2,
        finished=50.0,
        status=Status.ERROR,
        retries=((5.0, 35.0), (36.0, 40.0)),
        known_at=1.0,
        ordered=False,
        dated=False,
    )
    assert [request.waiting_at(time) for time in (4.9, 5.0, 34.9, 35.0, 36.0, 40.0)] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]


@given(
    submitted=st.floats(-1e6, 1e6),
    waited=st.none() | st.floats(0, 1e5),
    lasted=st.none() | st.floats(1e5, 1e6),
    known=st.floats(0, 1e6),
    ordered=st.booleans(),
    dated=st.booleans(),
)
def test_a_line_written_is_read_as_the_same_request(
    submitted: float, waited: float | None, lasted: float | None, known: float, ordered: bool, dated: bool
) -> None:
    request = Request(
        submitted=submitted,
        started=None if waited is None else submitted + waited,
        finished=None if lasted is None else submitted + lasted,
        retries=() if lasted is None else ((submitted + 1.0, submitted + 2.0),),
        known_at=submitted + known,
        ordered=ordered,
        dated=dated,
    )

    assert parse([request.line()], "t.jsonl") == (request,)
