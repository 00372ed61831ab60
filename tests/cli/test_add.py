import io
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from exporter import add, cli
from exporter.cli import command_parser
from exporter.errors import ExporterError
from exporter.flags import UsageError
from tests.cli.process import run
from tests.cli.server import Reply, serving

TAKEN = Reply(202, {"accepted": 1, "known": 0})
ADD = next(command for command in cli.COMMANDS if command.name == "add")


def call(url: str, *arguments: str, sleep: Callable[[float], None] | None = None) -> int:
    parser, _ = command_parser(ADD)
    found = parser.read([f"--url={url}", *arguments], {})
    return add.run(found, sleep=sleep or _no_sleep)


def _no_sleep(_: float) -> None:
    pytest.fail("there is nothing to wait for")


def given(monkeypatch: pytest.MonkeyPatch, lines: Sequence[str]) -> None:
    content = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))


def test_request_ids_are_handed_over_as_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Reply(202, {"accepted": 1, "known": 1})) as server:
        assert call(server.url, "--account=acme", "--api=lead_update", "a", "b") == 0

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/requests")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.content == [{"request_ids": ["a", "b"], "account": "acme", "api": "lead_update"}]
    assert capsys.readouterr() == ("accepted 1, known 1\n", "")


def test_account_and_api_are_left_to_the_exporter_unless_given() -> None:
    with serving(TAKEN) as server:
        call(server.url, "a")

    assert server.asked[0].content == [{"request_ids": ["a"]}]
    assert "Authorization" not in server.asked[0].headers


def test_a_reference_goes_with_one_request_id() -> None:
    with serving(TAKEN) as server:
        call(server.url, "--reference=shop:2026/81#2", "a")
    assert server.asked[0].content == [{"request_ids": [{"request_id": "a", "reference": "shop:2026/81#2"}]}]


@pytest.mark.parametrize("request_ids", [[], ["a", "b"]])
def test_a_reference_for_several_is_wrong_usage(request_ids: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        call("http://127.0.0.1:1", "--reference=o-1", *request_ids)
    assert str(caught.value) == "--reference goes with one RequestID; hand in others by POST /api/v1/requests"


def test_standard_input_has_one_a_line_with_the_time_of_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, ["\ufeffa", "", "  b \t 2026-01-31T12:00:00Z ", "c"])
    with serving(TAKEN) as server:
        call(server.url)

    submitted = {"request_id": "b", "submitted_at": "2026-01-31T12:00:00Z"}
    assert server.asked[0].content == [{"request_ids": ["a", submitted, "c"]}]


@pytest.mark.parametrize(
    ("given", "entry"),
    [
        ("not a uuid!", "not a uuid!"),
        (" 7ba6 0ab0 ", {"request_id": "7ba6", "submitted_at": "0ab0"}),
        ("7ba60ab0 # an order", "7ba60ab0 # an order"),
        ("a 2026-13-31", {"request_id": "a", "submitted_at": "2026-13-31"}),
    ],
)
def test_what_is_no_time_is_part_of_a_request_id_that_does_not_fit(given: str, entry: object) -> None:
    with serving(TAKEN) as server:
        call(server.url, given)

    assert server.asked[0].content == [{"request_ids": [entry]}]


def test_what_is_no_text_is_left_to_the_exporter_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n")))
    with serving(TAKEN) as server:
        call(server.url)

    assert server.asked[0].content == [{"request_ids": ["\ufffd"]}]


def test_many_go_in_batches_and_are_summed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, [f"id-{number}" for number in range(2001)])
    replies = [Reply(202, {"accepted": count, "known": 1000 - count}) for count in (1000, 990)]
    with serving(*replies, TAKEN) as server:
        assert call(server.url) == 0

    assert [len(asked.content[0]["request_ids"]) for asked in server.asked] == [1000, 1000, 1]
    assert capsys.readouterr().out == "accepted 1991, known 10\n"


def test_nothing_to_hand_over_is_fine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(monkeypatch, [])
    with serving(TAKEN) as server:
        assert call(server.url) == 0

    assert (server.asked, capsys.readouterr().out) == ([], "accepted 0, known 0\n")


def test_a_busy_exporter_is_asked_again_when_it_says() -> None:
    waits: list[float] = []
    busy = Reply(503, {"error": "storage.max_pending is reached", "details": []}, {"Retry-After": "7"})
    with serving(
        busy, Reply(503, {"error": "e"}), Reply(429, {"error": "e"}, {"Retry-After": "9999"}), TAKEN
    ) as server:
        assert call(server.url, "a", sleep=waits.append) == 0

    assert waits == [7.0, 2.0, 30.0]
    assert len(server.asked) == 4


