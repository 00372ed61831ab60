"""The programs of docs/integrate.md, run as they stand there but for the ports and the key."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.processes import eventually, fetch, fetch_json, free_port, running

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "integrate.md").read_text("utf-8")
REQUEST_ID = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
CONFIGURATION = """\
accounts:
  - {{name: acme, base_url: "{upstream}", api_key_file: key, rate_limit: {{calls: 100, period: 1s}}}}
sources:
  - {{type: gateway, account: acme, listen: "127.0.0.1:{gateway}"}}
  - {{type: push, account: acme}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""
PROGRAM = (sys.executable, "-m", "exporter")
# The file that a block of the language becomes, and what runs it.
LANGUAGES = {
    "sh": ("program.sh", "sh"),
    "python": ("program.py", sys.executable),
    "javascript": ("program.js", "node"),
    "java": ("Program.java", "java"),
    "php": ("program.php", "php"),
}
ALWAYS = ("sh", "python", "php")


@dataclass(frozen=True, slots=True)
class Block:
    title: str
    language: str
    text: str


def blocks(section: str) -> list[Block]:
    """Those of the section that can be run here. Node.js and Java are too large to be installed for two programs each."""
    text = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^### (.+?)\n.*?^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        one
        for one in (Block(*parts) for parts in found)
        if one.language in ALWAYS or shutil.which(LANGUAGES.get(one.language, ("", ""))[1])
    ]


@dataclass(frozen=True, slots=True)
class Stage:
    web: int
    gateway: int

    def run(self, block: Block, folder: Path, request_id: str = REQUEST_ID) -> str:
        name, interpreter = LANGUAGES[block.language]
        text = block.text.replace("127.0.0.1:10040", f"127.0.0.1:{self.web}").replace(REQUEST_ID, request_id)
        text = text.replace("127.0.0.1:10041", f"127.0.0.1:{self.gateway}").replace("KEY", "stage-key")
        (folder / name).write_text(text, "utf-8")
        command = [interpreter, str(folder / name)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    def record(self, request_id: str) -> Any:
        return fetch_json(f"http://127.0.0.1:{self.web}/api/v1/requests/{request_id}")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    upstream, one = free_port(), Stage(web=free_port(), gateway=free_port())
    (folder / "key").write_text("stage-key")
    (folder / "config.yaml").write_text(
        CONFIGURATION.format(upstream=f"http://127.0.0.1:{upstream}", gateway=one.gateway, folder=folder)
    )
    simulator = (*PROGRAM, "upstream", f"--web.listen-address=127.0.0.1:{upstream}", "--key=stage-key")
    exporter = (*PROGRAM, f"--config.file={folder}/config.yaml", f"--web.listen-address=127.0.0.1:{one.web}")
    with ExitStack() as stack:
        stack.enter_context(running(*simulator, told=folder / "upstream.log"))
        eventually(lambda: fetch(f"http://127.0.0.1:{upstream}/simulator/truth"), fits=bool)
        stack.enter_context(running(*exporter, told=folder / "exporter.log"))
        eventually(lambda: fetch(f"http://127.0.0.1:{one.web}/-/ready"), fits=bool)
        yield one


def test_the_blocks_that_can_always_be_run_are_found() -> None:
    titles = {
        section: {one.title for one in blocks(section)} for section in ("Through the gateway", "Push the RequestID")
    }

    python = {"Python, urllib", "Python, aiohttp", "Python, requests", "Python, httpx"}
    assert titles["Through the gateway"] >= {"curl", "PHP", *python}
    assert titles["Push the RequestID"] >= {"curl", "PHP", "Python", "Python, asyncio"}


@pytest.mark.parametrize("block", blocks("Through the gateway"), ids=lambda block: block.title)
def test_what_is_submitted_through_the_gateway_is_watched(block: Block, stage: Stage, tmp_path: Path) -> None:
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", stage.run(block, tmp_path))

    assert found
    assert stage.record(found[0])["account"] == "acme"


@pytest.mark.parametrize("block", blocks("Push the RequestID"), ids=lambda block: block.title)
def test_what_is_pushed_is_watched(block: Block, stage: Stage, tmp_path: Path) -> None:
    request_id = str(uuid4())
    stage.run(block, tmp_path, request_id)

    record = stage.record(request_id)
    assert (record["account"], record["api"], record["source"]) == ("acme", "lead_update", "push")
    assert record["submitted_at"]
