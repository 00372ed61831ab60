import asyncio
import logging
import os
import ssl
from pathlib import Path

import bcrypt
import pytest
from aiohttp import ClientError, ClientSession

from exporter.errors import ConfigurationError
from exporter.web.security import Security
from tests.web.secured import HASH, TLS, Authority, Start, get, replace_file, trusting
from tests.web.twins import MemoryBackend, push


async def served_name(url: str, tls: ssl.SSLContext) -> str:
    """The common name in the certificate that a new connection is shown."""
    port = int(url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost")
    certificate = writer.get_extra_info("ssl_object").getpeercert()
    writer.close()
    return str(dict(pair for part in certificate["subject"] for pair in part)["commonName"])


async def test_an_empty_file_changes_nothing(start: Start) -> None:
    url = await start("")
    assert url.startswith("http://")
    assert await get(url) == 200


async def test_tls_is_spoken_with_the_certificate_of_the_file(start: Start, authority: Authority) -> None:
    url = await start(TLS)
    assert url.startswith("https://")
    assert await get(url, tls=trusting(authority)) == 200
    with pytest.raises(ClientError):
        await get(url.replace("https", "http"))


async def test_a_new_certificate_needs_no_restart(start: Start, authority: Authority) -> None:
    url = await start(TLS)
    assert await served_name(url, trusting(authority)) == "localhost"
    authority.issue("server", common_name="renewed")
    assert await served_name(url, trusting(authority)) == "renewed"


async def test_a_broken_certificate_keeps_the_old_one_and_is_logged_once(
    start: Start, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    url = await start(TLS)
    (authority.folder / "server.crt").write_text("nothing")
    assert await served_name(url, trusting(authority)) == "localhost"
    assert await served_name(url, trusting(authority)) == "localhost"
    told = [record for record in caplog.records if record.name == "exporter.web.security"]
    assert [(record.levelno, record.getMessage()) for record in told] == [
        (logging.ERROR, "web configuration can't be used; the old one stays")
    ]
    authority.issue("server", common_name="mended")
    assert await served_name(url, trusting(authority)) == "mended"


async def test_client_certificates_are_checked(start: Start, authority: Authority) -> None:
    authority.issue("client")
    url = await start(TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n")
    assert await get(url, tls=trusting(authority, "client")) == 200
    with pytest.raises(ClientError):
        await get(url, tls=trusting(authority))


async def test_an_authority_that_was_taken_out_is_trusted_no_more(start: Start, authority: Authority) -> None:
    authority.issue("client")
    text = TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: {}.crt\n"
    url = await start(text.format("authority"))
    assert await get(url, tls=trusting(authority, "client")) == 200
    Authority(authority.folder, "other")
    replace_file(authority.folder / "web.yaml", text.format("other"))
    with pytest.raises(ClientError):
        await get(url, tls=trusting(authority, "client"))
    assert await get(url, tls=trusting(authority)) == 200


async def test_versions_and_ciphers_are_those_of_the_file(start: Start, authority: Authority) -> None:
    url = await start(
        TLS
        + "  max_version: TLS12\n  curve_preferences: [CurveP384]\n  prefer_server_cipher_suites: false\n"
        + "  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"
        + "http_server_config: {http2: false}\n"
    )
    port = int(url.rpartition(":")[2])
    tls = trusting(authority)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost")
    assert writer.get_extra_info("cipher")[:2] == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2")
    writer.close()
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ClientError):
        await get(url, tls=tls)


async def test_tls_is_not_turned_off_without_a_restart(start: Start, authority: Authority) -> None:
    url = await start(TLS)
    replace_file(authority.folder / "web.yaml", "")
    assert await get(url, tls=trusting(authority)) == 200


async def test_a_user_with_the_right_password_is_let_in(start: Start) -> None:
    url = await start(f"basic_auth_users:\n  alice: {HASH}\n  bob: {HASH}\n")
    assert await get(url) == 401
    assert await get(url, user="alice", password="pencil") == 200
    assert await get(url, user="bob", password="pencil") == 200
    assert await get(url, user="alice", password="wrong") == 401
    assert await get(url, user="mallory", password="pencil") == 401
    assert await get(url, "/requests") == 401


async def test_a_refused_user_is_told_how(start: Start) -> None:
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    async with ClientSession() as client, client.get(f"{url}/api/v1/requests") as response:
        assert response.headers["WWW-Authenticate"] == 'Basic realm="leadsquared-exporter"'
        assert await response.json() == {"error": "user and password are needed", "details": []}


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic YQ==", "Basic /w==", "Bearer alice:pencil", "x"])
async def test_credentials_that_are_none_are_refused(start: Start, header: str) -> None:
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    async with ClientSession(headers={"Authorization": header}) as client, client.get(url) as response:
        assert response.status == 401


async def test_health_needs_no_password(start: Start) -> None:
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    assert [await get(url, path) for path in ("/-/healthy", "/-/ready")] == [200, 200]


async def test_the_token_of_a_push_source_takes_the_place_of_the_password(start: Start, backend: MemoryBackend) -> None:
    backend.pushes = [push("s3cret")]
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    for token, status in (("s3cret", 202), ("wrong", 401)):
        async with ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
            async with client.post(f"{url}/api/v1/requests", json={"request_ids": ["a"]}) as response:
                assert response.status == status
            async with client.get(f"{url}/api/v1/requests") as response:
                assert response.status == 401


async def test_a_flood_of_guesses_and_a_reload_lock_no_scrape_out(start: Start, tmp_path: Path) -> None:
    """Guessed at from the same address, and whatever of the file changes meanwhile."""
    hashed = bcrypt.hashpw(b"pencil", bcrypt.gensalt(10)).decode()
    users = f"basic_auth_users: {{alice: {hashed}}}\n"
    url = await start(users)
    assert await get(url, user="alice", password="pencil") == 200
    guesses = [asyncio.create_task(get(url, user="alice", password=str(guess))) for guess in range(40)]
    found = []
    for scrape in range(10):
        replace_file(tmp_path / "web.yaml", f"{users}# {scrape}\n")
        found.append(await get(url, user="alice", password="pencil"))
    assert found == [200] * 10
    assert {*await asyncio.gather(*guesses)} <= {401, 429}


async def test_a_changed_password_counts_at_once(start: Start, tmp_path: Path) -> None:
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    assert await get(url, user="alice", password="pencil") == 200
    changed = bcrypt.hashpw(b"brush", bcrypt.gensalt(4)).decode()
    replace_file(tmp_path / "web.yaml", f"basic_auth_users: {{alice: {changed}}}")
    assert await get(url, user="alice", password="pencil") == 401
    assert await get(url, user="alice", password="brush") == 200


async def test_a_broken_or_missing_file_keeps_the_passwords(start: Start, tmp_path: Path) -> None:
    url = await start(f"basic_auth_users: {{alice: {HASH}}}")
    replace_file(tmp_path / "web.yaml", "basic_auth_users: {alice: pencil}")
    assert await get(url) == 401
    assert await get(url, user="alice", password="pencil") == 200
    (tmp_path / "web.yaml").unlink()
    assert await get(url) == 401
    assert await get(url, user="alice", password="pencil") == 200


async def test_headers_of_the_file_are_sent(start: Start) -> None:
    url = await start(
        "http_server_config:\n  http2: true\n  headers:\n"
        "    Strict-Transport-Security: max-age=600\n    Content-Security-Policy: default-src 'self'\n"
    )
    async with ClientSession() as client, client.get(f"{url}/nothing") as response:
        assert response.headers["Strict-Transport-Security"] == "max-age=600"
        assert response.headers["Content-Security-Policy"] == "default-src 'self'"


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "web.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        Security(path)
    return [problem.replace(f"{tmp_path}{os.sep}", "") for problem in caught.value.problems]


def test_every_mistake_of_the_file_is_told_with_its_place(tmp_path: Path) -> None:
    text = """tls_server_config:
  cert_file: server.crt
  client_auth_type: AskNicely
  min_version: SSL30
  cipher_suites: [RC4]
  curve_preferences: [CurveP256, CurveP257]
http_server_config:
  headers:
    X-Frame-Options: allow
    Server: me
basic_auth_users:
  alice: pencil
rate_limit: {interval: soon, burst: -1}
nonsense: {}
"""
    found = problems(tmp_path, text)
    assert [problem.partition(", got")[0] for problem in found if "cipher" not in problem] == [
        "web.yaml:2:3: tls_server_config.key_file: is missing; "
        "must be the path of a file, or key the private key itself",
        "web.yaml:3:21: tls_server_config.client_auth_type: must be one of NoClientCert, RequestClientCert, "
        "RequireAnyClientCert, RequireClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, ",
        "web.yaml:4:16: tls_server_config.min_version: must be one of TLS10, TLS11, TLS12, TLS13",
        "web.yaml:6:34: tls_server_config.curve_preferences[1]: must be one of CurveP256, CurveP384, CurveP521, X25519",
        "web.yaml:9:22: http_server_config.headers.X-Frame-Options: must be one of deny, sameorigin",
        "web.yaml:10:5: http_server_config.headers.Server: unknown key; allowed: Content-Security-Policy, "
        "X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
        "web.yaml:12:10: basic_auth_users.alice: must be a bcrypt hash, as `htpasswd -nBC 10` makes it",
        "web.yaml:13:24: rate_limit.interval: must be a duration such as 1s, 500ms or 1m30s, or 0",
        "web.yaml:13:37: rate_limit.burst: must be an integer >= 0",
        "web.yaml:14:1: nonsense: unknown key; "
        "allowed: tls_server_config, http_server_config, rate_limit, basic_auth_users",
    ]
    assert not any("pencil" in problem for problem in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TLS + "  client_auth_type: RequireAnyClientCert\n  min_version: TLS13\n",
            "web.yaml:5:16: tls_server_config.min_version: "
            "must be TLS12 at most with client_auth_type RequireAnyClientCert",
        ),
        (
            TLS + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n",
            "web.yaml:4:18: tls_server_config.cipher_suites: must have one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, unless http2 is false",
        ),
        (
            TLS + "  client_ca_file: ca.crt\n",
            "web.yaml:2:3: tls_server_config.client_auth_type: must be one of "
            "RequestClientCert, RequireAnyClientCert, RequireClientCert, VerifyClientCertIfGiven, "
            "RequireAndVerifyClientCert with a client_ca_file",
        ),
        (
            TLS + "  min_version: TLS13\n  max_version: TLS12\n",
            "web.yaml:5:16: tls_server_config.max_version: must not be below min_version (TLS13)",
        ),
        (TLS, "server.crt: there is no such file"),
        (b"\xff", "web.yaml: it is not UTF-8"),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert problems(tmp_path, text) == [told]


def test_a_file_that_is_no_yaml_is_told_with_its_place(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "a: [\n")
    assert told.startswith("web.yaml:2:1: not usable YAML: ")


def test_a_key_of_another_certificate_is_told(tmp_path: Path, authority: Authority) -> None:
    authority.issue("other")
    (tmp_path / "other.key").rename(tmp_path / "server.key")
    assert problems(tmp_path, TLS) == ["tls_server_config: server.crt, server.key: can't be used: key values mismatch"]


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Security(tmp_path / "web.yaml")
    assert caught.value.problems == [
        f"{tmp_path / 'web.yaml'}: there is no such file; --web.config.file names the web configuration file"
    ]
