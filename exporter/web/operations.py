"""What operators and Prometheus ask: metrics, health, readiness, reload, quit."""

from aiohttp import web

from exporter.errors import ConfigurationError
from exporter.web.answers import Refusal, unavailable
from exporter.web.authority import refuse_other_sites
from exporter.web.backend import Backend
from exporter.web.names import Names

HEALTHY = "/-/healthy"
READY = "/-/ready"


class Operations:
    def __init__(self, backend: Backend, *, telemetry_path: str, enable_lifecycle: bool, names: Names) -> None:
        self._backend = backend
        self._names = names
        self._telemetry_path = telemetry_path
        self._enable_lifecycle = enable_lifecycle

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(self._telemetry_path, self.metrics),
            web.get(HEALTHY, self.healthy),
            web.get(READY, self.ready),
            web.post("/-/reload", self.reload),
            web.put("/-/reload", self.reload),
            web.post("/-/quit", self.quit),
            web.put("/-/quit", self.quit),
        ]

    async def metrics(self, request: web.Request) -> web.Response:
        """Other query parameters than name[] are left alone: Prometheus sends whatever its configuration says."""
        body, headers = await self._backend.scrape(
            request.headers.get("Accept"),
            request.headers.get("Accept-Encoding"),
            request.query.getall("name[]", []),
        )
        return web.Response(body=body, headers=headers)

    async def healthy(self, _: web.Request) -> web.Response:
        return _stated(self._backend.unhealthy(), "healthy")

    async def ready(self, _: web.Request) -> web.Response:
        return _stated(self._backend.unready(), "ready")

    async def reload(self, request: web.Request) -> web.Response:
        self._refuse_unless_enabled(request)
        try:
            await self._backend.reload()
        except ConfigurationError as error:
            raise Refusal(400, "the configuration was not reloaded; the old one stays", error.problems) from error
        return web.Response(text="reloaded\n")

    async def quit(self, request: web.Request) -> web.Response:
        self._refuse_unless_enabled(request)
        self._backend.quit()
        return web.Response(text="stopping\n")

    def _refuse_unless_enabled(self, request: web.Request) -> None:
        if not self._enable_lifecycle:
            raise Refusal(403, "start with --web.enable-lifecycle to allow this")
        refuse_other_sites(request, self._names, loopback_only=True)


def _stated(trouble: str | None, state: str) -> web.Response:
    if trouble is not None:
        raise unavailable(trouble)
    return web.Response(text=f"{state}\n")
