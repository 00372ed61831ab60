"""The web configuration that the exporters of the Prometheus project share: each shape of their examples, good and bad."""

import asyncio
import ssl
import textwrap
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigurationError
from exporter.web.answers import Refusal
from exporter.web.handshake import first_certificate, handshake, supported_groups
from exporter.web.limit import Limit
from exporter.web.security import Security
from exporter.web.settings import RateLimit
from tests.web.secured import HASH, TLS, Authority, Start, get, trusting

IF_GIVEN = TLS + "  client_auth_type: VerifyClientCertIfGiven\n"

GOOD = {
    "nothing": "",
    "any certificate": TLS + "  client_auth_type: RequireAnyClientCert\n",
    "any certificate, by its former name": TLS + "  client_auth_type: RequireClientCert\n",
    "a certificate asked for": TLS + "  client_auth_type: RequestClientCert\n",
    "no certificate": TLS + "  client_auth_type: NoClientCert\n",
    "no certificate, unsaid": TLS + '  client_auth_type: ""\n',
    "a certificate, and the system's authorities": TLS + "  client_auth_type: RequireAndVerifyClientCert\n",
    "a certificate if given, and the system's authorities": IF_GIVEN,
    "an authority": IF_GIVEN + "  client_ca_file: authority.crt\n",
    "names": TLS
    + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n"
    + "  client_allowed_sans: [one, two, three]\n",
    "all ciphers": IF_GIVEN
    + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
    + "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "
    + "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "
    + "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, "
    + "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "
    + "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]\n",
    "some ciphers": IF_GIVEN
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n"
    + "  min_version: TLS12\n  max_version: TLS12\n",
    "some ciphers in the order of the client": IF_GIVEN
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n"
    + "  prefer_server_cipher_suites: false\n  min_version: TLS12\n  max_version: TLS12\n",
    "a cipher that HTTP/2 does not want, without HTTP/2": IF_GIVEN
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\n"
    + "http_server_config: {http2: false}\n",
    "a cipher that HTTP/2 does not want, in TLS 1.3": TLS
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  min_version: TLS13\n",
    "all curves": IF_GIVEN + "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n",
    "one curve": IF_GIVEN + "  min_version: TLS13\n  curve_preferences: [CurveP521]\n",
    "no curve": TLS + "  curve_preferences: []\n",
    "former versions": TLS + "  min_version: TLS10\n  max_version: TLS13\n",
    "a former version": TLS + "  min_version: TLS11\n",
    "versions alone, which turn nothing on": "tls_server_config: {min_version: TLS12}\n",
    "an empty section": "tls_server_config: {}\n",
    "headers": "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    + "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n"
    + "    X-XSS-Protection: 1\n    Content-Security-Policy: \"default-src 'self'\"\n",
    "blank headers": 'http_server_config: {headers: {X-XSS-Protection: "", Content-Security-Policy: ""}}\n',
    "no rate": "rate_limit:\n  interval: 0\n  burst: 0\n",
    "a rate": 'rate_limit:\n  interval: "1s"\n  burst: 0\n',
    "a rate in parts": "rate_limit: {interval: 1m1.5s250ms, burst: 3}\n",
    "a rate in nanoseconds": "rate_limit: {interval: 1000, burst: 3}\n",
    "users": TLS + f"basic_auth_users: {{alice: {HASH}, bob: $2y$18${'a' * 53}}}\n",
    "users without TLS": f"basic_auth_users: {{alice: {HASH}}}\n",
    "no users": "basic_auth_users: {}\n",
}
BAD = {
    "no YAML": "aaa\nbbb\n",
    "an unknown key": "tls_server_config: {cert_filse: server.crt}\n",
    "a missing authority": TLS + "  client_ca_file: somefile\n",
    "an authority that nothing is checked by": TLS + "  client_ca_file: authority.crt\n",
    "a device for an authority": TLS + "  client_ca_file: /dev/null\n",
    "an authority as text that nothing is checked by": TLS + "  client_ca: text\n",
    "an unknown way to ask": TLS + "  client_auth_type: x\n",
    "an empty certificate path": 'tls_server_config: {cert_file: "", key_file: server.key}\n',
    "an empty key path": 'tls_server_config: {cert_file: server.crt, key_file: ""}\n',
    "empty paths": 'tls_server_config: {cert_file: "", key_file: "", client_auth_type: x}\n',
    "an empty certificate": 'tls_server_config: {cert: "", key_file: server.key}\n',
    "an empty key": 'tls_server_config: {cert_file: server.crt, key: ""}\n',
    "a missing certificate": "tls_server_config: {cert_file: somefile, key_file: server.key}\n",
    "a missing key": "tls_server_config: {cert_file: server.crt, key_file: somefile}\n",
    "both missing": "tls_server_config: {cert_file: somefile, key_file: somefile}\n",
    "a way to ask alone": "tls_server_config: {client_auth_type: RequireAnyClientCert}\n",
    "a text that is no certificate": "tls_server_config: {cert: text, key_file: server.key}\n",
    "an invented cipher": IF_GIVEN + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]\n",
    "an invented curve": IF_GIVEN + "  curve_preferences: [CurveP257]\n",
    "an invented version": IF_GIVEN + "  min_version: TLS111\n",
    "a cipher that HTTP/2 does not want": IF_GIVEN
    + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\n",
    "another header": "http_server_config: {headers: {Content-Type: foo}}\n",
    "another way to sniff": "http_server_config: {headers: {X-Content-Type-Options: sniff}}\n",
    "another way to frame": "http_server_config: {headers: {X-Frame-Options: foo}}\n",
    "a password in place of its hash": TLS + "basic_auth_users: {john: doe}\n",
    "a rate that is none": "rate_limit: {interval: 1 fortnight}\n",
    "a burst that is none": "rate_limit: {interval: 1s, burst: x}\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_example_is_accepted(name: str, authority: Authority) -> None:
    (authority.folder / "web.yaml").write_text(GOOD[name])
    Security(authority.folder / "web.yaml")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_example_is_refused(name: str, authority: Authority) -> None:
    (authority.folder / "web.yaml").write_text(BAD[name])
    with pytest.raises(ConfigurationError):
        Security(authority.folder / "web.yaml")


