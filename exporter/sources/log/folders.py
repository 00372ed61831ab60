"""What lies in the folders of the logs."""

import os
import stat
import time
from dataclasses import dataclass

# The time of a folder's last change is coarse: a change right after a listing may bear the time of the one before.
_COARSE_NS = 2_000_000_000
# A file that grows does not change its folder.
_LATEST_SECONDS = 30.0

Listing = dict[str, os.stat_result]


def listing(folder: str) -> Listing:
    """The regular files by name. May raise OSError."""
    found: Listing = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found[entry.name] = status
    return found


@dataclass(frozen=True, slots=True)
class _Listed:
    """The time (ns) of the last change before the listing, whether another one may bear the same, and when (s) it was listed."""

    changed: int
    lately: bool
    at: float

    def is_due(self) -> bool:
        return self.lately or time.monotonic() - self.at >= _LATEST_SECONDS


class Folders:
    """Lists a folder only when something may have changed in it: there can be thousands of files."""

    def __init__(self) -> None:
        self._listed: dict[str, _Listed] = {}

    def news(self, folder: str, *, anew: bool) -> Listing | None:
        """None where nothing has changed since the last call, unless it shall be listed `anew`. May raise OSError."""
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116
        known = self._listed.get(folder)
        if not anew and known is not None and known.changed == changed and not known.is_due():
            return None
        self._listed[folder] = _Listed(changed, _changed_lately(changed), time.monotonic())
        return listing(folder)


def _changed_lately(changed: int) -> bool:
    """A clock that was set back makes it a change to come."""
    return time.time_ns() - changed < _COARSE_NS
