from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.config.settings import (
    Api,
    FileSource,
    GatewaySource,
    Polling,
    PushSource,
    RateLimit,
    Settings,
    StaticSource,
)
from exporter.leadsquared.endpoints import BY_NAME, ENDPOINTS, PLANS, REGIONS

ACCOUNT = """\
accounts:
  - name: acme
    region: us
    api_key_env: ACME_KEY
"""
PUSH = "sources: [{type: push}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(text: str, folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    (folder / "config.yaml").write_text(text)
    return load("config.yaml", environment={"ACME_KEY": "key-of-acme"} if environment is None else environment)


def test_the_smallest_file_has_all_defaults(folder: Path) -> None:
    settings = settings_of(ACCOUNT + PUSH, folder)
    (account,) = settings.accounts
    assert (account.name, account.base_url) == ("acme", REGIONS["us"])
    assert account.api_key.reveal() == "key-of-acme"
    assert account.rate_limit == RateLimit()
    lead_update = BY_NAME["lead_update"]
    expected = Api(name="lead_update", status_path=lead_update.status_path, metrics_path=lead_update.metrics_path)
    assert account.apis == {"lead_update": expected}
    assert settings == Settings(accounts=(account,), sources=settings.sources)
    assert settings.warnings == ()


def test_sources_left_empty_are_none(folder: Path) -> None:
    settings = settings_of(ACCOUNT + "sources:\n", folder)
    assert settings.sources == ()
    assert settings.warnings == ("config.yaml:5:9: sources: has no source; without one nothing is watched",)


def test_sections_left_empty_have_their_defaults(folder: Path) -> None:
    empty = "polling:\nqueue_metrics:\ncache: {}\nstorage:\nmetrics:\n"
    full = settings_of(ACCOUNT + "    rate_limit:\n    apis:\n" + PUSH + empty, folder)
    assert full == settings_of(ACCOUNT + PUSH, folder)


def test_every_given_value_arrives(folder: Path) -> None:
    text = (
        "accounts:\n"
        "  - name: no\n"
        "    base_url: https://lsq.example.com:8443/\n"
        "    api_key_env: ACME_KEY\n"
        "    rate_limit: {calls: 100, period: 10s, daily: 5000, share: 0.29}\n"
        "    apis:\n"
        "      call_log: {status_path: /s, metrics_path: null, request_id_param: RequestId}\n"
        "polling: {timeout: 1500ms, max_staleness: 1h30m, stuck_after: 2h, give_up_after: 2d, error_grace: 0,\n"
        "          not_found_attempts: 2, policy: round_robin}\n"
        "queue_metrics: {interval: 2m}\n"
        "cache: {finished_ttl: 1m, max_entries: 5}\n"
        "storage: {url: 'memory://', retention: 1w, max_pending: 7}\n"
        "metrics: {duration_buckets: [0.5, 1, 1e3], max_reasons: 3}\n"
    )
    settings = settings_of(text + PUSH, folder)
    (account,) = settings.accounts
    assert (account.name, account.base_url) == ("no", "https://lsq.example.com:8443")
    assert account.rate_limit == RateLimit(calls=100, period=10.0, daily=5000, share=Fraction(29, 100))
    assert account.rate_limit.allowed == 29
    expected = Api(name="call_log", status_path="/s", metrics_path=None, request_id_param="RequestId")
    assert account.apis == {"call_log": expected}
    assert settings.polling == Polling(
        timeout=1.5,
        max_staleness=5400.0,
        stuck_after=7200.0,
        give_up_after=172800.0,
        error_grace=0.0,
        not_found_attempts=2,
        policy="round_robin",
    )
    assert settings.queue_metrics_interval == 120.0
    assert (settings.cache.finished_ttl, settings.cache.max_entries) == (60.0, 5)
    assert (settings.storage.url, settings.storage.retention, settings.storage.max_pending) == (
        "memory://",
        604800.0,
        7,
    )
    assert (settings.metrics.duration_buckets, settings.metrics.max_reasons) == ((0.5, 1.0, 1000.0), 3)


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_stands_for_its_calls(plan: str, folder: Path) -> None:
    (account,) = settings_of(ACCOUNT + f"    rate_limit: {{plan: {plan}}}\n" + PUSH, folder).accounts
    assert account.rate_limit == RateLimit(calls=PLANS[plan])


