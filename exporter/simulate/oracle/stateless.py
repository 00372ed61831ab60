"""The parts of a Policy that an oracle has no use for."""

from collections.abc import Mapping
from typing import Any

from exporter.core.schedule import Undetected


class Stateless:
    """It learns nothing, so that there is nothing to tell, keep or restore."""

    reason = "known"

    def again(self, slot: int, *, now: float, not_before: float = 0.0) -> None:
        raise NotImplementedError

    def unfinished(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        raise NotImplementedError

    def unchanged(self, slot: int, *, sent: float, now: float, erring: bool) -> None:
        self.unfinished(slot, sent=sent, now=now, erring=erring)
        self.again(slot, now=now)

    def finished(self, slot: int, *, now: float) -> None:
        """It was taken out when it was picked."""

    def place(self, slot: int, lower: float, upper: float) -> float:
        del slot
        return (lower + upper) / 2

    def undetected(self, api: str) -> Undetected | None:
        return None

    def pace(self, rate: float) -> None:
        """The budget's rate is that of the beginning."""

    def queue_speed(self, api: str, per_second: float, *, now: float) -> None:
        """It is known already."""

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """There is nothing to restore."""
