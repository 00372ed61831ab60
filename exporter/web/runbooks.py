"""What to do about each alert, rendered from docs/runbooks where the package is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exporter.web.markup import Markup

_FOLDER: Final = Path(__file__).with_name("runbook_pages")


class Runbooks:
    def __init__(self) -> None:
        self._pages = {page.stem: page for page in sorted(_FOLDER.glob("*.html"))}

    @property
    def alerts(self) -> Sequence[str]:
        return tuple(self._pages)

    def read(self, alert: str) -> Markup | None:
        """None for an alert that there is not. It is read anew: a sidecar has no use for them in its memory."""
        page = self._pages.get(alert)
        return None if page is None else Markup(page.read_text(encoding="utf-8"))
