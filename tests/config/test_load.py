from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from exporter.config import allowance
from exporter.config.load import load
from exporter.config.secret import InlineSecret
from exporter.config.settings import (
    Account,
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
LARGE_DAY = (
    "allows this exporter 207,360 calls a day; give daily, which is what LeadSquared allows the account in 24 hours, "
    "or daily: unlimited"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(text: str, folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    (folder / "config.yaml").write_text(text)
    return load("config.yaml", environment={"ACME_KEY": "key-of-acme"} if environment is None else environment)


def warnings_of(settings: Settings) -> tuple[str, ...]:
    """But for the one about the rate limit, which none of these files has."""
    return tuple(one for one in settings.warnings if LARGE_DAY not in one)


def test_the_smallest_file_has_all_defaults(folder: Path) -> None:
    settings = settings_of(ACCOUNT + PUSH, folder)
    (account,) = settings.accounts
    assert (account.name, account.base_url) == ("acme", REGIONS["us"])
    assert account.api_key.reveal() == "key-of-acme"
    assert account.rate_limit == RateLimit()
    lead_update = BY_NAME["lead_update"]
    expected = Api(name="lead_update", status_path=lead_update.status_path, metrics_path=lead_update.metrics_path)
    assert account.apis == {"lead_update": expected}
    warnings = (f"config.yaml:2:5: accounts[0].rate_limit: is missing, which {LARGE_DAY}",)
    assert settings == Settings(accounts=(account,), sources=settings.sources, warnings=warnings)


def test_sources_left_empty_are_none(folder: Path) -> None:
    settings = settings_of(ACCOUNT + "sources:\n", folder)
    assert settings.sources == ()
    assert warnings_of(settings) == ("config.yaml:5:9: sources: has no source; without one nothing is watched",)


def test_sections_left_empty_have_their_defaults(folder: Path) -> None:
    empty = "polling:\nqueue_metrics:\ncache: {}\nstorage:\nmetrics:\n"
    full = settings_of(ACCOUNT + "    rate_limit:\n    apis:\n" + PUSH + empty, folder)
    assert replace(full, warnings=()) == replace(settings_of(ACCOUNT + PUSH, folder), warnings=())


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
    assert account.rate_limit == RateLimit(calls=PLANS[plan].calls, daily=PLANS[plan].daily)


def test_a_plan_brings_its_daily_limit_a_number_wins_and_unlimited_lifts_it(folder: Path) -> None:
    def daily(limit: str) -> tuple[int | None, int | None]:
        (account,) = settings_of(f"{ACCOUNT}    rate_limit: {{{limit}}}\n{PUSH}", folder).accounts
        return account.rate_limit.daily, account.rate_limit.allowed_daily

    assert daily("plan: pro") == (10_000, 5_000)
    assert daily("plan: super") == (100_000, 50_000)
    assert daily("plan: pro, daily: 12000") == (12_000, 6_000)
    assert daily("plan: pro, daily: unlimited") == (None, None)
    assert daily("calls: 10, daily: unlimited") == (None, None)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("plan: pro", "acme: at most 5,000 calls a day, 0.06 a second on average"),
        ("plan: super, share: 1", "acme: at most 100,000 calls a day, 1.16 a second on average"),
        ("plan: pro, daily: unlimited", "acme: at most 86,400 calls a day, 1 a second on average"),
        ("calls: 25", "acme: at most 207,360 calls a day, 2.4 a second on average"),
        ("calls: 30, period: 2d", "acme: at most 15 calls a day, 0.0002 a second on average"),
    ],
)
def test_what_is_allowed_in_a_day_is_told(limit: str, told: str, folder: Path) -> None:
    settings = settings_of(f"{ACCOUNT}    rate_limit: {{{limit}}}\n{PUSH}", folder)
    assert allowance.told(settings.accounts) == [told]


def test_accounts_that_may_do_the_same_are_told_in_one_line() -> None:
    accounts = [Account(name=f"a{number}", base_url="", api_key=InlineSecret("k")) for number in range(200)]
    assert allowance.told(accounts) == [
        "a0, a1, a2, a3, a4 and 195 more: at most 207,360 calls a day, 2.4 a second on average"
    ]


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("", f"2:5: accounts[0].rate_limit: is missing, which {LARGE_DAY}"),
        ("    rate_limit: {calls: 25}\n", f"5:25: accounts[0].rate_limit.calls: {LARGE_DAY}"),
        ("    rate_limit: {plan: enterprise}\n", f"5:24: accounts[0].rate_limit.plan: {LARGE_DAY}"),
        ("    rate_limit: {share: 0.5}\n", f"5:17: accounts[0].rate_limit: {LARGE_DAY}"),
    ],
)
def test_a_large_day_without_a_limit_is_warned_of(limit: str, told: str, folder: Path) -> None:
    assert settings_of(ACCOUNT + limit + PUSH, folder).warnings == (f"config.yaml:{told}",)


