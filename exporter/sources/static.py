"""The `static` source: RequestIDs that stand in the configuration itself."""

import asyncio

from exporter.config import settings
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.environment import Environment
from exporter.sources.source import Entry

log = get_logger(__name__)


class StaticSource:
    """Hands its RequestIDs in once; after a restart the intake knows them already."""

    def __init__(
        self,
        source: settings.StaticSource,
        environment: Environment,
    ) -> None:
        self.name = source.name
        self._source = source
        self._health = environment.health
        self._delivery = environment.delivery(source)

    async def run(self) -> None:
        try:
            await self._hand_in()
        except InvalidEntry as error:
            log.error("static source is refused", source=self.name, error=str(error), details="; ".join(error.details))
            self._health.down(self.name, error)
        else:
            self._health.up(self.name)
        await asyncio.Event().wait()

    async def _hand_in(self) -> None:
        async for _ in self._delivery.hand_in(self._entries()):
            pass

    def _entries(self) -> list[Entry]:
        source = self._source
        return [
            Entry(
                request_id=request_id,
                account=source.account,
                api=source.api,
                submitted=None,
                where=f"{source.name}.request_ids[{index}]",
            )
            for index, request_id in enumerate(source.request_ids)
        ]
