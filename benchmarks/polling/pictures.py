"""The measurements as pictures."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.polling.bound import Checks
from benchmarks.polling.svg import Drawing, Logarithmic
from benchmarks.polling.table import Row, seconds
from benchmarks.polling.targets import FAMILIES, LIGHT

COLORS = {
    "learned": "#0b6bcb",
    "oracle": "#2a9d4a",
    "round_robin": "#888888",
    "fixed:15s": "#d98c1f",
    "age": "#a23bbf",
    "middle": "#888888",
}
_LINE, _LEFT, _WIDTH, _TOP = 20, 130, 820, 64
_POLLS = tuple(1.2 * 1.08**step for step in range(60))


def delays(rows: Sequence[Row]) -> Drawing:
    """Mean delays as multiples of round robin's; light load, where delays are traded for polls, has its own picture."""
    rows = [row for row in rows if row.workload not in LIGHT.workloads]
    values = {row.workload: {name: mean / row.mean["round_robin"] for name, mean in row.mean.items()} for row in rows}
    return _lines("Mean detection delay, as a multiple of round robin's", rows, values, low=0.001, high=10.0)


def tails(rows: Sequence[Row]) -> Drawing:
    rows = [row for row in rows if row.workload not in LIGHT.workloads]
    values = {row.workload: {name: p99 / row.p99["round_robin"] for name, p99 in row.p99.items()} for row in rows}
    return _lines("p99 of the detection delay, as a multiple of round robin's", rows, values, low=0.01, high=10.0)


def durations(rows: Sequence[Row]) -> Drawing:
    values = {
        row.workload: {"learned": row.learned.distance, "middle": row.middle.distance}
        for row in rows
        if row.middle.distance
    }
    title = "Kolmogorov distance of the durations told to the true ones; middle: of the detection windows"
    return _lines(title, rows, values, low=0.01, high=1.0)


def light(rows: Sequence[Row]) -> Drawing:
    """Mean delay against polls a request, with the bound that no policy can pass."""
    shown = [row for row in rows if row.workload in LIGHT.workloads]
    drawing = Drawing(_WIDTH, 60 + 260 * ((len(shown) + 1) // 2))
    drawing.text(
        20, 24, "Light load: mean delay (s) against polls a request; the curve is what no policy can pass", kind="title"
    )
    for number, row in enumerate(shown):
        _panel(drawing, row, left=60 + 400 * (number % 2), top=60 + 260 * (number // 2))
    return drawing


PICTURES: Mapping[str, Callable[[Sequence[Row]], Drawing]] = {
    "polling-delays": delays,
    "polling-tails": tails,
    "polling-light": light,
    "polling-durations": durations,
}


def _lines(
    title: str, rows: Sequence[Row], values: Mapping[str, Mapping[str, float]], *, low: float, high: float
) -> Drawing:
    """A line for each workload with a dot for each policy."""
    families = [family for family in FAMILIES if any(name in values for name in family.workloads)]
    drawing = Drawing(_WIDTH, _TOP + _LINE * (len(values) + len(families)) + 30)
    axis = Logarithmic(low, high, _LEFT, _WIDTH - 20)
    drawing.text(20, 24, title, kind="title")
    _legend(drawing, next(iter(values.values())))
    _grid(drawing, axis)
    y = _TOP + 10.0
    for family in families:
        drawing.text(20, y + 4, family.title, kind="small")
        y += _LINE
        for name in (row.workload for row in rows if row.workload in family.workloads and row.workload in values):
            drawing.text(_LEFT - 10, y + 4, name, anchor="end")
            drawing.line(_LEFT, y, _WIDTH - 20, y)
            for policy, value in reversed(list(values[name].items())):
                tip = f"{name}, {policy}: {value:.3g}"
                drawing.dot(axis.at(value), y, color=COLORS[policy], tip=tip, hollow=policy != "learned")
            y += _LINE
    return drawing


def _legend(drawing: Drawing, names: Mapping[str, float]) -> None:
    for number, name in enumerate(names):
        x = _LEFT + 120 * number
        drawing.dot(x, 42, color=COLORS[name], tip=name, hollow=name != "learned")
        drawing.text(x + 10, 46, name)


def _grid(drawing: Drawing, axis: Logarithmic) -> None:
    for tick in axis.ticks():
        color = "#888" if tick == 1.0 else "#eee"
        drawing.line(axis.at(tick), _TOP, axis.at(tick), drawing.height - 22, color=color)
        drawing.text(axis.at(tick), drawing.height - 8, f"{tick:g}", anchor="middle", kind="small")


def _panel(drawing: Drawing, row: Row, *, left: float, top: float) -> None:
    width, height = 320.0, 190.0
    frontier = Checks(row.lasted).frontier(_POLLS)
    points = [(row.polls[name], row.mean[name], name) for name in ("learned", "age", "fixed:15s", "round_robin")]
    points += [(polls, mean, f"learned, {effort}") for effort, (polls, mean) in row.efforts.items()]
    polls = Logarithmic(1.0, 1.2 * max(k for k, _, _ in points), left, left + width)
    delay = Logarithmic(0.8 * min(d for _, d, _ in points), 1.3 * max(d for _, d, _ in points), top + height, top + 10)
    drawing.text(left, top, row.workload)
    _axes(drawing, polls, delay, left=left, bottom=top + height)
    drawing.curve(
        [(polls.at(k), delay.at(d)) for k, d in frontier if delay.low <= d <= delay.high], color=COLORS["oracle"]
    )
    for k, d, name in points:
        x, y, hollow = polls.at(k), delay.at(d), "," in name
        color = COLORS[name.partition(",")[0]]
        drawing.dot(x, y, color=color, tip=f"{name}: {k:.2f} polls, {seconds(d)} s", hollow=hollow)
        # Within the panel, and not on the name of the dot beside it.
        is_right = x > left + 0.7 * width
        drawing.text(
            x - 7 if is_right else x + 7,
            y + 13 if hollow and is_right else y - 4,
            name,
            anchor="end" if is_right else "start",
            kind="small",
        )


def _axes(drawing: Drawing, polls: Logarithmic, delay: Logarithmic, *, left: float, bottom: float) -> None:
    drawing.line(left, bottom, left + 320, bottom, color="#888")
    drawing.line(left, bottom, left, bottom - 180, color="#888")
    for tick in polls.ticks():
        drawing.text(polls.at(tick), bottom + 14, f"{tick:g}", anchor="middle", kind="small")
    for tick in delay.ticks():
        drawing.text(left - 6, delay.at(tick) + 4, f"{tick:g}", anchor="end", kind="small")
