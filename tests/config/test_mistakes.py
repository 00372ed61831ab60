"""Every mistake with the exact text that the operator reads: mistakes.txt, and what can't be written there.

A mistake there is a line `## name`, the file, and a line `=> ` for each problem. The folder holds keys/acme.key with a key,
keys/empty.key with nothing and keys/two.key with two lines; the environment has ACME_KEY, and EMPTY_KEY without a value.
"""

from pathlib import Path

import pytest

from exporter.config.load import load
from exporter.errors import ConfigurationError

ACCOUNT = """\
accounts:
  - name: acme
    region: us
    api_key_file: keys/acme.key
"""
API_NAMES = "lead_update, lead_capture, opportunity_capture, opportunity_update, activity_create, activity_create_custom, call_log"


def listed() -> dict[str, tuple[str, list[str]]]:
    """By name: the file and its problems."""
    found = {}
    for block in (Path(__file__).parent / "mistakes.txt").read_text().removeprefix("## ").split("\n\n## "):
        name, _, rest = block.partition("\n")
        text, *problems = f"\n{rest}".rstrip("\n").split("\n=> ")
        found[name] = (f"{text}\n"[1:], problems)
    return found


MISTAKES = listed()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/acme.key").write_text("key-of-acme\n")
    (tmp_path / "keys/empty.key").write_text("\n")
    (tmp_path / "keys/two.key").write_text("one\ntwo\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes_of(content: str | bytes, folder: Path) -> list[str]:
    (folder / "config.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as caught:
        load("config.yaml", environment={"ACME_KEY": "key-of-acme", "EMPTY_KEY": ""})
    return caught.value.problems


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_its_remedy(name: str, folder: Path) -> None:
    text, expected = MISTAKES[name]
    assert mistakes_of(text, folder) == expected


def test_all_mistakes_of_a_file_are_told_in_its_order(folder: Path) -> None:
    text = """\
polling: {policy: fifo, timeout: 5}
accounts:
  - name: acme
    region: us
    region: india
    rate_limit: {calls: -3, share: 2}
  - name: acme
    base_url: http://example.org
    api_key_file: keys/none.key
    apis:
      call_log: {status_path: status}
sources:
  - {type: static, account: acne, api: lead_update, request_ids: ["a b", ok]}
  - {type: push, token: x}
  - {type: queue}
"""
    assert mistakes_of(text, folder) == [
        "config.yaml:1:19: polling.policy: must be one of learned, age, round_robin, got fifo",
        "config.yaml:1:34: polling.timeout: must be a duration > 0 such as 30s or 1h30m, got 5",
        "config.yaml:3:5: accounts[0].api_key_file: is missing; must be the path of a file that holds the key; "
        "or give api_key_env or api_key",
        "config.yaml:5:5: accounts[0].region: given twice (first at line 4)",
        "config.yaml:6:25: accounts[0].rate_limit.calls: must be an integer >= 1, got -3",
        "config.yaml:6:36: accounts[0].rate_limit.share: must be a number > 0 and <= 1 such as 0.5, got 2",
        "config.yaml:7:11: accounts[1].name: must be unique, got acme, the name of accounts[0] (line 3)",
        "config.yaml:8:15: accounts[1].base_url: must be https://, or http:// to a loopback address "
        "(or set allow_insecure: true), got http://example.org",
        "config.yaml:9:19: accounts[1].api_key_file: must be a file that holds the key, got keys/none.key: there is no such file",
        "config.yaml:11:31: accounts[1].apis.call_log.status_path: must be a path that starts with / and has no query, got status",
        "config.yaml:13:29: sources[0].account: must be one of the accounts acme, got acne; did you mean acme?",
        'config.yaml:13:67: sources[0].request_ids[0]: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got "a b"',
        "config.yaml:14:18: sources[1].token: unknown key; allowed: type, account, api, token_file, token_env, name; "
        "did you mean token_env?",
        "config.yaml:15:12: sources[2].type: must be one of static, file, push, gateway, log, http, redis, sql, got queue",
    ]


def test_a_source_is_not_blamed_for_an_account_that_could_not_be_read(folder: Path) -> None:
    text = ACCOUNT.replace("name: acme", "name: ''") + "sources: [{type: push, account: acme}]\n"
    assert mistakes_of(text, folder) == [
        'config.yaml:2:11: accounts[0].name: must be 1 to 64 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit, got ""'
    ]


def test_a_source_is_not_blamed_for_an_api_that_could_not_be_read(folder: Path) -> None:
    text = ACCOUNT + "    apis: {call_lgo: {}}\nsources: [{type: push, account: acme, api: call_log}]\n"
    assert mistakes_of(text, folder) == [
        f"config.yaml:5:12: accounts[0].apis.call_lgo: unknown key; allowed: {API_NAMES}; did you mean call_log?"
    ]


def test_bytes_that_are_not_utf8_are_found(folder: Path) -> None:
    content = ACCOUNT.encode() + "cache: {} # é ".encode() + b"\xff\n"
    assert mistakes_of(content, folder) == ["config.yaml:5:15: must be UTF-8 text, got the byte 0xff"]


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("conf/absent.yaml", environment={})
    assert caught.value.problems == [
        "conf/absent.yaml: there is no such file; --config.file names the configuration file",
    ]


def test_a_folder_is_no_configuration(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(Path("keys"), environment={})
    assert caught.value.problems == ["keys: it is not a file; --config.file names the configuration file"]


def test_a_file_without_end_is_not_read_to_its_end(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("/dev/zero", environment={})
    assert caught.value.problems == [
        "/dev/zero: it is longer than 16777216 bytes; --config.file names the configuration file",
    ]


@pytest.mark.parametrize(
    "text",
    [
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: s3cr3t s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: [s3cr3t]"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: *s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: !s3cr3t x"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: !s3cr3t!x y"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: &s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: '@s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: @s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: %s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key: a: s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key_env: s3cr3t"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "api_key_env: s3cr3t-"),
        ACCOUNT.replace("api_key_file: keys/acme.key", "apikey: s3cr3t"),
        ACCOUNT + "    api_key: s3cr3t\n",
        ACCOUNT + "sources:\n  - s3cr3t\n",
        ACCOUNT + "sources: [{type: push, token: s3cr3t}]\n",
        ACCOUNT + "storage: {url: 'redis://:s3cr3t@localhost'}\n",
        ACCOUNT + "storage: {url: 'redis://:s3c/s3cr3t@localhost'}\n",
        ACCOUNT.replace("region: us", "base_url: https://u:s3cr3t@example.com"),
        ACCOUNT.replace("region: us", "base_url: https://example.com/?secretKey=s3cr3t"),
    ],
)
def test_no_mistake_repeats_what_may_be_a_secret(text: str, folder: Path) -> None:
    assert "s3cr3t" not in "\n".join(mistakes_of(text, folder))


def test_a_character_that_no_one_can_see_is_told_by_its_number(folder: Path) -> None:
    assert mistakes_of(ACCOUNT + 'storage: "\x07"\n', folder) == [
        "config.yaml:5:11: not usable YAML: must be printable text, got the character U+0007"
    ]


def test_the_list_of_mistakes_is_long_and_without_repetition() -> None:
    assert len({text for text, _ in MISTAKES.values()}) == len(MISTAKES)
    assert len(MISTAKES) >= 45
