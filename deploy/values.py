"""The reference of the chart's values, from the comments that stand above them: `python -m deploy.values`, and with `readme` the
page that a registry of charts shows."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

CHART: Final = Path(__file__).parent / "helm" / "leadsquared-exporter"
_LONGEST = 60
_HEAD = """\
# Values of the Helm chart

<!-- Made by `python -m deploy.values > docs/kubernetes-values.md`. Change deploy/helm/leadsquared-exporter/values.yaml instead. -->

[kubernetes.md](kubernetes.md) tells how the chart is used. Values that are not listed here are refused.

| value | default | meaning |
| --- | --- | --- |
"""


_README: Final = """\
# leadsquared-exporter

<!-- Made by `python -m deploy.values readme`. Change values.yaml instead. -->

Watches LeadSquared's asynchronous requests and tells Prometheus what became of them: once for a cluster (`mode: standalone`), or in
every Pod of an application (`mode: sidecar`).

```console
kubectl --namespace crm create secret generic leadsquared-keys --from-file=acme.key --from-file=push.token
helm upgrade --install watch . --namespace crm --set image.repository=REGISTRY/leadsquared-exporter \\
  --set 'existingSecrets={leadsquared-keys}' --set-file config=config.yaml
helm test watch --namespace crm
```

Kubernetes 1.25 or newer, 1.29 with `mode: sidecar`. How it is used: `docs/kubernetes.md` of the repository.

## Values

Values that are not listed here are refused.

| value | default | meaning |
| --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Value:
    """`key` is its path with dots, `default` None where it is too long for a table."""

    key: str
    default: str | None
    meaning: str


def values() -> list[Value]:
    text = (CHART / "values.yaml").read_text("utf-8")
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101  (the chart is ours)
    return list(_values(root, schema, text.splitlines(), ""))


def page(head: str = _HEAD) -> str:
    return head + "".join(f"| `{one.key}` | {_shown(one.default)} | {one.meaning} |\n" for one in values())


def _values(node: yaml.MappingNode, schema: dict[str, Any], lines: list[str], path: str) -> Iterator[Value]:
    for key, value in node.value:
        below = schema["properties"][key.value]
        name = f"{path}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value and "properties" in below and not _meaning(key, lines):
            yield from _values(value, below, lines, f"{name}.")
        else:
            yield Value(name, _default(value), _meaning(key, lines))


def _meaning(key: yaml.Node, lines: list[str]) -> str:
    """The comment right above the key."""
    found: list[str] = []
    for line in reversed(lines[: key.start_mark.line]):
        remark = re.fullmatch(r" *# (.*)", line)
        if remark is None:
            break
        found.insert(0, remark[1])
    return " ".join(found).replace("|", "\\|")


def _default(node: yaml.Node) -> str | None:
    content = yaml.safe_load(yaml.serialize(node))
    text = json.dumps(content, ensure_ascii=False)
    return text if len(text) <= _LONGEST else None


def _shown(default: str | None) -> str:
    return "see values.yaml" if default is None else f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(page(_README) if sys.argv[1:] == ["readme"] else page())
