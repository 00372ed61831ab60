"""What stands between the exporter and whoever is on duty: a real Prometheus with the rules, a real Alertmanager, a webhook."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.e2e.processes import eventually, fetch, fetch_json, free_port, running

STEP = "500ms"


class Webhook:
    """Takes what Alertmanager delivers."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def delivered(self, status: str) -> set[tuple[str, str, str]]:
        """Account, alert and severity of what was `firing` or `resolved`. An alert about the exporter itself has no account: on
        this clock a busy machine is a dead one."""
        labels = [alert["labels"] for alert in self.alerts if alert["status"] == status]
        return {(one["account"], one["alertname"], one["severity"]) for one in labels if "account" in one}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        alerts = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                alerts.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        return Handler


class Paging:
    """Rules as text, the exporter's HOST:PORT, and where to deliver."""

    def __init__(self, folder: Path, stack: ExitStack, *, rules: str, target: str, webhook: str) -> None:
        self.prometheus = f"http://127.0.0.1:{free_port()}"
        self._alertmanager = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._stack = stack
        (folder / "rules.yaml").write_text(rules)
        (folder / "alertmanager.yml").write_text(json.dumps(self._delivery(webhook)))
        (folder / "prometheus.yml").write_text(json.dumps(self._scraping(target)))

    def start(self) -> None:
        """Until the exporter has been scraped: what is counted from then on is seen to increase."""
        folder, listen = self._folder, self.prometheus.removeprefix("http://")
        manager = ("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", "--cluster.listen-address=")
        self._run(*manager, f"--storage.path={folder}/alerts", f"--web.listen-address={self._alertmanager}")
        scraper = ("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/samples")
        self._run(*scraper, f"--web.listen-address={listen}")
        eventually(lambda: fetch(f"http://{self._alertmanager}/-/ready"), fits=bool)
        query = f"{self.prometheus}/api/v1/query?query=leadsquared_exporter_build_info"
        eventually(lambda: fetch_json(query)["data"]["result"], fits=bool)

    def _run(self, *command: str) -> None:
        self._stack.enter_context(running(*command, told=self._folder / f"{command[0]}.log"))

    def _delivery(self, webhook: str) -> dict[str, Any]:
        """Each alert for itself, and at once."""
        route = {"receiver": "duty", "group_by": ["..."], "group_wait": "0s", "group_interval": STEP}
        return {"route": route, "receivers": [{"name": "duty", "webhook_configs": [{"url": webhook}]}]}

    def _scraping(self, target: str) -> dict[str, Any]:
        return {
            "global": {"scrape_interval": "1s", "evaluation_interval": STEP},
            "rule_files": ["rules.yaml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self._alertmanager]}]}]},
            "scrape_configs": [{"job_name": "leadsquared", "static_configs": [{"targets": [target]}]}],
        }
