import ast
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter import log

SOURCES = sorted(Path(log.__file__).parent.rglob("*.py"))
TIME = re.compile(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CALLER = re.compile(r"[\w./-]+:\d+")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in ("aiohttp", "asyncio", "py.warnings")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in levels.items():
        logging.getLogger(name).setLevel(one)
    logging.captureWarnings(False)
    logging.raiseExceptions = raising


def configured(level: str = "info", form: str = "logfmt") -> io.StringIO:
    stream = io.StringIO()
    log.configure(level=level, form=form, stream=stream)
    return stream


def record(message: str = "call failed", *, severity: int = logging.WARNING, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        "exporter.engine.poller", severity, str(SOURCES[0].parent / "poller.py"), 7, message, (), None
    )
    made.created = 1769860800.0423
    made.fields = fields
    return made


def test_logfmt_has_time_level_caller_message_and_fields() -> None:
    assert log.Logfmt().format(record(account="acme", attempts=3, ratio=0.5, ok=True, reason=None)) == (
        'ts=2026-01-31T12:00:00.042Z level=warn caller=poller.py:7 msg="call failed" '
        "account=acme attempts=3 ratio=0.5 ok=true reason=null"
    )


def test_json_has_the_same_keys_as_one_object_a_line() -> None:
    line = log.Json().format(record(account="acme", attempts=3, reason=None, text="a\nb"))

    assert line == (
        '{"ts":"2026-01-31T12:00:00.042Z","level":"warn","caller":"poller.py:7","msg":"call failed",'
        '"account":"acme","attempts":3,"reason":null,"text":"a\\nb"}'
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("acme", "acme"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('say "x"', r'"say \"x\""'),
        ("Zürich", "Zürich"),
        ("a\nlevel=error msg=forged", r'"a\nlevel=error msg=forged"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        (ValueError("no"), "no"),
    ],
)
def test_a_value_can_not_forge_a_field_or_a_line(value: object, shown: str) -> None:
    assert log.Logfmt().format(record(v=value)).endswith(f" v={shown}")


def test_a_field_does_not_replace_what_every_line_has() -> None:
    assert json.loads(log.Json().format(record(level="x", msg="y", ts="z")))["level"] == "warn"


@pytest.mark.parametrize(
    "name", ["api_key", "key_api_key", "Authorization", "body", "request_body", "token", "password", "query", "secret"]
)
def test_a_field_with_the_name_of_a_secret_is_not_shown(name: str) -> None:
    fields: dict[str, Any] = {name: "canary"}

    assert log.Logfmt().format(record(**fields)).endswith(f" {name}=<refused>")


def test_no_event_of_the_package_has_a_field_that_is_refused() -> None:
    found: dict[str, Any] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
                found.update((keyword.arg, "x") for keyword in node.keywords if keyword.arg)

    assert {"account", "source", "error"} <= set(found)
    assert log.REFUSED not in log.Logfmt().format(record(**found))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://host/lead/status?RequestID=1&key=canary failed", "GET https://host/lead/status?… failed"),
        ("GET /lead/status?RequestID=1 failed", "GET /lead/status?… failed"),
        ("url='https://host?k=1'", "url='https://host?…'"),
        ("redis://user:canary@host/0", "redis://host/0"),
        ("redis://user:c@nary@host", "redis://host"),
        ("(http://a?x=canary), http://b/?y=canary", "(http://a?… http://b/?…"),
        ("what? no", "what? no"),
        ("what?no", "what?no"),
    ],
)
def test_a_url_loses_its_query_and_password_wherever_it_stands(text: str, shown: str) -> None:
    for line in (log.Json().format(record(text)), log.Json().format(record(error=text))):
        assert shown in json.loads(line).values()


@pytest.mark.parametrize("part", ["x", "/", "?", "a://", "@", "/a?"])
def test_a_long_text_is_cut_at_no_cost(part: str) -> None:
    assert len(json.loads(log.Json().format(record(error=part * 100_000)))["error"]) <= 4001


def test_the_caller_is_the_line_that_logs() -> None:
    stream = configured()
    log.get_logger("exporter.somewhere").info("here")

    (line,) = stream.getvalue().splitlines()
    pairs = dict(part.split("=", 1) for part in line.split(" "))
    assert list(pairs) == ["ts", "level", "caller", "msg"]
    assert TIME.fullmatch(pairs["ts"])
    # Outside of the package there is a name, not a path of the machine.
    assert re.fullmatch(r"exporter\.somewhere:\d+", pairs["caller"])


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_less_than_the_level_is_not_logged(level: str, shown: int) -> None:
    stream = configured(level)
    logger = log.get_logger("exporter.somewhere")
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    logger.error("d")

    assert len(stream.getvalue().splitlines()) == shown


def test_other_packages_are_heard_from_warnings_on() -> None:
    stream = configured("debug")
    for name in ("asyncio", "aiohttp.client"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble of %s", name)

    lines = stream.getvalue().splitlines()
    assert [line.split(" msg=")[1] for line in lines] == ['"trouble of asyncio"', '"trouble of aiohttp.client"']


def test_a_python_warning_becomes_a_line() -> None:
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)

    assert "DeprecationWarning: old" in stream.getvalue()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_tracebacks_need_the_debug_level(level: str) -> None:
    stream = configured(level, "json")
    try:
        raise ValueError("no https://host/?key=canary")
    except ValueError:
        logging.getLogger("asyncio").exception("task failed")

    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert line["exception"] == "ValueError: no https://host/?…"
    assert ("traceback" in line) is (level == "debug")
    assert "canary" not in str(line)


class HandClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_warning_that_repeats_itself_is_shown_once_in_a_while_with_the_count_of_the_others() -> None:
    clock = HandClock()
    repeats = log.Repeats(seconds=30, clock=clock)
    shown = []
    for second in range(90):
        clock.now = float(second)
        one = record(account="acme", error=f"attempt {second}")
        if repeats.filter(one):
            shown.append(log.Logfmt().format(one).split("account=")[1])

    assert shown == ['acme error="attempt 0"', *(f'acme error="attempt {n}" suppressed=29' for n in (30, 60))]


def test_another_account_and_another_problem_are_not_held_back() -> None:
    repeats = log.Repeats()

    assert repeats.filter(record(account="acme"))
    assert repeats.filter(record(account="other"))
    assert repeats.filter(record("something else", account="acme"))
    assert repeats.filter(record("configuration not reloaded", problem="config.yaml:1:1: a"))
    assert repeats.filter(record("configuration not reloaded", problem="config.yaml:2:1: b"))
    assert not repeats.filter(record(account="acme"))


def test_what_is_no_warning_is_never_held_back() -> None:
    repeats = log.Repeats()

    assert all(repeats.filter(record(severity=logging.INFO)) for _ in range(3))


def test_endless_kinds_of_trouble_take_bounded_memory() -> None:
    repeats = log.Repeats()
    for number in range(10_000):
        assert repeats.filter(record(f"trouble {number}", problem="x"))

    assert len(repeats._shown) <= 4096
    assert len(repeats._problems) <= 4096


def test_a_flood_of_problems_of_one_kind_is_bounded_and_counted() -> None:
    clock = HandClock()
    repeats = log.Repeats(seconds=30, most=3, clock=clock)
    lines = [record(source="a", problem=f"line {number}") for number in range(1000)]

    assert [number for number, line in enumerate(lines) if repeats.filter(line)] == [0, 1, 2, 3]
    assert repeats.filter(record(source="b", problem="line 0"))
    clock.now = 30.0
    (late,) = repeats.due()
    assert log.Logfmt().format(late).endswith('problem="line 999" suppressed=995')
    assert repeats.filter(record(source="a", problem="line 0"))


def test_what_hundreds_of_accounts_have_at_once_is_one_line_a_minute_with_a_count() -> None:
    clock = HandClock()
    repeats = log.Repeats(clock=clock)
    minutes: list[list[logging.LogRecord]] = [[] for _ in range(7)]
    told = 0
    for second in range(7 * 60):
        clock.now = float(second)
        minutes[second // 60] += [*repeats.due()]
        for account in range(200):
            one = record(account=f"a-{account}", kind="timeout")
            told += 1
            if repeats.filter(one):
                minutes[second // 60].append(one)

    # The first ten by name, and one for all the others.
    assert [len(minute) for minute in minutes] == [11, 1, 1, 1, 1, 1, 1]
    counts = [getattr(one, "suppressed", 0) for minute in minutes for one in minute]
    assert sum(counts) + len(counts) >= told - 60 * 200


def test_a_trouble_of_another_kind_is_told_beside_one_that_many_have() -> None:
    repeats = log.Repeats()
    for account in range(200):
        repeats.filter(record(account=f"a-{account}", kind="timeout"))

    assert repeats.filter(record(account="a-7", kind="unauthorized"))


def test_when_only_few_still_have_a_trouble_they_are_told_by_name_again() -> None:
    clock = HandClock()
    repeats = log.Repeats(seconds=60, clock=clock)
    for account in range(200):
        repeats.filter(record(account=f"a-{account}"))
    for now in (70.0, 140.0):
        clock.now = now
        repeats.filter(record(account="a-1"))

    assert repeats.filter(record(account="a-2"))
    assert not repeats.filter(record(account="a-2"))


def test_what_is_held_back_is_told_late_and_once() -> None:
    clock = HandClock()
    repeats = log.Repeats(seconds=30, clock=clock)
    first, second = record(problem="broken"), record(problem="broken")

    assert repeats.filter(first)
    assert not repeats.filter(second)
    assert list(repeats.due()) == []
    clock.now = 30.0
    assert list(repeats.due()) == [second]
    assert repeats.filter(second)
    assert "suppressed" not in log.Logfmt().format(second)
    clock.now = 90.0
    assert list(repeats.due()) == []


def test_what_is_held_back_is_in_the_log_at_the_end() -> None:
    stream = configured()
    logger = log.get_logger("exporter.somewhere")
    for attempt in range(3):
        logger.warning("call failed", account="acme", error=attempt)
    log.tell_held_back()
    assert len(stream.getvalue().splitlines()) == 1
    log.tell_held_back(at_once=True)

    assert stream.getvalue().splitlines()[1].endswith("account=acme error=2 suppressed=1")