def inline(authority: Authority, *names: tuple[str, str]) -> str:
    texts = ((key, (authority.folder / file).read_text()) for key, file in names)
    return "tls_server_config:\n" + "".join(f"  {key}: |\n{textwrap.indent(text, '    ')}" for key, text in texts)


async def test_certificate_key_and_authority_may_stand_in_the_file_itself(
    start: Start,
    authority: Authority,
) -> None:
    authority.issue("client")
    text = inline(authority, ("cert", "server.crt"), ("key", "server.key"), ("client_ca", "authority.crt"))
    url = await start(text + "  client_auth_type: RequireAndVerifyClientCert\n")
    assert await get(url, tls=trusting(authority, "client")) == 200
    with pytest.raises(ClientError):
        await get(url, tls=trusting(authority))


def test_a_key_in_the_file_is_in_no_error(authority: Authority) -> None:
    text = inline(authority, ("cert", "server.crt"), ("key", "authority.crt"))
    (authority.folder / "web.yaml").write_text(text + "  cipher_suites: [x]\n")
    with pytest.raises(ConfigurationError) as caught:
        Security(authority.folder / "web.yaml")
    assert "BEGIN" not in str(caught.value)


def as_stranger(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A client that trusts the authority, and shows a certificate of another one."""
    (folder / "elsewhere").mkdir()
    stranger = Authority(folder / "elsewhere", "stranger")
    stranger.issue("client")
    shown = trusting(authority)
    shown.load_cert_chain(stranger.folder / "client.crt", stranger.folder / "client.key")
    return shown


@pytest.mark.parametrize("kind", ["RequireAnyClientCert", "RequireClientCert"])
async def test_any_certificate_will_do_where_one_is_asked_for_and_not_checked(
    kind: str,
    start: Start,
    authority: Authority,
    tmp_path: Path,
) -> None:
    url = await start(TLS + f"  client_auth_type: {kind}\n")
    shown = as_stranger(authority, tmp_path)
    for _ in range(3):
        assert await get(url, tls=shown) == 200
        with pytest.raises(ClientError):
            await get(url, tls=trusting(authority))


async def test_a_certificate_that_is_only_asked_for_keeps_nobody_out(
    start: Start,
    authority: Authority,
    tmp_path: Path,
) -> None:
    url = await start(TLS + "  client_auth_type: RequestClientCert\n")
    shown = as_stranger(authority, tmp_path)
    assert [await get(url, tls=one) for one in (shown, trusting(authority))] == [200, 200]


@pytest.mark.parametrize(
    ("kind", "names", "shown", "without"),
    [
        ("RequireAndVerifyClientCert", "[localhost]", True, False),
        ("RequireAndVerifyClientCert", "[other, localhost]", True, False),
        ("RequireAndVerifyClientCert", "[other]", False, False),
        ("RequireAndVerifyClientCert", "[]", False, False),
        ("VerifyClientCertIfGiven", "[other]", False, True),
        ("RequireAnyClientCert", "[other]", False, False),
        ("RequireAnyClientCert", "[localhost]", True, False),
        ("RequestClientCert", "[other]", False, True),
        ("RequestClientCert", "[localhost]", True, True),
    ],
)
async def test_a_certificate_has_to_have_one_of_the_allowed_names(
    kind: str,
    names: str,
    shown: bool,
    without: bool,
    start: Start,
    authority: Authority,
) -> None:
    authority.issue("client")
    ca = "  client_ca_file: authority.crt\n" if "Verify" in kind else ""
    url = await start(TLS + f"  client_auth_type: {kind}\n  client_allowed_sans: {names}\n" + ca)

    async def enters(tls: ssl.SSLContext) -> bool:
        try:
            return await get(url, tls=tls) == 200
        except ClientError:
            return False

    assert (await enters(trusting(authority, "client")), await enters(trusting(authority))) == (shown, without)


@pytest.mark.parametrize(
    ("curve", "fits"), [("secp384r1", True), ("secp521r1", True), ("prime256v1", False), ("X25519", False)]
)
async def test_of_several_curves_each_is_spoken_and_no_other(
    curve: str,
    fits: bool,
    start: Start,
    authority: Authority,
) -> None:
    url = await start(TLS + "  curve_preferences: [CurveP384, CurveP521]\n")
    tls = trusting(authority)
    # In TLS 1.2 a client's curves are those of certificates too.
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.set_ecdh_curve(curve)
    if fits:
        assert await get(url, tls=tls) == 200
    else:
        with pytest.raises(ClientError):
            await get(url, tls=tls)


async def test_a_rate_limit_answers_429_but_to_health_checks(start: Start, tmp_path: Path) -> None:
    url = await start("rate_limit: {interval: 1h, burst: 2}\n")
    assert [await get(url) for _ in range(3)] == [200, 200, 429]
    assert await get(url, "/-/healthy") == 200
    async with ClientSession() as client, client.get(url) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "3600")
    (tmp_path / "web.yaml").write_text("rate_limit: {interval: 0, burst: 0}\n")
    assert [await get(url) for _ in range(3)] == [200] * 3


def test_a_bucket_fills_up_again_to_its_burst() -> None:
    limit = Limit(RateLimit(interval=10.0, burst=2))

    def passes(now: float) -> bool:
        try:
            limit.check(now)
        except Refusal:
            return False
        return True

    assert [passes(now) for now in (0.0, 0.0, 0.0, 9.0, 10.0, 10.0, 100.0, 100.0, 100.0)] == [
        True, True, False, False, True, False, True, True, False
    ]  # fmt: skip
    with pytest.raises(Refusal):
        Limit(RateLimit(interval=1.0, burst=0)).check(0.0)
    Limit(None).check(0.0)


async def test_a_handshake_in_pieces_is_read_like_a_whole_one(start: Start, authority: Authority) -> None:
    """Byte by byte, through a proxy that cuts."""
    authority.issue("client")
    for extra in ("  curve_preferences: [CurveP384, CurveP521]\n", "  client_auth_type: RequireAnyClientCert\n"):
        url = await start(TLS + extra)
        port = int(url.rpartition(":")[2])

        async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, port: int = port) -> None:
            inner, outer = await asyncio.open_connection("127.0.0.1", port)

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while part := await source.read(7):
                    sink.write(part)
                    await sink.drain()
                sink.close()

            await asyncio.gather(pump(reader, outer), pump(inner, writer), return_exceptions=True)

        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        through = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        assert await get(through, tls=trusting(authority, "client")) == 200
        server.close()
        await asyncio.sleep(0.05)


@given(st.binary(max_size=300))
def test_whatever_comes_in_place_of_a_handshake_is_read_without_an_error(given_: bytes) -> None:
    for told in (given_, b"\x16\x03\x01\x00\x40" + given_, b"\x16\x03\x01\x00\x40\x01\x00\x00\x10" + given_):
        message = handshake(told) or b""
        assert isinstance(supported_groups(message), list)
        assert isinstance(first_certificate(message), bytes)
        assert isinstance(first_certificate(b"\x0b" + message), bytes)
        assert isinstance(supported_groups(b"\x01" + message), list)
