"""The exporter behind a reverse proxy, as Prometheus has it."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from exporter.cli import main
from exporter.prefix import Prefix, prefix
from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.security import Security
from tests.cli.server import Reply, serving
from tests.web.secured import HASH
from tests.web.test_pages import HTML, Reader
from tests.web.twins import NOW, MemoryBackend, push

OPS = "https://ops.example.com/leadsquared/"


@pytest.mark.parametrize(
    ("external_url", "route_prefix", "expected"),
    [
        ("", "", Prefix()),
        ("https://ops.example.com", "", Prefix()),
        (OPS, "", Prefix(route="/leadsquared", link="/leadsquared")),
        (OPS, "/", Prefix(route="", link="/leadsquared")),
        (OPS, "inside/", Prefix(route="/inside", link="/leadsquared")),
        ("", "/inside", Prefix(route="/inside", link="/inside")),
    ],
)
def test_routes_and_links_are_where_prometheus_has_them(external_url: str, route_prefix: str, expected: Prefix) -> None:
    assert prefix(external_url=external_url, route_prefix=route_prefix) == expected


@asynccontextmanager
async def serving_under(
    where: Prefix, backend: MemoryBackend, security: Security | None = None
) -> AsyncIterator[ClientSession]:
    application = build(backend, telemetry_path="/metrics", enable_lifecycle=True, security=security, prefix=where)
    listeners = Listeners(application, ["127.0.0.1:0"], path=where.route)
    (url,) = await listeners.start()
    assert url.endswith(where.route)
    try:
        async with ClientSession(url.removesuffix(where.route), connector=TCPConnector(force_close=True)) as session:
            yield session
    finally:
        await listeners.stop()


PATHS = [
    *("/", "/requests", "/requests/r-1", "/accounts/acme", "/runbooks", "/runbooks/LeadSquaredBacklog"),
    *("/metrics", "/-/healthy", "/-/ready", "/api/v1/requests", "/api/v1/requests/r-1", "/style.css", "/icon.svg"),
]


async def test_everything_is_found_under_the_prefix_and_nothing_beside_it() -> None:
    backend = MemoryBackend()
    backend.add("r-1")
    async with serving_under(Prefix(route="/lsq", link="/lsq"), backend) as client:
        for path in PATHS:
            assert (await client.get(f"/lsq{path}")).status == 200, path
            if path != "/":
                assert (await client.get(path)).status == 404, path
        assert (await client.get("/lsqx/metrics")).status == 404
        assert (await client.post("/lsq/-/reload")).status == 200


async def test_who_asks_for_the_root_is_sent_on() -> None:
    async with serving_under(Prefix(route="/inside", link="/outside"), MemoryBackend()) as client:
        for path, place in (("/", "/inside/"), ("/inside", "/outside/")):
            answer = await client.get(path, allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (302, place)


@pytest.mark.parametrize("route", ["/lsq", ""])
async def test_every_link_of_every_page_leads_under_the_external_path(route: str) -> None:
    backend = MemoryBackend(ended={("acme", "lead_update"): {"success": 3}})
    for number in range(3):
        backend.add(f"r-{number}", submitted=NOW)
    async with serving_under(Prefix(route=route, link="/lsq"), backend) as client:
        for path in ("/", "/requests?limit=1", "/requests/r-1", "/accounts/acme", "/runbooks", "/nothing"):
            page = Reader(await (await client.get(route + path, headers=HTML)).text())
            targets = [value or "" for name, value in page.attributes if name in ("href", "action", "src")]
            assert len(targets) >= 6
            assert [target for target in targets if not target.startswith("/lsq/")] == []
            for target in targets:
                assert (await client.get(route + target.removeprefix("/lsq"))).status == 200, target


async def test_errors_under_a_prefix_are_pages_for_browsers_and_json_for_programs() -> None:
    async with serving_under(Prefix(route="/lsq", link="/lsq"), MemoryBackend()) as client:
        assert "<h1>" in await (await client.get("/lsq/requests/none", headers=HTML)).text()
        assert (await (await client.get("/lsq/api/v1/requests/none", headers=HTML)).json())[
            "error"
        ] == "no such request"


async def test_under_a_prefix_health_needs_no_password_and_a_token_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(f"basic_auth_users: {{ops: {HASH}}}")
    backend = MemoryBackend(pushes=[push("secret")])
    headers = {"Authorization": "Bearer secret"}
    async with serving_under(Prefix(route="/lsq", link="/lsq"), backend, Security(file)) as client:
        assert (await client.get("/lsq/-/healthy")).status == 200
        for path in ("/lsq/", "/lsq/runbooks/LeadSquaredBacklog", "/lsq/style.css", "/"):
            assert (await client.get(path)).status == 401
        password = {"Authorization": f"Basic {b64encode(b'ops:pencil').decode()}"}
        assert (await client.get("/lsq/", headers=password)).status == 200
        answer = await client.post("/lsq/api/v1/requests", json={"request_ids": ["r-1"]}, headers=headers)
        assert answer.status == 202


@pytest.mark.parametrize(
    ("variable", "value", "path"),
    [
        ("WEB_ROUTE_PREFIX", "/lsq", "/lsq/-/healthy"),
        ("WEB_EXTERNAL_URL", OPS, "/leadsquared/-/healthy"),
        ("WEB_ROUTE_PREFIX", "/", "/-/healthy"),
    ],
)
def test_the_health_check_asks_where_the_exporter_of_its_environment_is(
    variable: str, value: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LEADSQUARED_EXPORTER_{variable}", value)
    with serving(Reply(200, b"healthy\n")) as server:
        assert main(["healthcheck", f"--url={server.url}"]) == 0
        assert main(["healthcheck", f"--url={server.url}/own"]) == 0

    assert [asked.path for asked in server.asked] == [path, "/own/-/healthy"]


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        (
            "--web.external-url=ops.example.com",
            "must be a URL such as https://ops.example.com/leadsquared, without user and query",
        ),
        (
            "--web.external-url=https://u:p@ops.example.com/",
            "must be a URL such as https://ops.example.com/leadsquared, without user and query",
        ),
        ("--web.route-prefix=/{x}", "must be a path such as /leadsquared"),
    ],
)
def test_a_prefix_that_does_not_fit_is_wrong_usage(
    flag: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([flag])

    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err
