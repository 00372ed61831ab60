import logging

import pytest
from aiohttp import ClientSession

from exporter.errors import StartupError
from exporter.web.application import build
from exporter.web.listen import Listeners
from tests.web.twins import Boom, MemoryBackend


async def test_metrics_come_from_the_backend_as_they_are(client: ClientSession) -> None:
    response = await client.get(
        "/metrics?name[]=b&name[]=a&x=y", headers={"Accept": "text/plain", "Accept-Encoding": "gzip"}
    )
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await response.text() == "# text/plain gzip ['a', 'b']\n"
    assert (await client.head("/metrics")).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_metrics_can_only_be_read(client: ClientSession, method: str) -> None:
    response = await client.request(method, "/metrics")
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert await response.json() == {
        "error": f"method {method} is not allowed here",
        "details": ["allowed: GET, HEAD"],
    }


@pytest.mark.parametrize(("path", "attribute"), [("/-/healthy", "sick"), ("/-/ready", "busy")])
async def test_health_is_told_with_its_reason(
    client: ClientSession, backend: MemoryBackend, path: str, attribute: str
) -> None:
    assert (await client.get(path)).status == 200
    setattr(backend, attribute, "the poll loop has been silent for 40 s")
    response = await client.get(path)
    assert response.status == 503
    assert "Retry-After" in response.headers
    assert await response.json() == {"error": "the poll loop has been silent for 40 s", "details": []}


async def test_the_configuration_is_reloaded_and_its_errors_are_told(
    client: ClientSession, backend: MemoryBackend
) -> None:
    assert (await client.post("/-/reload")).status == 200
    assert (await client.put("/-/reload")).status == 200
    backend.problems = ["config.yaml:1:1: accounts: is missing", "config.yaml:2:1: x: unknown key"]
    response = await client.post("/-/reload")
    assert response.status == 400
    assert await response.json() == {
        "error": "the configuration was not reloaded; the old one stays",
        "details": backend.problems,
    }
    assert (await client.get("/-/reload")).status == 405


async def test_the_process_can_be_told_to_quit(client: ClientSession, backend: MemoryBackend) -> None:
    assert (await client.post("/-/quit")).status == 200
    assert backend.calls == ["quit"]


async def test_pages_of_other_sites_can_not_stop_the_process(client: ClientSession, backend: MemoryBackend) -> None:
    response = await client.post("/-/quit", headers={"Origin": "http://evil.example"})
    assert response.status == 401
    assert backend.calls == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}, 401),
        ({"Host": "10.1.2.3", "Origin": "http://10.1.2.3"}, 401),
        ({"Host": "exporter.monitoring.svc:10040"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_pages_under_a_foreign_name_can_not_stop_the_process(
    client: ClientSession, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/-/reload", headers=headers)).status == status


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing", "/-/healthy"])
async def test_no_answer_tells_what_the_exporter_is_made_of(client: ClientSession, path: str) -> None:
    assert (await client.get(path)).headers["Server"] == "leadsquared-exporter"


@pytest.mark.parametrize("path", ["/-/reload", "/-/quit"])
async def test_without_the_flag_nothing_is_reloaded_or_stopped(backend: MemoryBackend, path: str) -> None:
    listeners = Listeners(build(backend, telemetry_path="/metrics", enable_lifecycle=False), ["127.0.0.1:0"])
    (url,) = await listeners.start()
    async with ClientSession(url) as client, client.post(path) as response:
        assert response.status == 403
        assert (await response.json())["error"] == "start with --web.enable-lifecycle to allow this"
    await listeners.stop()
    assert backend.calls == []


@pytest.mark.parametrize("path", ["/nothing", "/-/nothing", "/api/v2/requests", "/requests/a/b"])
async def test_an_unknown_path_is_a_json_error(client: ClientSession, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert await response.json() == {"error": "no such path", "details": []}


async def test_a_defect_is_answered_without_what_it_says(
    client: ClientSession, backend: MemoryBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.trouble = Boom("canary@example.com")
    response = await client.get("/api/v1/requests/a?x=canary")
    assert response.status == 500
    assert await response.json() == {"error": "internal error", "details": []}
    (record,) = [record for record in caplog.records if record.name == "exporter.web.application"]
    fields = vars(record)["fields"]
    assert (fields["error"], fields["path"]) == ("Boom", "/api/v1/requests/a")
    assert "canary" not in str(vars(record))


async def test_nothing_of_a_request_is_logged(client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await client.get("/api/v1/requests?account=canary")
        await client.post("/api/v1/requests", data=b"canary", headers={"Content-Type": "application/json"})
        await client.get("/canary%0a", headers={"X": "canary"})
    assert "canary" not in " ".join(str(vars(record)) for record in caplog.records if record.name != "aiohttp.client")


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing", "/api/v1/requests", "/style.css", "/-/healthy"])
async def test_every_answer_carries_the_headers_that_protect_browsers(client: ClientSession, path: str) -> None:
    response = await client.get(path)
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("metrics", "--web.telemetry-path: must be a path such as /metrics, got 'metrics'"),
        ("/{a}", "--web.telemetry-path: must be a path such as /metrics, got '/{a}'"),
        ("/-/healthy", "--web.telemetry-path: /-/healthy is used for something else"),
    ],
)
def test_an_unfit_telemetry_path_is_told(backend: MemoryBackend, path: str, told: str) -> None:
    with pytest.raises(StartupError) as caught:
        build(backend, telemetry_path=path, enable_lifecycle=False)
    assert str(caught.value) == told


async def test_metrics_may_take_the_place_of_the_status_page(backend: MemoryBackend) -> None:
    listeners = Listeners(build(backend, telemetry_path="/", enable_lifecycle=False), ["127.0.0.1:0"])
    (url,) = await listeners.start()
    async with ClientSession(url) as client, client.get("/") as response:
        assert (await response.text()).startswith("# ")
    await listeners.stop()
