"""Renders docs/runbooks for the exporter, which serves them itself: `python -m website.runbooks FOLDER`.

Each becomes the inside of a page, without its heading. Links between runbooks are relative, so that they hold under any prefix;
those to other pages of the documentation, which the exporter does not have, are left as their text.
"""

import re
import sys
from pathlib import Path
from typing import Final

import markdown  # type: ignore[import-untyped]

RUNBOOKS: Final = Path(__file__).parents[1] / "docs" / "runbooks"
_HEADING: Final = re.compile(r"\A# .*\n+")
_LINK: Final = re.compile(r'<a href="(?P<target>[^"]*)">(?P<text>.*?)</a>', re.DOTALL)
_RUNBOOK: Final = re.compile(r"(?P<name>\w+)\.md")


def rendered(text: str) -> str:
    body = _HEADING.sub("", text)
    return _LINK.sub(_link, markdown.markdown(body, extensions=["fenced_code", "sane_lists", "tables"])) + "\n"


def _link(link: re.Match[str]) -> str:
    target = link["target"]
    if target.startswith(("http://", "https://")):
        return link[0]
    runbook = _RUNBOOK.fullmatch(target)
    return f'<a href="{runbook["name"]}">{link["text"]}</a>' if runbook else link["text"]


def main(folder: Path) -> None:
    for page in RUNBOOKS.glob("*.md"):
        (folder / f"{page.stem}.html").write_text(rendered(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
