"""How a log can be rotated."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rotation:
    """What logrotate is told. `vanishes_after` rotations a generation is packed or moved away: from then on only who has it
    open can read it."""

    directives: str
    vanishes_after: int | None = None

    @property
    def copies(self) -> bool:
        return "copytruncate" in self.directives

    def suits(self, names: Sequence[str]) -> bool:
        """Not where it makes orders.2.log out of orders.log, and there is an orders.2.log that is another log."""
        numbers_within = "extension" in self.directives and "dateext" not in self.directives
        return not (numbers_within and any(re.search(r"\.[0-9]+\.log", name) for name in names))

    def __str__(self) -> str:
        return self.directives


_DAY = "dateext;dateformat -%Y%m%d-%s"
ROTATIONS = (
    Rotation("create"),
    Rotation("nocreate"),
    Rotation("create;start 0"),
    Rotation("create;extension .log"),
    Rotation(f"create;{_DAY}"),
    Rotation("create;dateext;dateformat .%Y-%m-%d-%s"),
    Rotation(f"create;{_DAY};extension .log"),
    Rotation("copytruncate"),
    Rotation("copytruncate;start 0"),
    Rotation(f"copytruncate;{_DAY}"),
    Rotation("copytruncate;extension .log"),
    Rotation("create;compress", vanishes_after=1),
    Rotation("create;compress;delaycompress", vanishes_after=2),
    Rotation("copytruncate;compress;delaycompress", vanishes_after=2),
    Rotation("create;olddir old", vanishes_after=1),
)
NAMES = (
    ("app.log",),
    ("worker-0.log", "worker-1.log", "worker-2.log"),
    ("pod-0.log", "pod-1.log"),
    ("ip-10-0-0-1.log", "ip-10-0-0-2.log"),
    ("app_8080.log", "app_8081.log"),
    ("api-v2.log", "api-v3.log"),
    ("orders.2.log", "orders.log"),
    ("import-20261201.log", "import.log"),
)
