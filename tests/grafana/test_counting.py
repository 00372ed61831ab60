"""How the bars count, as promtool evaluates it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.metrics import families as f
from grafana.promql import counted

QUERY = counted(f.ERRORS, by=("reason",), selector="").replace("$__interval", "1m")
LABELS = 'account="acme",api="lead_update",status="failure",reason="MXDuplicateEntryException"'
NAMED = '{reason="MXDuplicateEntryException"}'


def failures(values: str, instance: str = "one") -> dict[str, str]:
    return {"series": f'{f.ERRORS.name}{{job="exporter",instance="{instance}",{LABELS}}}', "values": values}


def scraped(values: str, instance: str = "one") -> dict[str, str]:
    return {"series": f'{f.BUILD.name}{{job="exporter",instance="{instance}",version="1"}}', "values": values}


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
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]
    path = tmp_path / "counting.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": tests}))
    ran = subprocess.run(("promtool", "test", "rules", str(path)), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
