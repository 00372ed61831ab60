"""How the bars count, as promtool evaluates it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.metrics import families as f
from grafana import overview
from grafana.promql import counted

QUERY = counted(f.ERRORS, by=("reason",), selector="").replace("$__interval", "1m")
LABELS = 'account="acme",api="lead_update",status="failure",reason="MXDuplicateEntryException"'
NAMED = '{reason="MXDuplicateEntryException"}'


def failures(values: str, instance: str = "one") -> dict[str, str]:
    return {"series": f'{f.ERRORS.name}{{job="exporter",instance="{instance}",{LABELS}}}', "values": values}


def scraped(values: str, instance: str = "one") -> dict[str, str]:
    return {"series": f'{f.BUILD.name}{{job="exporter",instance="{instance}",version="1"}}', "values": values}


def evaluated(folder: Path, series: list[dict[str, str]], asked: dict[str, Any]) -> tuple[int, str]:
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]
    path = folder / "counting.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    ran = subprocess.run(("promtool", "test", "rules", str(path)), capture_output=True, text=True, check=False)
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("series", "count"),
    [
        pytest.param([scraped("1x9"), failures("2 2 2 5")], 3, id="a reason that is known"),
        pytest.param([scraped("1x9"), failures("_ _ _ 1")], 1, id="the first of a reason"),
        pytest.param([scraped("1x9"), failures("2 2 _ 3")], 1, id="what went on during a scrape that failed"),
        pytest.param([scraped("1x9"), failures("7 7 7 1")], 0, id="a store that was lost"),
        pytest.param([scraped("_ _ _ 1"), failures("_ _ _ 7")], None, id="an exporter that goes on with its history"),
        pytest.param(
            [scraped("1x9"), failures("2 2 2 3"), scraped("1x9", "two"), failures("_ _ _ 1", "two")],
            2,
            id="two sidecars of one account",
        ),
        pytest.param(
            [scraped("1 1 1"), failures("7 7 7"), scraped("_ _ _ 1", "two"), failures("_ _ _ 7", "two")],
            0,
            id="a pod that is replaced by another",
        ),
    ],
)
def test_a_bar_counts(tmp_path: Path, series: list[dict[str, str]], count: int | None) -> None:
    expected = [] if count is None else [{"labels": NAMED, "value": count}]
    asked = {"expr": QUERY, "eval_time": "3m", "exp_samples": expected}
    assert evaluated(tmp_path, series, asked) == (0, "")


SUCCESS = 'job="exporter",instance="one",account="acme",api="lead_update",status="success"'
FAILURE = SUCCESS.replace("success", "failure")


@pytest.mark.parametrize(
    ("succeeded", "failed", "ratio"),
    [
        pytest.param("0x9", "0x6 3x3", None, id="three failed of three"),
        pytest.param("0+6x9", "0+2x9", 75, id="one of four failed of many"),
    ],
)
def test_a_success_ratio_is_shown_of_more_than_a_few(
    tmp_path: Path, succeeded: str, failed: str, ratio: int | None
) -> None:
    query = re.sub(r'\w+=~"\$\w+",?', "", overview.SUCCESS)
    expected = [] if ratio is None else [{"labels": '{account="acme",api="lead_update"}', "value": ratio}]
    finished = [
        {"series": f"{f.FINISHED.name}{{{labels}}}", "values": values}
        for labels, values in ((SUCCESS, succeeded), (FAILURE, failed))
    ]
    asked = {"expr": f"round(100 * ({query}))", "eval_time": "9m", "exp_samples": expected}
    assert evaluated(tmp_path, finished, asked) == (0, "")