def test_empty_apis_have_the_paths_of_their_endpoints(folder: Path) -> None:
    text = ACCOUNT + "    apis:\n" + "".join(f"      {one.name}:\n" for one in ENDPOINTS) + PUSH
    (account,) = settings_of(text, folder).accounts
    assert list(account.apis.values()) == [
        Api(name=one.name, status_path=one.status_path, metrics_path=one.metrics_path) for one in ENDPOINTS
    ]


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:8080", "HTTP://a.localhost"],
)
def test_plain_http_is_allowed_to_loopback(url: str, folder: Path) -> None:
    (account,) = settings_of(ACCOUNT.replace("region: us", f"base_url: '{url}'") + PUSH, folder).accounts
    assert account.base_url == url


def test_plain_http_is_allowed_anywhere_when_asked_for(folder: Path) -> None:
    text = ACCOUNT.replace("region: us", "base_url: http://10.0.0.1\n    allow_insecure: true")
    (account,) = settings_of(text + PUSH, folder).accounts
    assert account.base_url == "http://10.0.0.1"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("memory://", "memory://"),
        ("sqlite:///./state.db", "sqlite:///./state.db"),
        ("sqlite:///state.db", "sqlite:///./state.db"),
        ("sqlite:///./data/state.db", "sqlite:///./data/state.db"),
        ("sqlite:///../state.db", "sqlite:///../state.db"),
        ("sqlite:///var/lib/leadsquared-exporter/state.db", "sqlite:////var/lib/leadsquared-exporter/state.db"),
        ("sqlite:////var/lib/leadsquared-exporter/state.db", "sqlite:////var/lib/leadsquared-exporter/state.db"),
    ],
)
def test_a_storage_url_is_brought_into_one_spelling(given: str, read: str, folder: Path) -> None:
    assert settings_of(f"{ACCOUNT}{PUSH}storage: {{url: '{given}'}}\n", folder).storage.url == read


def test_a_storage_folder_that_does_not_exist_is_warned_of(folder: Path) -> None:
    settings = settings_of(ACCOUNT + PUSH + "storage: {url: 'sqlite:////no/such/folder/state.db'}\n", folder)
    line = (ACCOUNT + PUSH).count("\n") + 1
    assert settings.warnings == (
        f"config.yaml:{line}:16: storage.url: the folder /no/such/folder does not exist; without it the exporter does not start",
    )


def test_relative_paths_start_in_the_folder_of_the_file(folder: Path) -> None:
    (folder / "a[1]/keys").mkdir(parents=True)
    (folder / "a[1]/keys/acme.key").write_text("key-of-acme\n")
    (folder / "a[1]/push.token").write_text("token\n")
    sources = (
        "sources:\n  - {type: file, paths: ['ids/*.yaml', /var/ids.txt]}\n  - {type: push, token_file: push.token}\n"
    )
    text = ACCOUNT.replace("api_key_env: ACME_KEY", "api_key_file: keys/acme.key") + sources
    (folder / "a[1]/config.yaml").write_text(text)
    settings = load(Path("a[1]/config.yaml"), environment={})
    files, push = settings.sources
    assert settings.accounts[0].api_key.reveal() == "key-of-acme"
    assert isinstance(files, FileSource)
    assert files.paths == ("a[[]1]/ids/*.yaml", "/var/ids.txt")
    assert isinstance(push, PushSource)
    assert push.token is not None
    assert push.token.reveal() == "token"


def test_sources_without_a_name_are_named_by_their_type(folder: Path) -> None:
    static = "{type: static, account: acme, request_ids: [a]"
    text = f"sources: [{static}}}, {static}, name: static-2}}, {static}}}, {{type: push}}, {static}, name: own}}]\n"
    settings = settings_of(ACCOUNT + text, folder)
    assert [source.name for source in settings.sources] == ["static", "static-2", "static-3", "push", "own"]


def test_ids_are_texts_whatever_they_look_like(folder: Path) -> None:
    text = "sources: [{type: static, account: acme, request_ids: [123, 0x10, no, 1e3, 2026-01-31]}]\n"
    (source,) = settings_of(ACCOUNT + text, folder).sources
    assert source == StaticSource(
        account="acme", api="lead_update", request_ids=("123", "0x10", "no", "1e3", "2026-01-31"), name="static"
    )


def test_groups_go_to_the_only_account(folder: Path) -> None:
    assert settings_of(ACCOUNT + PUSH, folder).sources == (
        PushSource(account="acme", api="lead_update", token=None, name="push"),
    )


def test_groups_have_to_name_one_of_several_accounts(folder: Path) -> None:
    second = ACCOUNT.replace("accounts:\n", "").replace("acme", "other") + "    apis: {call_log: }\n"
    text = ACCOUNT + second + "sources: [{type: push}, {type: push, account: other}, {type: push, api: call_log}]\n"
    assert settings_of(text, folder).sources == (
        PushSource(account=None, api="lead_update", token=None, name="push"),
        PushSource(account="other", api=None, token=None, name="push-2"),
        PushSource(account=None, api="call_log", token=None, name="push-3"),
    )


