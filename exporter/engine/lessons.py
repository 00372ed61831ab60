"""What the policies have learned, kept across restarts. Losing it loses time, nothing else."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from exporter.core.cursor import Cursor
from exporter.engine.poller import Poller
from exporter.errors import StoreError
from exporter.log import get_logger
from exporter.store.store import Store

SAVE_SECONDS = 300.0
# No source can have this name, so that no source's cursors are meant.
OWNER = "polling policy"

log = get_logger(__name__)


class Lessons:
    """One text an account, among the cursors of the store."""

    def __init__(self, *, pollers: Mapping[str, Poller], store: Store) -> None:
        self._pollers = pollers
        self._store = store
        self._saved: dict[str, str] = {}

    def load(self, cursors: Mapping[tuple[str, str], str]) -> None:
        self._saved = {part: text for (source, part), text in cursors.items() if source == OWNER}

    def recall(self, account: str) -> Mapping[str, Any]:
        """What a policy of this account had learned; nothing where that can't be read."""
        try:
            found = json.loads(self._saved.get(account, "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self.save()

    async def save(self) -> None:
        for name, poller in list(self._pollers.items()):
            text = json.dumps(poller.watch.policy.state(), separators=(",", ":"))
            if text != self._saved.get(name, "{}"):
                await self._save(name, text)

    async def _save(self, name: str, text: str) -> None:
        try:
            await self._store.admit([], [Cursor(source=OWNER, part=name, position=text)])
        except StoreError as error:
            log.warning("what was learned of an account can't be stored", account=name, error=str(error))
        else:
            self._saved[name] = text
