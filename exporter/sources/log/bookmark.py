"""How far a log file was read, in a form that finds the place again whatever became of the file meanwhile."""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import blake2b

# So much of the beginning of a file, and of what lies before the place, has to be the same for it to be the same file.
WINDOW = 1024
# What is kept under this and a pattern is no bookmark, but since when (ns) files that it finds are of interest.
PATTERN = "pattern:"

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Everything before `offset` is taken in.

    name     under which the configuration finds the log
    path     of the file itself, behind all links, when it had that name
    link     the name was a link to the path
    device, inode    of the file
    head, before     digests of the first WINDOW bytes, and of those right before `offset`; of fewer where there are fewer
    closed   it had another name already, and was read to its end
    inside   `offset` lies within a line that is passed over because it is too long
    since    earlier generations of this log that were written before this time (ns) are known, or of no interest
    trail    ends of lines up to `offset`, the last ones, each with a digest of what lies between it and the one before
    """

    name: str
    path: str
    link: bool
    device: int
    inode: int
    offset: int
    head: str
    before: str
    closed: bool
    inside: bool
    since: int
    trail: tuple[tuple[int, str], ...] = ()

    @property
    def identity(self) -> Identity:
        return (self.device, self.inode)

    @property
    def part(self) -> str:
        return part(self.identity)

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Bookmark | None":
        """None where another version wrote it."""
        try:
            fields = json.loads(text)
            trail = tuple((int(place), str(before)) for place, before in fields.pop("trail", ()))
            return cls(**fields, trail=trail)
        except (ValueError, TypeError, AttributeError):
            return None


def identity_of(status: os.stat_result) -> Identity:
    """What tells files apart."""
    return (status.st_dev, status.st_ino)


def part(identity: Identity) -> str:
    """What a file's cursor is called."""
    device, inode = identity
    return f"{device}:{inode}"


def digest(data: bytes) -> str:
    """The bytes themselves, which may be a lead's data, are not kept."""
    return blake2b(data, digest_size=12).hexdigest()
