import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from exporter.metrics.families import FAMILIES, Kind
from grafana.build import dashboard

OUTPUT = Path(__file__).parents[2] / "grafana" / "leadsquared-exporter.json"
# Shown nowhere, and why.
NOT_SHOWN = {
    "leadsquared_exporter_config_last_reload_success_timestamp_seconds": "its other half says whether something is wrong",
    "leadsquared_rate_limit_window_seconds": "it is in the configuration and does not move",
    "leadsquared_account_last_success_timestamp_seconds": "no panel yet",
    "leadsquared_exporter_config_last_reload_successful": "no panel yet",
    "leadsquared_exporter_store_up": "no panel yet",
    "leadsquared_exporter_source_errors_total": "it is the sum of those by kind, which are shown",
    "leadsquared_requests_finished_unnoticed_estimate_error": "the estimate is shown; its error is for who computes with it",
}
# What the scraper adds to every sample, and what histograms have.
ADDED = {"job", "instance"}
PROCESS = {"process_resident_memory_bytes": ADDED}
VARIABLE = re.compile(r"\$__rate_interval")

Panels = list[dict[str, Any]]


def declared() -> dict[str, set[str]]:
    """Labels by the name of the sample."""
    samples: dict[str, set[str]] = dict(PROCESS)
    for family in FAMILIES:
        labels = {*family.labels, *ADDED}
        if family.kind is Kind.HISTOGRAM:
            samples[f"{family.name}_bucket"] = labels | {"le"}
            samples[f"{family.name}_count"] = samples[f"{family.name}_sum"] = labels
        else:
            samples[family.name] = labels
    return samples


def queries() -> list[str]:
    return [target["expr"] for panel in shown() for target in panel["targets"]]


def panels() -> Panels:
    return list(dashboard()["panels"])


def shown() -> Panels:
    return [panel for panel in panels() if panel["type"] != "row"]


def parse(query: str) -> Any:
    return promql_parser.parse(VARIABLE.sub("5m", query))


def nodes(expression: Any) -> Iterator[Any]:
    """Every part of an expression, itself included."""
    yield expression
    parts = [getattr(expression, name, None) for name in ("expr", "lhs", "rhs", "param", "vector_selector")]
    for part in [*parts, *getattr(expression, "args", [])]:
        if part is not None and not isinstance(part, str):
            yield from nodes(part)


def selected(expression: Any) -> list[promql_parser.VectorSelector]:
    return [node for node in nodes(expression) if isinstance(node, promql_parser.VectorSelector)]


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    return selected(parse(query))


def test_the_file_is_what_the_code_builds() -> None:
    assert OUTPUT.read_text(encoding="utf-8") == json.dumps(dashboard(), indent=2) + "\n"


@pytest.mark.parametrize("query", queries())
def test_a_query_names_only_declared_metrics_and_labels(query: str) -> None:
    found = selectors(query)
    assert found
    for selector in found:
        assert selector.name in declared(), selector.name
        assert {one.name for one in selector.matchers.matchers} <= declared()[selector.name or ""]


@pytest.mark.parametrize("query", queries())
def test_a_query_groups_by_labels_that_its_metrics_have(query: str) -> None:
    for node in nodes(parse(query)):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            assert all(set(node.modifier.labels) <= declared()[one.name or ""] for one in selected(node))


def test_the_check_refuses_a_metric_that_is_not_declared() -> None:
    assert selectors("sum(rate(leadsquared_nonsense_total[5m]))")[0].name not in declared()


def test_legends_use_labels_that_their_query_keeps() -> None:
    for panel in shown():
        for target in panel["targets"]:
            wanted = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert all(wanted <= declared()[one.name or ""] for one in selectors(target["expr"])), panel["title"]


def test_every_family_is_shown_or_left_out_for_a_reason() -> None:
    named = {selector.name or "" for query in queries() for selector in selectors(query)}
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} | named
    assert {family.name for family in FAMILIES} - bases == set(NOT_SHOWN)


def test_no_panel_covers_another_or_leaves_the_page() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_every_panel_has_a_description_and_a_unit_and_its_own_number() -> None:
    assert [
        one["title"] for one in shown() if not (one["description"] and one["fieldConfig"]["defaults"]["unit"])
    ] == []
    numbers = [one["id"] for one in panels()]
    assert len(set(numbers)) == len(numbers)


def test_variables_ask_for_declared_labels() -> None:
    variables = dashboard()["templating"]["list"]
    asked = [one["query"]["query"] for one in variables if one["type"] == "query"]
    for query in asked:
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert found
        assert all(found[2] in declared()[one.name or ""] for one in selectors(found[1]))
    assert [one["name"] for one in variables] == ["datasource", "account", "api"]
