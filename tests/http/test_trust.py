"""Whom the client trusts, and how it shows who it is."""

import asyncio
import shutil
import ssl
from pathlib import Path

import pytest

from exporter.config.settings import Tls
from exporter.http import client as module
from exporter.http.place import place
from exporter.http.trouble import HttpTrouble, NoConnectionError
from tests.certificates import self_signed, server_context
from tests.http.stage import Remote, ask, calling, listening

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def own(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return self_signed(folder / name)


async def test_an_answer_over_tls_may_come_in_any_pieces(tmp_path: Path) -> None:
    certificate = own(tmp_path, "server")
    remote = Remote(lambda _: [OK[place : place + 1] for place in range(len(OK))])
    async with listening(remote.serve, tls=server_context(certificate)) as port, calling() as client:
        where = place(f"https://127.0.0.1:{port}", None, Tls(ca_file=str(certificate)))
        for _ in range(3):
            assert (await ask(client, where))[1] == b"hi"
    assert remote.connections == 1


async def test_an_authority_that_replaces_another_is_trusted_by_the_next_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, certificate = own(tmp_path, "former"), own(tmp_path, "server")
    trusted = tmp_path / "ca.pem"
    shutil.copy(former, trusted)
    remote = Remote(lambda _: [OK])
    async with listening(remote.serve, tls=server_context(certificate)) as port, calling() as client:
        where = place(f"https://127.0.0.1:{port}", None, Tls(ca_file=str(trusted)))
        with pytest.raises(NoConnectionError, match="certificate can't be verified"):
            await ask(client, where)
        shutil.copy(certificate, trusted)
        await ask(client, where)
        trusted.unlink()
        await ask(client, where)
        monkeypatch.setattr(module, "OLDEST_SECONDS", 0.0)
        with pytest.raises(NoConnectionError, match=r"^tls can't be used: .*ca\.pem: there is no such file$"):
            await ask(client, where)
    assert remote.connections == 1


@pytest.mark.parametrize("shown", [True, False])
async def test_a_server_that_asks_who_calls_is_shown_the_certificate_that_is_given(shown: bool, tmp_path: Path) -> None:
    certificate, mine = own(tmp_path, "server"), own(tmp_path, "client")
    context = server_context(certificate)
    context.load_verify_locations(mine)
    context.verify_mode = ssl.CERT_REQUIRED
    remote = Remote(lambda _: [OK])
    async with listening(remote.serve, tls=context) as port, calling() as client:
        tls = Tls(ca_file=str(certificate), cert_file=str(mine) if shown else None)
        where = place(f"https://127.0.0.1:{port}", None, tls)
        if shown:
            assert (await ask(client, where))[1] == b"hi"
        else:
            # With TLS 1.3 the server says so only after the client has begun.
            with pytest.raises(HttpTrouble):
                await ask(client, where)
    assert len(remote.heads) == shown


@pytest.mark.parametrize(("name", "fits"), [("127.0.0.1", True), ("localhost", False)])
async def test_the_certificate_has_to_hold_the_name_that_is_given(name: str, fits: bool, tmp_path: Path) -> None:
    certificate = own(tmp_path, "server")
    remote = Remote(lambda _: [OK])
    async with listening(remote.serve, tls=server_context(certificate)) as port, calling() as client:
        tls = Tls(ca_file=str(certificate), server_name=name)
        where = place(f"https://127.0.0.1:{port}", None, tls)
        if fits:
            assert (await ask(client, where))[1] == b"hi"
        else:
            with pytest.raises(NoConnectionError, match="certificate can't be verified"):
                await ask(client, where)
    assert len(remote.heads) == fits


async def test_a_server_that_speaks_no_tls_was_never_called() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await reader.read()
        writer.close()

    async with listening(serve) as port, calling() as client:
        with pytest.raises(NoConnectionError):
            await ask(client, place(f"https://127.0.0.1:{port}", None, Tls()))
