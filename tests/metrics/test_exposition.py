import re
import subprocess
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import CollectorRegistry

from exporter.core.ledger import Histogram, Observation
from exporter.metrics import families as f
from exporter.metrics.collector import Shape, Snapshot
from exporter.metrics.exposition import render
from exporter.metrics.families import FAMILIES
from exporter.metrics.official import Official, families
from tests.metrics.scene import REQUEST_ID, busy

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
# The official writer has another spelling for larger numbers; see the test of large numbers.
SMALL = st.one_of(
    st.floats(min_value=-1e5, max_value=999_999, allow_nan=False),
    st.integers(0, 999_999),
    st.sampled_from([inf, -inf, nan, -0.0]),
)
GOLDEN = f"""\
# HELP leadsquared_request_duration_seconds From submission to finish: the middle of the detection window.
# TYPE leadsquared_request_duration_seconds histogram
leadsquared_request_duration_seconds_bucket{{account="acme",api="lead_update",le="1.0",status="success"}} 0.0
leadsquared_request_duration_seconds_bucket{{account="acme",api="lead_update",le="5.0",status="success"}} 1.0 # {{request_id="{REQUEST_ID}"}} 2.5 1000.25
leadsquared_request_duration_seconds_bucket{{account="acme",api="lead_update",le="60.0",status="success"}} 1.0
leadsquared_request_duration_seconds_bucket{{account="acme",api="lead_update",le="+Inf",status="success"}} 2.0 # {{request_id="late-1"}} 90.0 1001.0
leadsquared_request_duration_seconds_count{{account="acme",api="lead_update",status="success"}} 2.0
leadsquared_request_duration_seconds_sum{{account="acme",api="lead_update",status="success"}} 92.5
"""  # noqa: E501


class Ready:
    """A registry that holds a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self):  # type: ignore[no-untyped-def]
        return families(self._snapshot)


def official(snapshot: Snapshot, *, openmetrics: bool) -> str:
    write = generate_openmetrics if openmetrics else generate_latest
    return bytes(write(Ready(snapshot))).decode().removesuffix("# EOF\n")


def only(text: str, family: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if family in line)


@st.composite
def snapshots(draw: st.DrawFn, numbers: st.SearchStrategy[float] = SMALL) -> Snapshot:
    exemplar = Observation(Histogram.DETECTION_WINDOW, (), draw(st.floats(0, 999)), 5.0, "some-id", 1000.5)
    shape = Shape(
        bounds=(0.5, 5.0),
        counts=tuple(draw(st.lists(st.integers(0, 300_000), min_size=3, max_size=3))),
        total=draw(st.floats(0, 999_999)),
        exemplars=draw(st.dictionaries(st.integers(0, 2), st.just(exemplar), max_size=3)),
    )
    labels = st.tuples(WORDS, WORDS)
    return Snapshot(
        values={
            f.RECOVERED: draw(st.dictionaries(labels, numbers, max_size=4)),
            f.OLDEST: draw(st.dictionaries(labels, numbers, max_size=4)),
            f.LAG: {(): draw(numbers)},
        },
        shapes={f.WINDOW: {draw(labels): shape}},
    )


@pytest.mark.parametrize("openmetrics", [False, True])
@settings(deadline=None, max_examples=60)
@given(snapshot=snapshots())
def test_the_text_is_that_of_the_official_writer(openmetrics: bool, snapshot: Snapshot) -> None:
    assert render(snapshot, openmetrics=openmetrics) == official(snapshot, openmetrics=openmetrics)


@settings(deadline=None, max_examples=60)
@given(snapshot=snapshots(st.floats(allow_nan=False)))
def test_any_number_is_read_back_as_it_was(snapshot: Snapshot) -> None:
    ours = list(parse_text(render(snapshot, openmetrics=False)))
    assert ours == list(parse_text(official(snapshot, openmetrics=False)))


@pytest.mark.parametrize("value", [1e6, 12_345_678, 1_700_000_000.5])
def test_large_numbers_are_written_as_the_official_writer_does(value: float) -> None:
    snapshot = Snapshot(values={f.LAST_SUCCESS: {("acme",): value}})
    assert render(snapshot, openmetrics=False) == official(snapshot, openmetrics=False)


def test_a_busy_scrape_is_that_of_the_official_registry() -> None:
    collector = busy()
    registry = CollectorRegistry()
    registry.register(Official(collector))
    ours = list(parse_text(render(collector.snapshot(), openmetrics=False)))
    assert ours == list(parse_text(generate_latest(registry).decode()))


def test_openmetrics_with_its_end_is_accepted_by_the_official_parser() -> None:
    text = render(busy().snapshot(), openmetrics=True) + "# EOF\n"
    parsed = list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    assert [one.name for one in parsed] == [family.name.removesuffix("_total") for family in FAMILIES]


def test_a_histogram_is_written_with_its_exemplars() -> None:
    text = render(busy().snapshot(), openmetrics=True, names={"leadsquared_request_duration_seconds"})
    assert "".join(line + "\n" for line in text.splitlines() if "failure" not in line and "error" not in line) == GOLDEN


def test_an_exemplar_has_the_time_that_the_wall_clock_shows() -> None:
    text = render(busy(ahead=600.0).snapshot(), openmetrics=True, names={"leadsquared_request_duration_seconds"})
    assert text.replace("1600.25", "1000.25").replace("1601.0", "1001.0") == render(
        busy().snapshot(), openmetrics=True, names={"leadsquared_request_duration_seconds"}
    )
    assert "1600.25" in text


def test_no_label_and_no_exemplar_of_plain_text_holds_a_request_id() -> None:
    assert not UUID.search(render(busy().snapshot(), openmetrics=False))
    labels = [line.partition(" # ")[0] for line in render(busy().snapshot(), openmetrics=True).splitlines()]
    assert not any(UUID.search(line) for line in labels)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_every_family_has_its_help_and_type_without_a_sample(openmetrics: bool) -> None:
    lines = render(Snapshot(), openmetrics=openmetrics).splitlines()
    names = [one.name.removesuffix("_total") if openmetrics else one.name for one in FAMILIES]
    assert lines == [
        line
        for name, one in zip(names, FAMILIES, strict=True)
        for line in (f"# HELP {name} {one.help}", f"# TYPE {name} {one.kind}")
    ]


def test_no_created_series_are_written() -> None:
    assert "_created" not in render(busy().snapshot(), openmetrics=True)


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("leadsquared_polls_total", {"leadsquared_polls_total"}),
        ("leadsquared_polls", {"leadsquared_polls_total"}),
        ("leadsquared_request_duration_seconds_sum", {"leadsquared_request_duration_seconds_sum"}),
        ("leadsquared_unheard_of", set()),
    ],
)
def test_a_name_selects_a_family_or_a_sample(name: str, samples: set[str]) -> None:
    text = render(busy().snapshot(), openmetrics=False, names=[name])
    assert {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")} == samples


def test_promtool_has_nothing_to_say() -> None:
    text = render(busy().snapshot(), openmetrics=False)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_an_exemplar_longer_than_openmetrics_allows_is_left_out() -> None:
    for length, there in ((118, True), (119, False)):
        exemplar = Observation(Histogram.DETECTION_WINDOW, (), 1.0, 5.0, "i" * length, 1000.5)
        snapshot = Snapshot(shapes={f.WINDOW: {("a", "b"): Shape((5.0,), (1, 0), 1.0, {0: exemplar})}})
        assert ("request_id" in render(snapshot, openmetrics=True)) is there