def test_a_busy_exporter_is_not_asked_for_ever() -> None:
    waits: list[float] = []
    busy = Reply(503, {"error": "the store can't be written", "details": []})
    with serving(busy) as server, pytest.raises(ExporterError, match=r"^refused: the store can't be written$"):
        call(server.url, "a", sleep=waits.append)

    assert (len(server.asked), waits) == (6, [1.0, 2.0, 4.0, 8.0, 16.0])


def test_a_refusal_names_its_details_and_what_was_taken_before(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, [f"id-{number}" for number in range(1001)])
    refusal = Reply(400, {"error": "nothing was taken in: 1 mistake", "details": ["[0].account: must be one of acme"]})
    with serving(Reply(202, {"accepted": 999, "known": 1}), refusal) as server, pytest.raises(ExporterError) as raised:
        call(server.url)

    assert str(raised.value) == (
        "refused: nothing was taken in: 1 mistake\n"
        "  [0].account: must be one of acme\n"
        "before that: accepted 999, known 1; nothing from number 1001 on was taken"
    )


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(404, b"<html>canary</html>"), "refused: HTTP status 404"),
        (Reply(500, ["canary"]), "refused: HTTP status 500"),
        (Reply(307, None, {"Location": "http://127.0.0.1:9/elsewhere"}), "refused: HTTP status 307"),
        (Reply(202, b"canary"), "the answer is not one of leadsquared-exporter; check --url"),
        (Reply(202, {"accepted": None, "known": 0}), "the answer is not one of leadsquared-exporter; check --url"),
    ],
)
def test_something_else_at_the_url_is_told_without_its_text(reply: Reply, told: str) -> None:
    with serving(reply) as server, pytest.raises(ExporterError) as raised:
        call(server.url, "a")

    assert str(raised.value) == told


def test_a_token_is_sent_as_bearer_and_a_password_as_basic(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    with serving(TAKEN) as server:
        call(server.url, f"--token-file={secret}", "a")
        call(server.url, "--user=joe", f"--password-file={secret}", "a")

    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer s3cret", "Basic am9lOnMzY3JldA=="]


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(TAKEN) as server:
        assert call(server.url, "a") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--user=joe"], "leadsquared-exporter add: error: --user and --password-file go together, try --help\n"),
        (
            ["--user=joe", "--password-file=f", "--token-file=f"],
            "leadsquared-exporter add: error: --token-file is enough; leave out --user, try --help\n",
        ),
        (
            ["--url=127.0.0.1:10040"],
            "leadsquared-exporter add: error: argument --url: must be a URL such as http://127.0.0.1:10040, "
            "without user and query, got 127.0.0.1:10040, try --help\n",
        ),
    ],
)
def test_wrong_usage_of_add_is_status_2(arguments: list[str], told: str) -> None:
    ended = run(["add", *arguments, "a"])

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", told)


def test_a_server_that_hangs_up_may_speak_tls(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = threading.Thread(target=_hang_up, args=(server,))
        hanging_up.start()
        assert cli.main(["add", f"--url=http://127.0.0.1:{server.getsockname()[1]}", "a"]) == 1
        hanging_up.join()
    assert capsys.readouterr().err.endswith("it hung up without a word; does it speak TLS (https://)?\n")


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)


def test_no_exporter_at_the_url_is_status_1_and_one_line() -> None:
    with serving(TAKEN) as server:
        url = server.url
    ended = run(["add", f"--url={url}", "a"])

    told = f"leadsquared-exporter: error: {url} does not answer: connection refused; is the exporter running there?\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file"),
        ("", "it is empty"),
        ("a b", "it must hold one line of visible ASCII characters and nothing else"),
    ],
)
def test_a_token_file_that_can_not_be_used_is_told(content: str | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    ended = run(["add", "--token-file=token", "a"], folder=tmp_path)

    assert (ended.returncode, ended.stderr) == (1, f"token: {told}\n")


def test_a_ca_file_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    for name, told in (("ca.pem", "no certificate in it"), ("gone.pem", "No such file or directory")):
        ended = run(["add", f"--ca-file={name}", "a"], folder=tmp_path)
        assert (ended.returncode, ended.stderr) == (1, f"leadsquared-exporter: error: --ca-file: {name}: {told}\n")