@pytest.mark.parametrize("limit", ["daily: 100000", "daily: unlimited", "calls: 11", "plan: pro"])
def test_a_day_that_is_limited_small_or_meant_is_not_warned_of(limit: str, folder: Path) -> None:
    assert settings_of(f"{ACCOUNT}    rate_limit: {{{limit}}}\n{PUSH}", folder).warnings == ()


def test_queue_metrics_that_would_use_up_the_day_are_warned_of(folder: Path) -> None:
    text = ACCOUNT + "    rate_limit: {plan: pro}\n    apis: all\n" + PUSH
    assert settings_of(text, folder).warnings == (
        "config.yaml:2:5: accounts[0]: queue metrics of 7 APIs every 1m take 10,080 of at most 5,000 calls a day; "
        "queue_metrics.interval: 21m leaves nine tenths of them to statuses",
    )
    assert settings_of(text + "queue_metrics: {interval: 21m}\n", folder).warnings == ()


def test_all_apis_are_watched_by_one_word(folder: Path) -> None:
    written = "".join(f"      {one.name}:\n" for one in ENDPOINTS)
    everything = settings_of(ACCOUNT + "    apis: all\n" + PUSH, folder)
    assert everything == settings_of(f"{ACCOUNT}    apis:\n{written}{PUSH}", folder)
    assert len(everything.accounts[0].apis) == 7


def test_submit_paths_arrive_and_are_those_that_are_known_where_none_are_given(folder: Path) -> None:
    text = ACCOUNT + "    apis: {call_log: , lead_update: {submit_paths: [/lead/update, '/v*/*.svc/Lead.Update']}}\n"
    (account,) = settings_of(text + PUSH, folder).accounts
    assert account.apis["lead_update"].submit_paths == ("/lead/update", "/v*/*.svc/Lead.Update")
    assert account.apis["call_log"].submit_paths == ()


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
    assert warnings_of(settings) == (
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


def test_a_gateway_has_defaults_and_is_warned_of_where_keys_would_cross_the_network(folder: Path) -> None:
    text = "sources:\n" + "".join(
        f"  - {{type: gateway, account: acme, listen: '{address}'}}\n"
        for address in ("127.0.0.1:0", "[::1]:0", ":10041")
    )
    settings = settings_of(ACCOUNT + text, folder)
    assert settings.sources[0] == GatewaySource(account="acme", listen="127.0.0.1:0", name="gateway")
    assert warnings_of(settings) == (
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
    assert warnings_of(settings) == (
        "config.yaml:1:26: polling.give_up_after: give_up_after (1h) is shorter than error_grace (10h): "
        "a request in ERROR is given up before the error is final",
        "config.yaml:5:14: accounts[0].api_key: prefer api_key_file or api_key_env; whoever reads this file has the key",
        "config.yaml:6:10: sources: has no source; without one nothing is watched",
    )


def test_a_long_error_grace_is_warned_of_where_it_stands(folder: Path) -> None:
    assert warnings_of(settings_of(ACCOUNT + PUSH + "polling: {error_grace: 2d}\n", folder)) == (
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
    assert warnings_of(settings) == (
        "config.yaml:5:5: accounts[1]: has the key and the host of accounts[0] (line 2), so LeadSquared counts the calls "
        "of both together: make them one account, or let their shares add up to what they may use",
    )


def test_settings_never_show_their_secrets(folder: Path) -> None:
    (folder / "push.token").write_text("tok-s3cr3t")
    text = ACCOUNT.replace("api_key_env: ACME_KEY", "api_key: key-s3cr3t")
    settings = settings_of(text + "sources: [{type: push, token_file: push.token}]\n", folder)
    assert "s3cr3t" not in f"{settings} {settings!r} {settings.warnings}"
