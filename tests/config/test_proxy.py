"""Which proxy an account is called through."""

from base64 import b64decode
from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.config.settings import Account, Proxy
from exporter.errors import ConfigurationError
from exporter.leadsquared.endpoints import REGIONS

US = REGIONS["us"]
PROXY = "http://proxy.local:3128"


def account(folder: Path, environment: dict[str, str], *lines: str, url: str = US) -> Account:
    insecure = ["allow_insecure: true"] if url.startswith("http:") else []
    text = ["accounts:", "  - name: acme", *(f"    {one}" for one in (f"base_url: {url}", *insecure, *lines))]
    path = folder / "config.yaml"
    path.write_text("\n".join([*text, "    api_key: k", ""]))
    return load(path, environment=environment).accounts[0]


@pytest.mark.parametrize(
    ("url", "environment", "through"),
    [
        (US, {}, None),
        (US, {"HTTPS_PROXY": PROXY}, "proxy.local"),
        (US, {"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, "proxy.local"),
        (US, {"https_proxy": "", "HTTPS_PROXY": PROXY}, "proxy.local"),
        (US, {"HTTPS_PROXY": "proxy.local:3128"}, "proxy.local"),
        (US, {"HTTP_PROXY": PROXY}, None),
        ("http://app.local", {"HTTP_PROXY": PROXY, "HTTPS_PROXY": "http://other:1"}, "proxy.local"),
        ("https://localhost", {"HTTPS_PROXY": PROXY}, None),
        ("http://127.0.0.1:1", {"HTTP_PROXY": PROXY}, None),
        ("https://[::1]:1", {"HTTPS_PROXY": PROXY}, None),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        (US, {"HTTPS_PROXY": PROXY, "no_proxy": "a.example, .leadsquared.com"}, None),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "leadsquared.com"}, None),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "*.LEADSQUARED.com"}, None),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "asyncapi-us11.leadsquared.com:443"}, None),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "asyncapi-us11.leadsquared.com:444"}, "proxy.local"),
        (US, {"HTTPS_PROXY": PROXY, "NO_PROXY": "squared.com,com.,,"}, "proxy.local"),
        ("https://10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://10.1.2.3", {"HTTPS_PROXY": PROXY, "NO_PROXY": "11.0.0.0/8"}, "proxy.local"),
        ("https://[fd00::1]:8443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "[fd00::1]:8443"}, None),
        ("https://[fd00::1]:8443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::1"}, None),
    ],
)
def test_the_environment_names_a_proxy_and_the_hosts_that_need_none(
    tmp_path: Path, url: str, environment: dict[str, str], through: str | None
) -> None:
    found = account(tmp_path, environment, url=url).proxy
    assert (None if found is None else found.host) == through


def test_what_an_account_says_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {"HTTPS_PROXY": "https://not.fit"}
    assert account(tmp_path, environment, "proxy_url: none").proxy is None
    assert account(tmp_path, environment, f"proxy_url: {PROXY}").proxy == Proxy(host="proxy.local", port=3128)
    assert account(tmp_path, {}, "proxy_url: http://proxy.local").proxy == Proxy(host="proxy.local", port=80)


def test_user_and_password_are_sent_and_not_shown(tmp_path: Path) -> None:
    found = account(tmp_path, {}, "proxy_url: http://me%40acme:p%3Ass@proxy.local:3128")
    assert found.proxy is not None
    assert found.proxy.authorization is not None
    assert b64decode(found.proxy.authorization.reveal().removeprefix("Basic ")) == b"me@acme:p:ss"
    assert all(word not in repr(found) for word in ("acme:p", "p%3Ass", "p:ss", "bWVAYWNtZTpwOnNz"))


def test_a_proxy_of_the_environment_that_does_not_do_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        account(tmp_path, {"HTTPS_PROXY": "socks5://me:hidden@proxy.local:1080"})
    assert caught.value.problems == [
        f"{tmp_path}/config.yaml:2:5: accounts[0].proxy_url: HTTPS_PROXY of the environment must be http://HOST:PORT; "
        "or give proxy_url, got socks5://***@proxy.local:1080"
    ]


def test_files_of_tls_are_looked_for_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    found = account(tmp_path, {}, "tls: {server_name: api.local}").tls
    assert (found.ca_file, found.server_name) == (None, "api.local")
