"""Two moments out of simulated runs, for docs/scheduling.md: `python -m benchmarks.polling.scenes` draws them anew."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.polling.pictures import COLORS
from benchmarks.polling.svg import Drawing
from exporter.core.budget import Budget, burst
from exporter.core.schedule import Policy
from exporter.simulate import policies
from exporter.simulate.run import Conditions, Run, default_horizon
from exporter.simulate.trace import Trace
from exporter.simulate.workloads import WORKLOADS

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SHOWN = ("learned", "age", "fixed:15s")
_LEFT, _RIGHT = 110, 780


@dataclass(frozen=True, slots=True)
class Poll:
    time: float
    place: int
    finished: bool


def polls(trace: Trace, name: str) -> list[Poll]:
    """Every poll of a run of this policy at 25 calls in 5 s."""
    random = Random(1)
    budget = Budget([burst(calls=25, seconds=5.0)])
    policy = policies.new_policy(
        name, rate=5.0, burst=25, now=0.0, effort="normal", max_staleness=1800.0, random=random
    )
    seen: list[Poll] = []
    _watch(policy, trace, seen)
    Run(trace, policy, budget, Conditions(horizon=default_horizon(trace)), random).outcome()
    return seen


def _watch(policy: Policy, trace: Trace, seen: list[Poll]) -> None:
    ask: Callable[[float], int | None] = policy.next

    def recorded(now: float) -> int | None:
        place = ask(now)
        if place is not None:
            end = trace[place].finished
            seen.append(Poll(now, place, end is not None and end <= now))
        return place

    policy.next = recorded  # type: ignore[method-assign]


def one_request() -> Drawing:
    """A request that lasts about 40 s, as most of them do, under three policies."""
    trace = WORKLOADS["b2"].generate(Random(1))
    place = min(range(4000, 4400), key=lambda i: abs((trace[i].finished or 0.0) - trace[i].submitted - 40.0))
    begin, end = trace[place].submitted, trace[place].finished or 0.0
    drawing = Drawing(820, 240)
    drawing.text(20, 24, "Polls of one request; requests last 40 s, give or take 6 s", kind="title")
    scale = (_RIGHT - _LEFT) / 70.0
    drawing.line(_LEFT + (end - begin) * scale, 50, _LEFT + (end - begin) * scale, 200, color="#c0392b", dash="4 3")
    drawing.text(_LEFT + (end - begin) * scale, 46, "it finishes", anchor="middle", kind="small")
    for number, name in enumerate(SHOWN):
        _row(drawing, name, [one for one in polls(trace, name) if one.place == place], begin, end, 80 + 45 * number)
    for age in range(0, 71, 10):
        drawing.text(_LEFT + age * scale, 222, f"{age} s", anchor="middle", kind="small")
    return drawing


def _row(drawing: Drawing, name: str, made: list[Poll], begin: float, end: float, y: float) -> None:
    scale = (_RIGHT - _LEFT) / 70.0
    drawing.line(_LEFT, y, _RIGHT, y)
    drawing.text(20, y + 4, name)
    for one in made:
        drawing.dot(_LEFT + (one.time - begin) * scale, y, color=COLORS[name], tip="", hollow=not one.finished)
    noticed = f"{len(made)} polls, noticed {made[-1].time - end:.1f} s late"
    drawing.text(_RIGHT, y - 8, noticed, anchor="end", kind="small")


def frontier() -> Drawing:
    """Half a minute of a queue that works in order."""
    trace = WORKLOADS["backlog"].generate(Random(1))
    begin, length = 600.0, 30.0
    made = [one for one in polls(trace, "learned") if begin <= one.time <= begin + length]
    first = min(place for place, one in enumerate(trace) if (one.finished or 0.0) > begin)
    near = [one for one in made if abs(one.place - first) < 90]
    drawing = Drawing(820, 400)
    title = "A backlog in order: the line is where the queue is, dots are polls, filled ones found a finish"
    drawing.text(20, 24, title, kind="title")
    across, up = (_RIGHT - 60) / length, 330 / 80
    ends = [(one.finished or 0.0, place) for place, one in enumerate(trace)]
    steps = [(end - begin, place - first) for end, place in ends if begin <= end <= begin + length]
    drawing.curve(((60 + time * across, 370 - place * up) for time, place in sorted(steps)), color="#c0392b")
    for one in near:
        x, y = 60 + (one.time - begin) * across, 370 - (one.place - first) * up
        drawing.dot(x, y, color=COLORS["learned"], tip=f"request {one.place}", hollow=not one.finished)
    drawing.text(
        20,
        390,
        f"{len(made)} polls in 30 s, {len(steps)} finishes; the requests behind them wait unasked",
        kind="small",
    )
    return drawing


def main() -> None:
    for name, draw in (("polls", one_request), ("frontier", frontier)):
        (PICTURES / f"{name}.svg").write_text(str(draw()), "utf-8")


if __name__ == "__main__":
    main()
