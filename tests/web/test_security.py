import asyncio
import datetime
import logging
import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import bcrypt
import pytest
from aiohttp import ClientError, ClientSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporter.errors import ConfigurationError
from exporter.web.application import build
from exporter.web.listen import Listeners
from exporter.web.security import Security
from tests.web.twins import MemoryBackend, push

HASH = bcrypt.hashpw(b"pencil", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
Start = Callable[[str], Awaitable[str]]


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self._name, self._key, is_authority=True)
        self.path = folder / f"{name}.crt"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, common_name: str = "localhost") -> None:
        """Writes name.crt and name.key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._signed(subject, key, is_authority=False)
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / f"{name}.key").write_bytes(private)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server")
    return made


@pytest.fixture
async def start(tmp_path: Path, backend: MemoryBackend) -> AsyncIterator[Start]:
    """Starts a server with a web configuration and gives its URL, under localhost as the certificate has it."""
    running: list[Listeners] = []

    async def started(text: str) -> str:
        path = tmp_path / "web.yaml"
        path.write_text(text)
        security = Security(path)
        application = build(backend, telemetry_path="/metrics", enable_lifecycle=True, security=security)
        running.append(Listeners(application, ["127.0.0.1:0"], security=security))
        (url,) = await running[-1].start()
        return url.replace("127.0.0.1", "localhost")

    yield started
    for one in running:
        await one.stop()


def trusting(authority: Authority, client: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    if client is not None:
        context.load_cert_chain(authority.folder / f"{client}.crt", authority.folder / f"{client}.key")
    return context


async def get(
    url: str, path: str = "/metrics", *, tls: ssl.SSLContext | None = None, user: str = "", password: str = ""
) -> int:
    """The status of an answer over a new connection."""
    encoded = b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {encoded}"} if user else {}
    async with ClientSession() as client, client.get(f"{url}{path}", ssl=tls or True, headers=headers) as response:
        return response.status


def replace_file(path: Path, text: str) -> None:
    new = path.with_name("new")
    new.write_text(text)
    new.rename(path)


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
  client_auth_type: RequestClientCert
  min_version: TLS10
  cipher_suites: [RC4]
  curve_preferences: [CurveP256, CurveP384]
http_server_config:
  headers:
    X-Frame-Options: allow
    Server: me
basic_auth_users:
  alice: pencil
rate_limit: {}
"""
    found = problems(tmp_path, text)
    assert [problem.partition(", got")[0] for problem in found if "cipher" not in problem] == [
        "web.yaml:2:3: tls_server_config.key_file: is missing; must be the path of a file",
        "web.yaml:3:21: tls_server_config.client_auth_type: "
        "must be one of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
        "web.yaml:4:16: tls_server_config.min_version: must be one of TLS12, TLS13",
        "web.yaml:6:22: tls_server_config.curve_preferences: must be a list of 0 to 1 curves",
        "web.yaml:9:22: http_server_config.headers.X-Frame-Options: must be one of deny, sameorigin",
        "web.yaml:10:5: http_server_config.headers.Server: unknown key; allowed: Content-Security-Policy, "
        "X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
        "web.yaml:12:10: basic_auth_users.alice: must be a bcrypt hash, as `htpasswd -nBC 10` makes it",
        "web.yaml:13:1: rate_limit: unknown key; allowed: tls_server_config, http_server_config, basic_auth_users",
    ]
    assert not any("pencil" in problem for problem in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TLS + "  client_auth_type: VerifyClientCertIfGiven\n",
            "web.yaml:2:3: tls_server_config.client_ca_file: is missing; client_auth_type needs it",
        ),
        (
            TLS + "  client_ca_file: ca.crt\n",
            "web.yaml:2:3: tls_server_config.client_auth_type: must be one of "
            "VerifyClientCertIfGiven, RequireAndVerifyClientCert with a client_ca_file",
        ),
        (
            TLS + "  min_version: TLS13\n  max_version: TLS12\n",
            "web.yaml:5:16: tls_server_config.max_version: must not be below min_version",
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
