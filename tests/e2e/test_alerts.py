"""LeadSquared misbehaves, and somebody is paged: with the rules as they are, on a clock that is a hundred times as fast."""

import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from alerts.rules import rules
from alerts.thresholds import STANDARD
from tests.e2e.paging import Paging, Webhook
from tests.e2e.processes import eventually, fetch, free_port, running

EXPORTER = (sys.executable, "-m", "exporter")
FASTER = 100.0
# Each account has a LeadSquared of its own.
TROUBLES = {
    "stuck": ("--queue.error=1", f"--queue.time-scale={FASTER:g}"),
    "failing": ("--queue.failure=1",),
    "refused": ("--fault.unauthorized=1", "--fault.on=polls"),
    "fine": (),
}
FIRING = {
    ("stuck", "LeadSquaredRequestsStuck", "warning"),
    ("failing", "LeadSquaredUpdatesFailing", "critical"),
    ("failing", "LeadSquaredUpdatesFailing", "warning"),
    ("refused", "LeadSquaredAccountUnauthorized", "critical"),
}
HEADERS = {"x-api-key": "key", "Content-Type": "application/json"}


class Accounts:
    """The simulators, one for each account, and the exporter that watches them all."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.listen = f"127.0.0.1:{free_port()}"
        self.upstreams = {name: f"http://127.0.0.1:{free_port()}" for name in TROUBLES}
        self._folder = folder
        self._stack = stack

    def start(self) -> None:
        for name, flags in TROUBLES.items():
            listen = f"--web.listen-address={self.upstreams[name].removeprefix('http://')}"
            self._run("upstream", listen, "--key=key", "--rate=100/1s", "--seed=0", *flags, told=f"{name}.log")
        for url in self.upstreams.values():
            eventually(partial(fetch, f"{url}/simulator/truth"), fits=bool)
        (self._folder / "config.yaml").write_text(json.dumps(self._configuration()))
        config = f"--config.file={self._folder}/config.yaml"
        self._run(config, f"--web.listen-address={self.listen}", told="exporter.log")
        eventually(lambda: fetch(f"http://{self.listen}/-/ready"), fits=bool)

    def update(self, account: str) -> None:
        """Submit one, and have it watched."""
        answer = json.loads(fetch(f"{self.upstreams[account]}/lead/update", data=b"[]", headers=HEADERS))
        group = [{"account": account, "api": "lead_update", "request_ids": [answer["RequestID"]]}]
        fetch(f"http://{self.listen}/api/v1/requests", data=json.dumps(group).encode(), headers=HEADERS)

    def heal(self, account: str, **switches: float) -> None:
        content = json.dumps({name.replace("_", "."): value for name, value in switches.items()}).encode()
        fetch(f"{self.upstreams[account]}/simulator/options", data=content, headers=HEADERS)

    def _run(self, *arguments: str, told: str) -> None:
        self._stack.enter_context(running(*EXPORTER, *arguments, told=self._folder / told))

    def _configuration(self) -> dict[str, object]:
        limit = {"calls": 100, "period": "1s"}
        accounts = [
            {"name": name, "base_url": url, "api_key": "key", "rate_limit": limit}
            for name, url in self.upstreams.items()
        ]
        return {
            "accounts": accounts,
            "sources": [{"type": "push"}],
            "polling": {"policy": "round_robin", "stuck_after": "5s"},
            "storage": {"url": f"sqlite:///{self._folder}/state.db"},
        }


def test_stuck_failing_and_unauthorized_accounts_page_somebody_and_a_healthy_one_does_not(tmp_path: Path) -> None:
    webhook = Webhook()
    with ExitStack() as stack:
        stack.enter_context(webhook.listening())
        accounts = Accounts(tmp_path, stack)
        accounts.start()
        fast = rules(STANDARD.hastened(FASTER))
        Paging(tmp_path, stack, rules=fast, target=accounts.listen, webhook=webhook.url).start()
        accounts.update("stuck")

        def working() -> set[tuple[str, str, str]]:
            for account in ("failing", "refused", "fine"):
                accounts.update(account)
            return webhook.delivered("firing")

        assert eventually(working, fits=lambda found: found >= FIRING, seconds=60.0) == FIRING
        accounts.heal("stuck", queue_error=0.0)
        accounts.heal("failing", queue_failure=0.0)
        mended = {one for one in FIRING if one[0] == "stuck"} | {("failing", "LeadSquaredUpdatesFailing", "critical")}
        eventually(lambda: working() and webhook.delivered("resolved"), fits=lambda found: found >= mended)
        assert webhook.delivered("firing") == FIRING
        texts = [text for alert in webhook.alerts for text in alert["annotations"].values()]
        assert [text for text in texts if "<" in text or "error calling" in text or "no value" in text] == []
