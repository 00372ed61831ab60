"""What docs/kubernetes.md tells a reader to write."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from deploy import render

PAGE = (render.ROOT / "docs" / "kubernetes.md").read_text("utf-8")
BLOCKS = [dedent(found) for found in re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize(
    ("beginning", "chart"), [("leadsquared-exporter:", render.APPLICATION), ("existingSecrets:", render.EXPORTER)]
)
def test_the_values_of_the_page_are_accepted(beginning: str, chart: str, charts: Path, tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if block.startswith(beginning)]
    (tmp_path / "values.yaml").write_text(block.replace("…", "abcdefghijklmnopqrstuuAbcdefghijklmnopqrstuvwxyzABCDE"))
    assert "kind: ConfigMap" in render.helm("template", "watch", charts / chart, "--values", tmp_path / "values.yaml")


def test_the_lines_that_include_the_sidecar_are_those_of_the_example() -> None:
    example = (render.CHARTS / render.APPLICATION / "templates" / "application.yaml").read_text("utf-8")
    included = re.findall(r"include \"leadsquared-exporter\.sidecar\.\w+\" (?:\$exporter|\.)", PAGE)

    assert len(set(included)) == 4
    assert all(line in example for line in included)


def test_every_path_of_the_page_is_there() -> None:
    for path in re.findall(r"deploy/[\w./-]*\w", PAGE):
        assert (render.ROOT / path).exists(), path
