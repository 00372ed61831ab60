import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from exporter.client import Client, Counts
from exporter.errors import StoreUnavailable
from tests.cli.server import Reply, Server, serving
from tests.client.exporters import exporting
from tests.e2e.processes import eventually, free_port
from tests.web.twins import NOW, MemoryBackend

TAKEN = Reply(202, {"accepted": 1, "known": 0})
WHEN = datetime(2026, 2, 2, 2, 0, tzinfo=UTC)
LONG = 3600.0


def batches(server: Server) -> list[list[str]]:
    return [[entry["request_id"] for entry in asked.content["request_ids"]] for asked in server.asked]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Without what the exporter in the same process logs."""
    return [record.getMessage() for record in caplog.records if record.name == "exporter.client"]


def test_importing_it_imports_no_package_but_its_own() -> None:
    program = (
        "import sys, exporter.client; "
        "print({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'exporter', '__main__'})"
    )
    # -S: what site-packages brings to every start is not the client's.
    ended = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout == "set()\n"


def test_what_is_watched_arrives_at_the_exporter() -> None:
    backend = MemoryBackend()
    with exporting(backend) as url, Client(url) as client:
        client.watch("r-1", WHEN, account="acme", api="lead_update")
        client.watch("r-2", WHEN.astimezone(timezone(timedelta(hours=5, minutes=30))))
        assert client.flush()

        assert client.counts == Counts(taken=2, dropped=0, waiting=0)
    assert {name: record.submitted for name, record in backend.records.items()} == dict.fromkeys(
        ("r-1", "r-2"), NOW - 2400.0
    )


def test_a_reference_arrives_where_the_exporter_takes_references() -> None:
    backend = MemoryBackend(references=True)
    with exporting(backend) as url, Client(url) as client:
        client.watch("r-1", reference="shop:2026/81#2")
        client.watch("r-2", reference="Ada Lovelace")
        assert client.flush()
        assert client.counts == Counts(taken=1, dropped=1, waiting=0)
    assert {name: record.reference for name, record in backend.records.items()} == {"r-1": "shop:2026/81#2"}


def test_an_exporter_that_takes_no_references_is_handed_over_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    backend = MemoryBackend()
    with exporting(backend) as url, Client(url) as client:
        for number in range(30):
            client.watch(f"r-{number}", WHEN, reference=f"o-{number}")
        assert client.flush()
        assert client.counts == Counts(taken=30, dropped=0, waiting=0)
    assert {record.reference for record in backend.records.values()} == {None}
    (line,) = told(caplog)
    assert line.startswith("30 RequestIDs are handed over without their reference: nothing was taken in: 30 mistakes;")


def test_without_a_time_it_was_submitted_now() -> None:
    with serving(TAKEN) as server, Client(server.url) as client:
        before = datetime.now(UTC)
        client.watch("r-1")
        assert client.flush()

        told = datetime.fromisoformat(server.asked[0].content["request_ids"][0]["submitted_at"])
        assert before <= told <= datetime.now(UTC)


def test_each_account_and_api_is_a_group_of_its_own() -> None:
    with serving(TAKEN) as server, Client(server.url, account="acme", linger=LONG) as client:
        client.watch("r-1", WHEN)
        client.watch("r-2", WHEN, account="other", api="lead_capture")
        client.watch("r-3", WHEN)
        assert client.flush()

        when = "2026-02-02T02:00:00+00:00"
        assert [asked.content for asked in server.asked] == [
            {
                "request_ids": [
                    {"request_id": "r-1", "submitted_at": when},
                    {"request_id": "r-3", "submitted_at": when},
                ],
                "account": "acme",
            },
            {
                "request_ids": [{"request_id": "r-2", "submitted_at": when}],
                "account": "other",
                "api": "lead_capture",
            },
        ]


def test_a_full_batch_goes_at_once() -> None:
    with serving(TAKEN) as server, Client(server.url, batch=2, linger=LONG) as client:
        for name in ("r-1", "r-2", "r-3"):
            client.watch(name)

        eventually(lambda: client.counts, fits=lambda counts: counts.taken == 2)
        assert batches(server) == [["r-1", "r-2"]]
        assert client.counts.waiting == 1


def test_one_alone_goes_after_it_has_lingered() -> None:
    with serving(TAKEN) as server, Client(server.url, linger=0.05) as client:
        client.watch("r-1")

        eventually(lambda: client.counts, fits=lambda counts: counts.taken == 1)


def test_closing_flushes() -> None:
    with serving(TAKEN) as server:
        with Client(server.url, linger=LONG) as client:
            client.watch("r-1")

        assert batches(server) == [["r-1"]]
        assert client.counts == Counts(taken=1, dropped=0, waiting=0)


def test_a_dead_exporter_neither_raises_nor_blocks(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(f"http://127.0.0.1:{free_port()}", linger=0.0)
    began = time.monotonic()
    for number in range(1000):
        client.watch(f"r-{number}")
    assert time.monotonic() - began < 5.0
    eventually(lambda: told(caplog), fits=bool)

    assert not client.flush(timeout=0.05)
    client.close(timeout=0.05)

    assert client.counts == Counts(taken=0, dropped=1000, waiting=0)
    assert sum("the exporter can't take RequestIDs now" in line for line in told(caplog)) == 1


def test_an_exporter_that_comes_back_gets_what_waited() -> None:
    backend = MemoryBackend(trouble=StoreUnavailable("full"))
    with exporting(backend) as url, Client(url, linger=0.0) as client:
        client.watch("r-1", WHEN)
        assert not client.flush(timeout=0.05)
        backend.trouble = None

        assert client.flush(timeout=20.0)
        assert list(backend.records) == ["r-1"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_exporter_is_asked_again_when_it_says(status: int) -> None:
    busy = Reply(status, {"error": "busy"}, {"Retry-After": "0"})
    with serving(busy, busy, TAKEN) as server, Client(server.url, linger=0.0) as client:
        client.watch("r-1")

        eventually(lambda: client.counts, fits=lambda counts: counts.taken == 1)
        assert batches(server) == [["r-1"]] * 3


def test_what_the_exporter_refuses_is_dropped_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    backend = MemoryBackend()
    with exporting(backend) as url, Client(url, linger=LONG) as client:
        client.watch("r-1", WHEN, account="nobody")
        client.watch("r-2", WHEN)
        assert client.flush()

        assert client.counts == Counts(taken=1, dropped=1, waiting=0)
    assert list(backend.records) == ["r-2"]
    (line,) = told(caplog)
    assert line.startswith("a batch of 1 RequestIDs is dropped: ")
    assert line.endswith("account: must be one of acme")


def test_one_time_ahead_of_the_exporters_clock_costs_neither_its_request_nor_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = MemoryBackend()
    with exporting(backend) as url, Client(url, linger=LONG) as client:
        for number in range(9):
            client.watch(f"r-{number}", WHEN + timedelta(days=number == 4))
        assert client.flush()

        assert client.counts == Counts(taken=9, dropped=0, waiting=0)
    times = [NOW - 2400.0] * 4 + [None] + [NOW - 2400.0] * 4
    assert [record.submitted for record in backend.records.values()] == times
    (line,) = told(caplog)
    assert line.startswith("1 RequestIDs are handed over without their time, do the clocks differ? ")
    assert "request_ids[4].submitted_at: must not lie more than 5 minutes in the future" in line


def test_a_host_whose_clock_is_ahead_is_watched_without_durations() -> None:
    # The clock of the backend stands still in the past.
    backend = MemoryBackend()
    with exporting(backend) as url, Client(url, linger=LONG) as client:
        for number in range(100):
            client.watch(f"r-{number}")
        assert client.flush()

        assert client.counts == Counts(taken=100, dropped=0, waiting=0)
    assert {record.submitted for record in backend.records.values()} == {None}
    assert len(backend.health.story) == 2


def test_a_group_that_is_too_large_is_handed_over_in_parts() -> None:
    with serving(Reply(413, {"error": "split it"}), TAKEN) as server, Client(server.url, linger=LONG) as client:
        for name in ("r-1", "r-2", "r-3"):
            client.watch(name)
        assert client.flush()

        assert batches(server) == [["r-1", "r-2", "r-3"], ["r-1"], ["r-2", "r-3"]]
        assert client.counts == Counts(taken=3, dropped=0, waiting=0)


def test_a_request_id_that_the_exporter_refuses_is_dropped_alone(caplog: pytest.LogCaptureFixture) -> None:
    refusal = Reply(400, {"error": "nothing was taken in", "details": ["request_ids[1]: must be a number"]})
    with serving(refusal, TAKEN) as server, Client(server.url, linger=LONG) as client:
        for name in ("r-1", "r-2", "r-3"):
            client.watch(name)
        assert client.flush()

        assert batches(server) == [["r-1", "r-2", "r-3"], ["r-1", "r-3"]]
        assert client.counts == Counts(taken=2, dropped=1, waiting=0)
    assert told(caplog) == [
        "a batch of 1 RequestIDs is dropped: nothing was taken in; request_ids[1]: must be a number"
    ]


def test_the_token_is_sent() -> None:
    with serving(TAKEN) as server, Client(server.url, token="secret\n") as client:
        client.watch("r-1")
        assert client.flush()

        assert server.asked[0].headers["Authorization"] == "Bearer secret"


def test_a_full_backlog_drops_the_newest_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with serving(TAKEN) as server, Client(server.url, linger=LONG, limit=2) as client:
        for number in range(5):
            client.watch(f"r-{number}")

        assert client.counts == Counts(taken=0, dropped=3, waiting=2)
        assert client.flush()
        assert batches(server) == [["r-0", "r-1"]]
    assert told(caplog) == ["the backlog is full; RequestIDs are dropped"]


@pytest.mark.parametrize("request_id", ["", "a b", "a" * 129, "ä", None, 7])
def test_a_request_id_that_does_not_fit_harms_no_other(request_id: str, caplog: pytest.LogCaptureFixture) -> None:
    with serving(TAKEN) as server, Client(server.url) as client:
        client.watch(request_id)
        client.watch("r-1")
        assert client.flush()

        assert batches(server) == [["r-1"]]
        assert client.counts == Counts(taken=1, dropped=1, waiting=0)
    assert told(caplog) == ["a RequestID is dropped: a RequestID must be 1 to 128 characters of A-Z a-z 0-9 . _ -"]


@pytest.mark.parametrize(
    "submitted_at", [WHEN.replace(tzinfo=None), datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))]
)
def test_a_time_that_can_not_be_told_is_dropped(submitted_at: datetime) -> None:
    with serving(TAKEN) as server, Client(server.url) as client:
        client.watch("r-1", submitted_at)

        assert client.counts == Counts(taken=0, dropped=1, waiting=0)


def test_after_closing_all_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    with serving(TAKEN) as server:
        client = Client(server.url)
        client.close()
        client.watch("r-1")

        assert client.counts == Counts(taken=0, dropped=1, waiting=0)
        assert told(caplog) == ["the client is closed; RequestIDs are dropped"]


def test_what_waits_when_the_program_ends_is_handed_over() -> None:
    program = "import sys; from exporter.client import Client; Client(sys.argv[1], linger=3600).watch('r-1')"
    with serving(TAKEN) as server:
        subprocess.run([sys.executable, "-c", program, server.url], check=True, timeout=20)

        assert batches(server) == [["r-1"]]


def test_a_forked_worker_hands_over_its_own_and_not_its_parents() -> None:
    program = (
        "import os, sys\n"
        "from exporter.client import Client\n"
        "client = Client(sys.argv[1], linger=3600)\n"
        "client.watch('parent')\n"
        "if os.fork() == 0:\n"
        "    client.watch('child')\n"
        "    os._exit(not client.flush())\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    with serving(TAKEN) as server:
        subprocess.run([sys.executable, "-W", "ignore", "-c", program, server.url], check=True, timeout=20)

        assert batches(server) == [["child"], ["parent"]]


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"url": "nowhere"}, "url must be a URL such as http://127.0.0.1:10040, without user and query"),
        ({"batch": 0}, "batch and limit must be at least 1, linger at least 0"),
        ({"token": "a\nb"}, "token must be printable ASCII"),
    ],
)
def test_settings_that_can_not_work_are_told_at_once(settings: dict[str, str], mistake: str) -> None:
    with pytest.raises(ValueError, match=f"^{mistake}$"):
        Client(**settings)  # type: ignore[arg-type]


def test_counts_are_final_when_close_returns_though_a_call_is_under_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", linger=0.0)
        client.watch("r-1")
        connection, _ = listening.accept()
        with connection:
            client.close(timeout=0.0)

            assert client.counts == Counts(taken=0, dropped=1, waiting=0)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            handing_over_has_ended()
        assert client.counts == Counts(taken=0, dropped=1, waiting=0)


def test_counts_are_final_when_close_returns_though_a_batch_waits_for_a_retry() -> None:
    with serving(Reply(503, {"error": "starting"}, {"Retry-After": "30"})) as server:
        client = Client(server.url, linger=0.0)
        client.watch("r-1")
        eventually(lambda: server.asked, fits=bool)
        client.close(timeout=0.0)

        assert client.counts == Counts(taken=0, dropped=1, waiting=0)
        handing_over_has_ended()


def test_nothing_is_handed_over_after_close() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", batch=2, linger=LONG)
        client.watch("r-1", account="acme")
        client.watch("r-2", account="other")
        connection, _ = listening.accept()
        with connection:
            client.close(timeout=0.0)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            handing_over_has_ended()
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def handing_over_has_ended() -> None:
    eventually(
        lambda: [thread for thread in threading.enumerate() if thread.name == "exporter-client"],
        fits=lambda threads: not threads,
    )
