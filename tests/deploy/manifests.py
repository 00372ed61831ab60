"""Manifests as the tests look at them."""

from collections.abc import Iterable
from typing import Any

import yaml

Document = dict[str, Any]


def documents(text: str) -> list[Document]:
    return [one for one in yaml.safe_load_all(text) if one is not None]


def one(kind: str, among: Iterable[Document]) -> Document:
    (found,) = [document for document in among if document["kind"] == kind]
    return found


def pod(among: Iterable[Document]) -> Document:
    """The specification of the only Pod that these manifests start."""
    (found,) = [document for document in among if document["kind"] in ("Deployment", "StatefulSet")]
    spec: Document = found["spec"]["template"]["spec"]
    return spec


def exporter(spec: Document) -> Document:
    """The exporter's container of a Pod, be it a sidecar or not."""
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    found: Document
    (found,) = [container for container in containers if container["name"] == "leadsquared-exporter"]
    return found
