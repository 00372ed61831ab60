"""The pages on what may be asked and handed in say what the program does."""

import json
import re

from exporter.sources.groups import Terms, parse_json, parse_text
from exporter.web.application import build
from exporter.web.filters import PARAMETERS, STATES, STATUSES
from tests.docs.pages import ROOT
from tests.web.twins import NOW, MemoryBackend

API = (ROOT / "docs" / "api.md").read_text("utf-8")
SOURCES = (ROOT / "docs" / "sources.md").read_text("utf-8")
TERMS = Terms(apis={"acme": ["lead_capture", "lead_update"]}, now=NOW)


def test_every_call_of_a_program_is_told_and_no_other() -> None:
    application = build(MemoryBackend(), telemetry_path="/metrics", enable_lifecycle=True)
    answered = {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith(("/api/", "/-/", "/metrics", "/runbooks/{"))
    }
    # HEAD comes with every GET, and PUT is Prometheus' other word for these POSTs.
    told = set(re.findall(r"^\| `([A-Z]+) (\S+)` \|", API, re.MULTILINE))
    assert told == {(method, path) for method, path in answered if method not in ("HEAD", "PUT")}


def test_every_parameter_and_its_values_are_told_and_no_other() -> None:
    rows = dict(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*) \|$", API.partition("| parameter |")[2], re.MULTILINE))
    named = {name: row for names, row in rows.items() for name in re.findall(r"\w+", names)}
    assert set(named) == set(PARAMETERS)
    assert re.findall(r"`(\w+)`", named["status"]) == list(STATUSES)
    assert re.findall(r"`(\w+)`", named["state"]) == list(STATES)


def test_the_request_groups_of_the_page_are_taken_in() -> None:
    shown = dict(re.findall(r"^```(json|text)\n(.*?)^```", SOURCES, re.MULTILINE | re.DOTALL))
    entries = parse_json(shown["json"].encode(), TERMS)
    assert len(entries) == len(json.loads(shown["json"])[0]["request_ids"]) == 2
    assert [entry[:4] for entry in parse_text(shown["text"].encode(), TERMS)] == [entry[:4] for entry in entries]
