"""The RequestIDs of what is pending in a database, so that none is taken in twice, whatever the caller knows.

An index over random names was most of the work of an intake, and more the larger it was. A set of the very strings that the
watch holds anyway takes 34 to 67 bytes a request.
"""

from collections.abc import Iterable


class PendingNames:
    """What a transaction adds or ends counts once `keep` says that it took effect; `undo` forgets it."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._added: set[str] = set()
        self._ended: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._names or name in self._added

    def __len__(self) -> int:
        return len(self._names)

    def add(self, names: Iterable[str]) -> None:
        self._added.update(names)

    def end(self, name: str) -> None:
        self._ended.append(name)

    def keep(self) -> None:
        self._names |= self._added
        self._names.difference_update(self._ended)
        self.undo()

    def undo(self) -> None:
        if self._added:
            self._added = set()
        if self._ended:
            self._ended = []
