"""A remote that is asked at given times."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.leadsquared.endpoints import BY_NAME
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.reply import Reply

KEY = "demo-key"


@dataclass
class Caller:
    """Calls `remote` with the demonstration key."""

    remote: Remote
    key: str = KEY
    secrets: dict[str, str] = field(default_factory=dict)

    def call(
        self, method: str, path: str, now: float, query: Mapping[str, str] | None = None, body: bytes = b"[]"
    ) -> Reply:
        headers = {"x-api-key": self.key, **self.secrets}
        return self.remote.handle(method=method, path=path, query=query or {}, headers=headers, body=body, now=now)

    def submit(self, now: float = 0.0, api: str = "lead_update", body: bytes = b"[]") -> str:
        path = BY_NAME[api].submit_path + ("/connector" if api == "call_log" else "")
        return str(json.loads(self.call("POST", path, now, body=body).body)["RequestID"])

    def poll(self, request_id: str, now: float, api: str = "lead_update") -> Reply:
        return self.call("GET", BY_NAME[api].status_path, now, {"RequestID": request_id})

    def document(self, request_id: str, now: float, api: str = "lead_update") -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.poll(request_id, now, api).body)
        return document

    def task(self, request_id: str, now: float, api: str = "lead_update") -> dict[str, Any]:
        task: dict[str, Any] = self.document(request_id, now, api)["TaskStatus"]
        return task

    def status(self, request_id: str, now: float, api: str = "lead_update") -> str:
        return str(self.task(request_id, now, api)["Status"])


def given(*seconds: float, **options: Any) -> Caller:
    """One worker, no rate: attempts take the given seconds, one after the other."""
    plain = {"queue_rate": 0.0, "queue_workers": 1, "queue_service_time": 1.0, "queue_service_spread": 0.0}
    return Caller(Remote(Options(**{**plain, **options}), seed=1, service_times=iter(seconds)))
