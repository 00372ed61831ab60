"""What the store keeps of how far a source has read, whatever the source is called now.

The positions of a source that was given no name belong to what it reads: its name moves with its place in the list.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from exporter.config.settings import LogSource, Source, SqlSource
from exporter.core.cursor import Cursor
from exporter.sources.log.bookmark import PATTERN, Bookmark
from exporter.sources.log.finding import matches

# What positions of log sources without a name are kept under; an earlier version took the name for their place.
_UNNAMED_LOG = re.compile(r"log:.*|log(-[0-9]+)?")

Positions = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """Positions by part. `moves` bring to the source, in the store, what is there under another name."""

    positions: Positions
    moves: tuple[Cursor, ...] = ()


def of_sql(source: SqlSource, sources: Collection[Source], kept: Mapping[str, Positions]) -> Kept:
    """The only source of its type goes on from what was kept under its name; of several nobody knows whose that is."""
    own, former = kept.get(source.owner, {}), kept.get(source.name, {})
    text = former.get(source.cursor)
    if source.owner == source.name or text is None:
        return Kept(own)
    forgotten = Cursor(source=source.name, part=source.cursor, position=None)
    if source.cursor in own or sum(isinstance(one, SqlSource) for one in sources) > 1:
        return Kept(own, (forgotten,))
    moved = Cursor(source=source.owner, part=source.cursor, position=text)
    return Kept({**own, source.cursor: text}, (moved, forgotten))


def of_log(source: LogSource, sources: Collection[Source], kept: Mapping[str, Positions]) -> Kept:
    """With a pattern that nobody had before it goes on with the files of its paths that nobody has any more, from where the one
    was that had come least far."""
    own = kept.get(source.owner, {})
    if source.owner == source.name:
        return Kept(own)
    owners = {one.owner for one in sources if isinstance(one, LogSource)}
    orphans = [one for one in kept if one not in owners and _UNNAMED_LOG.fullmatch(one)]
    found: dict[str, tuple[int, str]] = {}
    moves: list[Cursor] = []
    for orphan in orphans:
        for part, text, place in _of_paths(source.paths, kept[orphan]):
            moves.append(Cursor(source=orphan, part=part, position=None))
            found[part] = min((place, text), found.get(part, (place, text)))
    adopted = {part: text for part, (_, text) in found.items() if part not in own}
    moves += (Cursor(source=source.owner, part=part, position=text) for part, text in adopted.items())
    return Kept({**adopted, **own}, tuple(moves))


def _of_paths(paths: tuple[str, ...], positions: Positions) -> Iterator[tuple[str, str, int]]:
    """Part, text, and how far that is."""
    for part, text in positions.items():
        if part.startswith(PATTERN):
            if part.removeprefix(PATTERN) in paths:
                yield part, text, int(text)
        elif (bookmark := Bookmark.read(text)) is not None and matches(bookmark.name, paths):
            yield part, text, bookmark.offset


def logs_followed(kept: Mapping[str, Positions]) -> Mapping[str, set[str]]:
    """The names of the logs that sources follow, or followed, by what their positions are kept under."""
    return {
        owner: {
            bookmark.name
            for text in positions.values()
            if text.startswith("{") and (bookmark := Bookmark.read(text)) is not None
        }
        for owner, positions in kept.items()
    }