def test_an_alias_stands_for_its_value(folder: Path) -> None:
    second = ACCOUNT.replace("accounts:\n", "").replace("acme", "other") + "    rate_limit: *limit\n"
    text = ACCOUNT + "    rate_limit: &limit {calls: 10}\n" + second + PUSH
    settings = settings_of(text, folder)
    assert [account.rate_limit.calls for account in settings.accounts] == [10, 10]


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(folder: Path) -> None:
    (folder / "config.yaml").write_bytes(b"\xef\xbb\xbf" + (ACCOUNT + PUSH).replace("\n", "\r\n").encode())
    assert load("config.yaml", environment={"ACME_KEY": "k"}).accounts[0].name == "acme"


def test_a_gateway_has_its_defaults_and_is_warned_of_where_keys_would_cross_the_network(folder: Path) -> None:
    text = "sources:\n" + "".join(
        f"  - {{type: gateway, account: acme, listen: '{address}'}}\n"
        for address in ("127.0.0.1:0", "[::1]:0", ":10041")
    )
    settings = settings_of(ACCOUNT + text, folder)
    assert settings.sources[0] == GatewaySource(account="acme", listen="127.0.0.1:0", name="gateway")
    assert settings.warnings == (
        "config.yaml:8:44: sources[2].listen: is not on loopback: the application's keys cross the network to it in clear text",
    )


def test_every_value_of_a_gateway_arrives(folder: Path) -> None:
    text = "listen: 'h:1', shape: all, max_wait: 1s, record_timeout: 10ms, timeout: 1m, name: sidecar"
    settings = settings_of(f"{ACCOUNT}sources:\n  - {{type: gateway, account: acme, {text}}}\n", folder)
    assert settings.sources == (
        GatewaySource(
            account="acme",
            listen="h:1",
            shape="all",
            max_wait=1.0,
            record_timeout=0.01,
            timeout=60.0,
            name="sidecar",
        ),
    )


def test_warnings_are_told_in_the_order_of_the_file(folder: Path) -> None:
    text = (
        "polling: {give_up_after: 1h}\n"
        + ACCOUNT.replace("api_key_env: ACME_KEY", "api_key: key-of-acme")
        + "sources: []\n"
    )
    settings = settings_of(text, folder)
    assert settings.polling.policy == "learned"
    assert settings.warnings == (
        "config.yaml:1:26: polling.give_up_after: give_up_after (1h) is shorter than error_grace (10h): "
        "a request in ERROR is given up before the error is final",
        "config.yaml:5:14: accounts[0].api_key: prefer api_key_file or api_key_env; whoever reads this file has the key",
        "config.yaml:6:10: sources: has no source; without one nothing is watched",
    )


def test_a_long_error_grace_is_warned_of_where_it_stands(folder: Path) -> None:
    assert settings_of(ACCOUNT + PUSH + "polling: {error_grace: 2d}\n", folder).warnings == (
        "config.yaml:6:24: polling.error_grace: give_up_after (1d) is shorter than error_grace (2d): "
        "a request in ERROR is given up before the error is final",
    )


def test_two_accounts_with_one_key_at_one_host_are_warned_of(folder: Path) -> None:
    (folder / "acme.key").write_text("key-of-acme\n")
    text = (
        ACCOUNT
        + "  - {name: again, base_url: https://ASYNCAPI-US11.leadsquared.com/, api_key_file: acme.key}\n"
        + "  - {name: elsewhere, region: india, api_key_file: acme.key}\n"
        + "  - {name: other, region: us, api_key_env: OTHER_KEY}\n"
        + PUSH
    )
    settings = settings_of(text, folder, {"ACME_KEY": "key-of-acme", "OTHER_KEY": "key-of-other"})
    assert settings.warnings == (
        "config.yaml:5:5: accounts[1]: has the key and the host of accounts[0] (line 2), so LeadSquared counts the calls "
        "of both together: make them one account, or let their shares add up to what they may use",
    )


def test_settings_never_show_their_secrets(folder: Path) -> None:
    (folder / "push.token").write_text("tok-s3cr3t")
    text = ACCOUNT.replace("api_key_env: ACME_KEY", "api_key: key-s3cr3t")
    settings = settings_of(text + "sources: [{type: push, token_file: push.token}]\n", folder)
    assert "s3cr3t" not in f"{settings} {settings!r} {settings.warnings}"
