"""When the exporter could see what: some losses are allowed while it could not."""

from math import inf

EXPORTER = "the exporter"
STORE_TROUBLE = "the store in trouble"
# Whoever was refused asks again after 1 s, 2 s, 4 s.
RECOVERY = "the store in trouble, or not yet asked again"


def source(name: str) -> str:
    return f"source {name}"


class Spans:
    """Times in seconds of the round during which something was so, by what was so."""

    def __init__(self) -> None:
        self._ends: list[tuple[float, bool]] = []
        self._spans: dict[str, list[tuple[float, float]]] = {}

    def begin(self, what: str, at: float) -> None:
        self._spans.setdefault(what, []).append((at, inf))

    def end(self, what: str, at: float) -> None:
        spans = self._spans.get(what, [])
        if spans and spans[-1][1] == inf:
            spans[-1] = (spans[-1][0], at)

    def held(self, what: str, *, since: float, until: float) -> bool:
        """Whether it was so all the time."""
        return any(begin <= since and until <= end for begin, end in self._spans.get(what, ()))

    def touched(self, what: str, *, since: float, until: float) -> bool:
        """Whether it was so at any time."""
        return any(begin <= until and since <= end for begin, end in self._spans.get(what, ()))

    def watched(self, name: str, *, since: float, until: float) -> bool:
        """Whether a process with this source and a store that works ran all the time."""
        working = all(self.held(what, since=since, until=until) for what in (EXPORTER, source(name)))
        return working and not self.touched(RECOVERY, since=since, until=until)

    def over(self, what: str, *, since: float, until: float) -> float:
        """When that was over which was so at any time between; `until` where nothing was."""
        ends = [end for begin, end in self._spans.get(what, ()) if begin <= until and since <= end]
        return max([until, *ends])

    def process_ended(self, at: float, *, killed: bool) -> None:
        self._ends.append((at, killed))

    def killed(self, *, since: float, until: float) -> bool:
        """Whether the process that ran at `since` was killed until then, and not stopped."""
        at, killed = next((end for end in self._ends if end[0] >= since), (inf, False))
        return killed and at <= until
