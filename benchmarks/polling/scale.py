"""A million unfinished requests: bytes resident each for the policy, and microseconds a pick.

`python -m benchmarks.polling.scale [--requests 1000000]`. A pick is everything that the policy does for one poll: due, next,
unfinished, again, and for some finished; the budget and the loop are left out.
"""

import argparse
import gc
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from random import Random

from exporter.core.schedule import Policy, Unfinished
from exporter.simulate.policies import new_policy

POLLS = 20_000
RATE = 5.0


def scale(requests: int, *, ordered: bool) -> tuple[float, float]:
    """Bytes a request and microseconds a pick, out of a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (requests, ordered))


def _measure(requests: int, ordered: bool) -> tuple[float, float]:
    policy = new_policy(
        "learned", rate=RATE, burst=25, now=0.0, effort="normal", max_staleness=1800.0, random=Random(1)
    )
    gc.collect()
    before = _resident()
    for slot in range(requests):
        request = Unfinished(api="lead_update", origin=0.0, order=slot if ordered else None)
        policy.add((slot,), (request,), now=0.0)
    gc.collect()
    # Polls move requests between groups, which takes memory too.
    seconds = _poll(policy, POLLS, finished=lambda slot, now: slot < 4 * now if ordered else slot % 7 == 0)
    gc.collect()
    return (_resident() - before) / requests, 1e6 * seconds / POLLS


def _poll(policy: Policy, polls: int, *, finished: Callable[[int, float], bool]) -> float:
    """The CPU seconds that `polls` of them took."""
    now, done, began = 1.0, 0, time.process_time()
    while done < polls:
        now = max(now, policy.due() or now)
        slot = policy.next(now)
        if slot is None:
            now += 0.05
            continue
        done += 1
        if finished(slot, now):
            policy.finished(slot, now=now)
        else:
            policy.unfinished(slot, sent=now, now=now, erring=False)
            policy.again(slot, now=now)
    return time.process_time() - began


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    requests = parser.parse_args().requests
    for ordered in (True, False):
        size, picking = scale(requests, ordered=ordered)
        print(f"{requests} {'in order' if ordered else 'in no order'}: {size:.0f} bytes each, {picking:.0f} us a pick")


if __name__ == "__main__":
    main()
