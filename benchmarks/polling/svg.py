"""As much of SVG as the pictures need: no library, and text that can be read and compared."""

from collections.abc import Iterable
from html import escape
from math import ceil, floor, log10

_STYLE = "text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:10px;fill:#555}.title{font-size:14px;font-weight:600}"


class Drawing:
    """Coordinates in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._parts = [f'<rect width="{width}" height="{height}" fill="#fff"/>']

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> None:
        name = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{name}>{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, *, color: str = "#ddd", dash: str = "") -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self._parts.append(f'<line {place} stroke="{color}"{dashed}/>')

    def curve(self, points: Iterable[tuple[float, float]], *, color: str) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')

    def dot(self, x: float, y: float, *, color: str, tip: str, hollow: bool = False) -> None:
        fill = "#fff" if hollow else color
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{color}"><title>{escape(tip)}</title></circle>'
        )

    def __str__(self) -> str:
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        body = "\n".join(self._parts)
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n{body}\n</svg>\n'


class Logarithmic:
    """An axis from `low` to `high` over pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Values beyond the axis lie on its end."""
        inside = min(self.high, max(self.low, value))
        return self._start + (self._end - self._start) * log10(inside / self.low) / log10(self.high / self.low)

    def ticks(self) -> list[float]:
        """1, 2, 5 of each decade; the decades alone where these would be too many."""
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        steps = (1, 2, 5) if len(decades) <= 4 else (1,)
        found = [step * 10.0**decade for decade in decades for step in steps]
        return [value for value in found if self.low <= value * 1.0001 and value <= self.high * 1.0001]
