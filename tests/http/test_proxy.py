"""Calls through a real proxy."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import Proxy, Tls
from exporter.http.place import Place, place
from exporter.http.trouble import NoConnectionError
from tests.certificates import self_signed, server_context
from tests.e2e.processes import free_port
from tests.http.stage import Remote, ask, calling, eventually, listening
from tests.servers import ProxyServer, proxy_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
USER, PASSWORD = "exporter", "hidden-word"


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ProxyServer]]:
    with (
        proxy_server(tmp_path_factory.mktemp("open")) as anybody,
        proxy_server(tmp_path_factory.mktemp("closed"), user=USER, password=PASSWORD) as closed,
    ):
        yield {"open": anybody, "closed": closed}


def through(server: ProxyServer, password: str | None) -> Proxy:
    if password is None:
        return Proxy(host="127.0.0.1", port=server.port)
    credentials = b64encode(f"{USER}:{password}".encode()).decode()
    return Proxy(host="127.0.0.1", port=server.port, authorization=InlineSecret(f"Basic {credentials}"))


@pytest.mark.parametrize(("kind", "password"), [("open", None), ("closed", PASSWORD)])
async def test_calls_in_clear_text_pass_a_proxy_over_a_connection_each(
    kind: str, password: str | None, proxies: dict[str, ProxyServer]
) -> None:
    remote = Remote(lambda _: [OK])
    async with listening(remote.serve) as port, calling() as client:
        where = place(f"http://127.0.0.1:{port}", through(proxies[kind], password))
        for _ in range(2):
            answer, body = await ask(client, where)
            assert (answer.status, body) == (200, b"hi")
        assert remote.connections == 2
    assert all(head.startswith(b"GET /a?b=c HTTP/1.") for head in remote.heads)
    assert all(f"\r\nHost: 127.0.0.1:{port}\r\n".encode() in head for head in remote.heads)
    assert b"roxy-Authorization" not in b"".join(remote.heads)
    assert f"http://127.0.0.1:{port}/a?b=c" in proxies[kind].log.read_text()


@pytest.mark.parametrize(("kind", "password"), [("open", None), ("closed", PASSWORD)])
async def test_tls_passes_a_proxy_through_a_tunnel_that_is_kept(
    kind: str, password: str | None, proxies: dict[str, ProxyServer], tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    remote = Remote(lambda _: [OK[:20], OK[20:]])
    async with listening(remote.serve, tls=server_context(certificate)) as port, calling() as client:
        where = place(f"https://127.0.0.1:{port}", through(proxies[kind], password), Tls(ca_file=str(certificate)))
        for _ in range(3):
            answer, body = await ask(client, where)
            assert (answer.status, body) == (200, b"hi")
        assert client.open == 1
    assert remote.connections == 1
    assert remote.heads == [f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()] * 3
    assert f"CONNECT 127.0.0.1:{port}" in proxies[kind].log.read_text()


async def test_a_certificate_is_verified_behind_a_tunnel_too(proxies: dict[str, ProxyServer], tmp_path: Path) -> None:
    remote = Remote(lambda _: [OK])
    async with listening(remote.serve, tls=server_context(self_signed(tmp_path))) as port, calling() as client:
        with pytest.raises(NoConnectionError, match="certificate"):
            await ask(client, place(f"https://127.0.0.1:{port}", through(proxies["open"], None)))
        assert client.open == 0
    assert remote.heads == []


async def test_a_proxy_that_wants_another_password_is_told_of_without_ours(proxies: dict[str, ProxyServer]) -> None:
    async with calling() as client:
        proxy = through(proxies["closed"], "wrong-hidden")
        with pytest.raises(NoConnectionError) as caught:
            await ask(client, place("https://127.0.0.1:1", proxy))
        assert str(caught.value) in [
            f"the proxy answers CONNECT with HTTP status {status}; check proxy_url" for status in (401, 407)
        ]
        answer, _ = await ask(client, place("http://127.0.0.1:1", proxy))
        assert answer.status in (401, 407)


async def test_a_server_that_a_proxy_does_not_reach_was_never_called(proxies: dict[str, ProxyServer]) -> None:
    async with calling() as client:
        with pytest.raises(
            NoConnectionError, match=r"^the proxy answers CONNECT with HTTP status 5\d\d; check proxy_url$"
        ):
            await ask(client, place(f"https://127.0.0.1:{free_port()}", through(proxies["open"], None)))


async def test_a_proxy_that_is_not_there_was_never_called() -> None:
    async with calling() as client:
        for url in ("http://127.0.0.1:1", "https://127.0.0.1:1"):
            with pytest.raises(NoConnectionError):
                await ask(client, place(url, Proxy(host="127.0.0.1", port=free_port())))


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nabc",
        b"SSH-2.0\r\n",
        b"",
    ],
)
async def test_a_proxy_that_answers_otherwise_than_a_proxy_is_not_trusted(told: bytes) -> None:
    remote = Remote(lambda _: [told], keep=False)
    async with listening(remote.serve) as port, calling() as client:
        with pytest.raises(NoConnectionError):
            await ask(client, place("https://127.0.0.1:1", Proxy(host="127.0.0.1", port=port)))
        await eventually(lambda: client.open == 0)
    assert remote.heads == [b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"]


def test_places_are_the_same_where_all_of_them_is_the_same() -> None:
    def one(url: str = "https://a.example", port: int = 1, key: str = "x", ca: str = "ca") -> Place:
        proxy = Proxy(host="p", port=port, authorization=InlineSecret(key))
        return place(url, proxy, Tls(ca_file=ca))

    assert one() is one()
    assert len({one(), one(port=2), one(key="y"), one(ca="other"), one("https://b.example")}) == 5
