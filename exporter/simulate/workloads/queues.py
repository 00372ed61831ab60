"""Requests that wait for each other: workers take them out of one queue, in some order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from random import Random

from exporter.simulate.trace import Request, Trace

# Seconds that an attempt takes when it starts at a time.
Service = Callable[[Random, float], float]
# What a waiting request is taken out by, the lowest first, given its place in the order of submission.
Discipline = Callable[[Random, int], float]


def first_in_first_out(random: Random, place: int) -> float:
    del random
    return place


def last_in_first_out(random: Random, place: int) -> float:
    del random
    return -place


def at_random(random: Random, place: int) -> float:
    del place
    return random.random()


def priorities(urgent: float) -> Discipline:
    """A share of the requests is `urgent` and goes before all others."""
    return lambda random, place: place - (1e9 if random.random() < urgent else 0.0)


def queue(
    random: Random,
    submitted: Sequence[float],
    service: Service,
    *,
    workers: int = 1,
    discipline: Discipline = first_in_first_out,
) -> Trace:
    """Each worker takes the next request as soon as it is free."""
    free = [min(submitted)] * workers
    heapify(free)
    waiting: list[tuple[float, int]] = []
    requests: dict[int, Request] = {}
    arrived = 0
    while len(requests) < len(submitted):
        now = heappop(free)
        if not waiting and arrived < len(submitted):
            now = max(now, submitted[arrived])
        while arrived < len(submitted) and submitted[arrived] <= now:
            heappush(waiting, (discipline(random, arrived), arrived))
            arrived += 1
        _, place = heappop(waiting)
        end = now + service(random, now)
        requests[place] = Request(submitted=submitted[place], started=now, finished=end, known_at=submitted[place])
        heappush(free, end)
    return tuple(requests[place] for place in range(len(submitted)))


def outages(service: Service, *, every: float, lasting: float) -> Service:
    """The workers stand still for so long, again and again: whoever would end in an outage ends after it."""

    def interrupted(random: Random, start: float) -> float:
        seconds = service(random, start)
        phase = start % every
        until_outage = every - lasting - phase
        return seconds if seconds < until_outage else seconds + lasting + min(0.0, until_outage)

    return interrupted


def noisy(random: Random, trace: Trace, *, deviation: float) -> Trace:
    """What the exporter takes for the order of submission is off by `deviation` places (a standard deviation)."""
    places = sorted(range(len(trace)), key=lambda place: place + random.gauss(0, deviation))
    return tuple(_with_end(shown, trace[place]) for shown, place in zip(trace, places, strict=True))


def shuffled(random: Random, trace: Trace) -> Trace:
    """The order tells nothing, as after a restart from a list that has none."""
    places = list(range(len(trace)))
    random.shuffle(places)
    return tuple(_with_end(shown, trace[place]) for shown, place in zip(trace, places, strict=True))


def unordered(trace: Trace) -> Trace:
    """The exporter knows that it does not know the order."""
    return tuple(replace(request, ordered=False) for request in trace)


def discovered(random: Random, trace: Trace, *, at: float) -> Trace:
    """The exporter learns of the requests only `at` so many seconds, in no order, nor when they were submitted."""
    requests = [replace(one, known_at=max(at, one.submitted), ordered=False, dated=False) for one in trace]
    random.shuffle(requests)
    return tuple(requests)


def _with_end(shown: Request, true: Request) -> Request:
    """Never before it was submitted."""
    started, finished = true.started or 0.0, true.finished or 0.0
    started = max(started, shown.submitted)
    return replace(shown, started=started, finished=max(finished, started + 0.01))
