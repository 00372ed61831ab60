"""The way to a remote in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given as examples
from hypothesis import strategies

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.http.place import place
from exporter.leadsquared.transport import BODY_LIMIT, RawAnswer
from exporter.simulator.door import Account
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, SubmissionRefused, Wire
from exporter.simulator.virtual_time import VirtualLoop

Value = TypeVar("Value")

METRICS = "/lead/update/metrics"
PLACE = place("http://127.0.0.1")


def run(
    work: Callable[[MemoryTransport], Awaitable[Value]], *, wire: Wire | None = None, network: Network | None = None
) -> tuple[Value, float]:
    """What `work` brings in virtual time, and the seconds it took."""
    wire = wire or Wire(Remote(accounts=[Account(calls=None)]))
    loop = VirtualLoop(start=0.0)

    async def main() -> Value:
        return await work(MemoryTransport(wire, clock=loop, sleep=asyncio.sleep, seed=1, network=network))

    try:
        value = loop.run_until_complete(main())
        return value, loop.now()
    finally:
        loop.close()


async def metrics(transport: MemoryTransport, timeout: float = 10.0) -> RawAnswer:
    return await transport.get(PLACE, METRICS, headers={"X-Api-Key": "demo-key"}, timeout=timeout)


def test_a_call_is_counted_on_the_way_and_answered_after_the_way_back() -> None:
    wire = Wire(Remote())
    answer, took = run(metrics, wire=wire, network=Network(latency=0.5))
    assert answer.code == 200
    assert took == pytest.approx(1.0)
    assert wire.remote.log[0].time == pytest.approx(0.5)


def test_a_submission_can_be_polled() -> None:
    async def work(transport: MemoryTransport) -> RawAnswer:
        request_id = await transport.submit(key="demo-key", api="call_log")
        return await transport.get(
            PLACE,
            f"/1/api/telephony/logcallcomplete/status?RequestID={request_id}",
            headers={"x-api-key": "demo-key"},
            timeout=10.0,
        )

    answer, _ = run(work)
    assert b"Telephony-LogCall" in answer.body


def test_a_refused_submission_raises() -> None:
    with pytest.raises(SubmissionRefused, match="answered with HTTP status 403"):
        run(lambda transport: transport.submit(key="wrong", api="lead_update"))


def test_a_call_that_comes_too_late_times_out_on_time_and_still_arrives() -> None:
    wire = Wire(Remote())

    async def work(transport: MemoryTransport) -> float:
        with pytest.raises(CallTimeout):
            await metrics(transport, timeout=2.0)
        return asyncio.get_running_loop().time()

    given_up, _ = run(work, wire=wire, network=Network(latency=30.0))
    assert given_up == pytest.approx(2.0)
    assert (wire.under_way, len(wire.remote.log)) == (1, 0)
    wire.deliver(29.0)
    assert wire.under_way == 1
    wire.deliver(31.0)
    assert [call.time for call in wire.remote.log] == [pytest.approx(30.0)]


def test_an_answer_that_comes_too_late_was_counted() -> None:
    wire = Wire(Remote())

    async def work(transport: MemoryTransport) -> None:
        with pytest.raises(CallTimeout):
            await metrics(transport, timeout=2.0)

    _, took = run(work, wire=wire, network=Network(latency=1.5))
    assert took == pytest.approx(2.0)
    assert len(wire.remote.log) == 1


def test_the_call_of_a_cancelled_caller_arrives_in_its_place() -> None:
    wire = Wire(Remote())

    async def work(transport: MemoryTransport) -> None:
        call = asyncio.create_task(metrics(transport))
        await asyncio.sleep(0.1)
        call.cancel()
        transport.network = Network(latency=5.0)
        await metrics(transport, timeout=20.0)

    run(work, wire=wire, network=Network(latency=1.0))
    assert [call.time for call in wire.remote.log] == [pytest.approx(1.0), pytest.approx(5.1)]


def test_a_new_process_takes_over_the_wire_of_a_dead_one() -> None:
    wire = Wire(Remote())

    async def die(transport: MemoryTransport) -> None:
        asyncio.create_task(metrics(transport)).add_done_callback(lambda _: None)
        await asyncio.sleep(0.1)

    loop = VirtualLoop(start=0.0)
    transport = MemoryTransport(wire, clock=loop, sleep=asyncio.sleep, network=Network(latency=1.0))
    loop.run_until_complete(die(transport))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    run(metrics, wire=wire, network=Network(latency=2.0))
    assert [call.time for call in wire.remote.log] == [pytest.approx(1.0), pytest.approx(2.0)]


def test_a_refused_connection_was_not_sent() -> None:
    wire = Wire(Remote())
    with pytest.raises(ConnectionFailed) as failed:
        run(metrics, wire=wire, network=Network(refused=1.0))
    assert (failed.value.sent, wire.under_way, len(wire.remote.log)) == (False, 0, 0)


@pytest.mark.parametrize(("network", "counted"), [(Network(lost=1.0), 0), (Network(answer_lost=1.0), 1)])
def test_what_is_lost_on_the_way_times_out(network: Network, counted: int) -> None:
    wire = Wire(Remote())

    async def work(transport: MemoryTransport) -> None:
        with pytest.raises(CallTimeout):
            await metrics(transport, timeout=3.0)

    _, took = run(work, wire=wire, network=network)
    assert took == pytest.approx(3.0)
    assert len(wire.remote.log) == counted


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("fault_reset", ConnectionFailed),
        ("fault_reset_after", ConnectionFailed),
        ("fault_cut", InvalidResponse),
        ("fault_hang", CallTimeout),
    ],
)
def test_faults_of_the_connection_become_the_errors_of_a_transport(fault: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(metrics, wire=Wire(Remote(replace(Options(), **{fault: 1.0}))))  # type: ignore[arg-type]


def test_a_huge_answer_is_cut_one_byte_past_the_bound() -> None:
    answer, _ = run(metrics, wire=Wire(Remote(Options(fault_huge=1.0))))
    assert len(answer.body) == BODY_LIMIT + 1


def test_only_the_headers_that_are_read_are_passed_on() -> None:
    answer, _ = run(metrics, wire=Wire(Remote(Options(fault_rate_limited=1.0, limit_retry_after=True))))
    assert answer.headers == {"retry-after": "5"}


@examples(strategies.integers(0, 1000), strategies.floats(0.001, 20.0))
def test_whatever_the_latency_the_door_sees_calls_in_the_order_of_their_arrival(seed: int, jitter: float) -> None:
    wire = Wire(Remote(accounts=[Account(calls=None)]))

    async def work(transport: MemoryTransport) -> None:
        await asyncio.gather(*(metrics(transport) for _ in range(20)), return_exceptions=True)

    loop = VirtualLoop(start=0.0)
    transport = MemoryTransport(wire, clock=loop, sleep=asyncio.sleep, seed=seed, network=Network(jitter=jitter))
    loop.run_until_complete(work(transport))
    loop.close()
    wire.deliver(1e9)
    times = [call.time for call in wire.remote.log]
    assert len(times) == 20
    assert times == sorted(times)


def test_the_same_seed_gives_the_same_way() -> None:
    def times() -> list[float]:
        wire = Wire(Remote(accounts=[Account(calls=None)]))

        async def work(transport: MemoryTransport) -> None:
            await asyncio.gather(*(metrics(transport) for _ in range(20)), return_exceptions=True)

        run(work, wire=wire, network=Network(jitter=3.0, lost=0.1, refused=0.1, answer_lost=0.1))
        return [call.time for call in wire.remote.log]

    assert times() == times()
