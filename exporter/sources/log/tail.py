"""All the files of one log source, followed through rotation, truncation and restarts. Synchronous: a thread calls it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

from exporter.errors import SourceUnreadable
from exporter.sources.log.bookmark import PATTERN, Bookmark, Identity, identity_of, part
from exporter.sources.log.family import is_compressed, logs_of, template
from exporter.sources.log.finding import Finder, matches, resolved, unreadable
from exporter.sources.log.folders import Folders, Listing, listing
from exporter.sources.log.opened import Lines, OpenedLog, RewrittenError, Sight

# A renamed or removed file may still be written to by who has it open.
LINGER = 60.0
# A file under its own name is closed after that, and opened again when it changes.
IDLE = 3600.0
# The place in a file that is not there is kept for so long: its disk may not be mounted yet.
_KEPT_NS = 7 * 86400 * 10**9
# The times of files are coarse, and lie behind the clock.
_COARSE_NS = 10**9
# Another machine's clock may be ahead by so much, where the files are that one's.
_AHEAD_NS = 300 * 10**9


@dataclass(slots=True)
class _Log:
    """Where the file under a name lies, and since when (ns) generations that nobody has seen are of interest."""

    path: str
    link: bool
    since: int


@dataclass(frozen=True, slots=True)
class _Closed:
    """A file of which nothing is left to read, as long as it stays as it is."""

    bookmark: Bookmark
    size: int
    modified: int

    def unchanged(self, status: os.stat_result) -> bool:
        return (self.size, self.modified) == (status.st_size, status.st_mtime_ns)


class Tail:
    """`look` finds files, `read` gives lines, `positions` tells what to remember of them.

    Files are told apart by device and inode; after a restart, and where one was copied and truncated, by what stands in
    them. Generations that came and went between two looks are found by their names, and read as well.

    `positions` at the making are those of the last commit; `now` are nanoseconds since the epoch, as the files' times.
    """

    def __init__(
        self,
        paths: Sequence[str],
        positions: Mapping[str, str],
        *,
        from_end: bool = False,
        now: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._from_end = from_end
        self._theirs: Sequence[str] = ()
        self._own = [resolved(path) for path in paths]
        self._now = now
        self._monotonic = monotonic
        self._paths = paths
        self._finder = Finder(paths, monotonic)
        self._folders = Folders()
        self._first: set[str] = set()
        self._current: dict[Identity, Sight] = {}
        self._began = {name: int(text) for name, text in positions.items() if name.startswith(PATTERN)}
        found = (Bookmark.read(text) for name, text in positions.items() if not name.startswith(PATTERN))
        # What another configuration followed is none of this one's: its lines may belong to another API now.
        own = (one for one in found if one is not None and matches(one.name, paths))
        bookmarks = sorted(own, key=lambda one: one.since)
        self._logs = {one.name: _Log(one.path, one.link, one.since) for one in bookmarks}
        # Where nothing was read yet, nothing tells the file from another one that got its inode.
        self._unresolved = [one for one in bookmarks if one.offset]
        self._files: dict[Identity, OpenedLog] = {}
        self._closed: dict[Identity, _Closed] = {}
        self._copying: set[str] = set()
        self._moved: set[Identity] = set()
        self._changed: dict[str, str | None] = {one.part: None for one in bookmarks if not one.offset}
        self._problems: dict[str, SourceUnreadable] = {}

    def look(self, others: Iterable[str] = ()) -> Mapping[str, SourceUnreadable]:
        """Find what there is now; `others` are paths that other sources name. What can't be read, by the name under which it was
        looked for."""
        self._theirs = [resolved(path) for path in others]
        self._begin()
        sights, problems = self._finder.sights()
        self._problems = dict(problems)
        self._current = {one.identity: one for one in sights}
        read_until = [(file.name, file.modified) for file in self._files.values() if file.live]
        copying = bool(self._copying)
        self._copying.clear()
        self._resume()
        for sight in sights:
            self._see(sight)
        for identity, file in self._files.items():
            live = identity in self._current
            if file.live and not live:
                # However long it was quiet under its own name, its writer may be in the middle of a line.
                file.moved_at = self._monotonic()
            file.live = live
        self._find_generations(anew=copying)
        for name, modified in read_until:
            if name not in self._copying:
                self._logs[name].since = max(self._logs[name].since, modified)
        self._close_idle()
        return self._problems

    def read(self) -> Iterator[tuple[OpenedLog, Lines]]:
        """Lines of all files, in turns; the rest of those that have another name now comes first."""
        for file in sorted(self._files.values(), key=lambda one: one.modified):
            while not file.live and (lines := self._read(file)) is not None:
                yield file, lines
        busy = [file for file in self._files.values() if file.live]
        while busy:
            for file in list(busy):
                lines = self._read(file)
                if lines is None:
                    busy.remove(file)
                else:
                    yield file, lines

    def positions(self) -> dict[str, str | None]:
        """What has changed since the last call: by part, None where it can be forgotten."""
        for identity in self._moved & self._files.keys():
            self._changed[part(identity)] = self._bookmark(self._files[identity]).text()
        self._moved.clear()
        changed, self._changed = self._changed, {}
        return changed

    def _begin(self) -> None:
        """What is looked for the first time, in this process and those before it."""
        self._first = {path for path in self._paths if PATTERN + path not in self._began}
        for path in self._first:
            self._began[PATTERN + path] = self._now() - _COARSE_NS
            self._changed[PATTERN + path] = str(self._began[PATTERN + path])
        self._heed_the_clock()

    def _heed_the_clock(self) -> None:
        """A file that was written to in a time to come tells of a clock that was set back. What is written now seems older than
        that: all that was made since the first look is of interest again. What was read of it is known by its bookmark."""
        now = self._now()
        for kept, since in self._began.items():
            if since > now + _AHEAD_NS:
                self._began[kept] = now - _COARSE_NS
                self._changed[kept] = str(self._began[kept])
        for name, log in self._logs.items():
            if log.since > now + _AHEAD_NS:
                began = (since for kept, since in self._began.items() if matches(name, [kept.removeprefix(PATTERN)]))
                log.since = min(began, default=now)

    def _resume(self) -> None:
        """Find the files of the bookmarks again, whatever they are called now: first those that have kept their inode, so that no
        other bookmark takes one of them for a copy."""
        unreachable: list[Bookmark] = []
        for find in (self._renamed, self._generations_of):
            self._unresolved = [one for one in self._unresolved if self._is_missed(one, find, unreachable)]
        self._unresolved = [one for one in self._unresolved if self._may_return(one)] + unreachable

    def _is_missed(
        self, bookmark: Bookmark, find: Callable[[Bookmark], Iterable[Sight]], unreachable: list[Bookmark]
    ) -> bool:
        try:
            return not self._find_again(bookmark, find(bookmark))
        except OSError as error:
            self._problems[bookmark.name] = unreadable(bookmark.path, error)
            unreachable.append(bookmark)
            return False

    def _find_again(self, bookmark: Bookmark, sights: Iterable[Sight]) -> bool:
        for sight in sights:
            if sight.identity in self._files or sight.identity in self._closed:
                continue
            file = self._opened_at(bookmark, sight)
            if file is not None:
                self._follow(file)
                self._forget(bookmark.identity)
                return True
        return False

    def _renamed(self, bookmark: Bookmark) -> Iterator[Sight]:
        """The same file, whatever it is called."""
        if (same := self._current.get(bookmark.identity)) is not None:
            yield same
        yield from self._beside(bookmark, lambda _, status: identity_of(status) == bookmark.identity)

    def _generations_of(self, bookmark: Bookmark) -> Iterator[Sight]:
        """What has its name now, and what rotation made of it; the oldest first."""
        folder, base = os.path.split(bookmark.path)
        yield from self._beside(bookmark, lambda name, _: name == base)
        yield from self._beside(
            bookmark,
            lambda name, _: (
                base in logs_of(name) and not is_compressed(name) and not self._is_of_others(os.path.join(folder, name))  # noqa: PTH118
            ),
        )

    def _beside(self, bookmark: Bookmark, fits: Callable[[str, os.stat_result], bool]) -> Iterator[Sight]:
        folder = os.path.dirname(bookmark.path)  # noqa: PTH120
        for name, status in sorted(listing(folder).items(), key=lambda entry: entry[1].st_mtime_ns):
            if fits(name, status):
                found = Sight("", bookmark.name, os.path.join(folder, name), bookmark.link, status)  # noqa: PTH118
                yield self._current.get(found.identity, found)

    def _opened_at(self, bookmark: Bookmark, sight: Sight) -> OpenedLog | None:
        file = OpenedLog(sight, bookmark.offset, now=self._monotonic())
        if file.continues(bookmark):
            return file
        place = 0 if sight.path == bookmark.path else file.known_until(bookmark)
        return OpenedLog(sight, place, now=self._monotonic()) if place else None

    def _may_return(self, bookmark: Bookmark) -> bool:
        """Whether to wait for a file that is not there. If not, it is told what may be lost."""
        if not Path(bookmark.path).exists() and self._now() < bookmark.since + _KEPT_NS:
            return True
        self._forget(bookmark.identity)
        if not bookmark.closed:
            what = f"was removed, compressed or emptied before it was read on; what followed byte {bookmark.offset} is not read"
            self._problems[f"{bookmark.path} {bookmark.part}"] = SourceUnreadable(f"{bookmark.path}: {what}")
        return False

    def _see(self, sight: Sight) -> None:
        """Follow a file, known or new."""
        if sight.pattern:
            self._remember(sight)
        file = self._files.get(sight.identity)
        if file is not None:
            file.seen(sight)
            return
        closed = self._closed.get(sight.identity)
        if closed is not None and closed.unchanged(sight.status):
            return
        try:
            file = self._reopened(closed.bookmark, sight) if closed is not None else self._new(sight)
        except OSError as error:
            # What has just been renamed or removed is no trouble.
            if not isinstance(error, FileNotFoundError):
                self._problems[sight.name] = unreadable(sight.path, error)
            return
        if file is not None:
            self._follow(file)

    def _remember(self, sight: Sight) -> None:
        log = self._logs.get(sight.name)
        if log is None:
            self._logs[sight.name] = _Log(sight.path, sight.link, self._began[PATTERN + sight.pattern])
        else:
            log.path, log.link = sight.path, sight.link

    def _reopened(self, bookmark: Bookmark, sight: Sight) -> OpenedLog | None:
        """A file that changed after it was closed: it goes on, or is another one that has its place."""
        del self._closed[sight.identity]
        file = OpenedLog(sight, bookmark.offset, now=self._monotonic())
        if file.continues(bookmark):
            return file
        self._find_again(bookmark, chain(self._renamed(bookmark), self._generations_of(bookmark)))
        return self._new(sight)

    def _new(self, sight: Sight) -> OpenedLog | None:
        """From its beginning. A copy is left alone as long as its original can be read on, and then read from where that one
        was read to."""
        for original in self._originals(sight):
            file, bookmark = OpenedLog(sight, original.offset, now=self._monotonic()), original.bookmark()
            if file.begins(original):
                self._copying.add(original.name)
                return None
            if original.offset and file.continues(bookmark):
                return file
            if place := file.known_until(bookmark):
                return OpenedLog(sight, place, now=self._monotonic())
        file = OpenedLog(sight, 0, now=self._monotonic())
        if file.is_compressed():
            self._closed[file.identity] = _Closed(file.bookmark(closed=True), sight.status.st_size, file.modified)
            return None
        return file.at_last_line(sight, self._monotonic()) if self._from_end and sight.pattern in self._first else file

    def _originals(self, sight: Sight) -> list[OpenedLog]:
        """What the file may be a copy of."""
        names = set(_names(sight.path)[1:])
        return [one for one in self._files.values() if one.identity != sight.identity and one.path in names]

    def _follow(self, file: OpenedLog) -> None:
        self._files[file.identity] = file
        self._moved.add(file.identity)

    def _forget(self, identity: Identity) -> None:
        if identity not in self._files and identity not in self._closed:
            self._changed[part(identity)] = None

    def _find_generations(self, *, anew: bool) -> None:
        """Files that belong to a log and that no look has seen under its name."""
        found: list[Sight] = []
        for folder, logs in self._by_folder().items():
            try:
                entries = self._folders.news(folder, anew=anew)
            except OSError:
                continue
            if entries is not None:
                self._forget_gone(folder, entries)
                found += self._generations(folder, entries, logs)
        for sight in sorted(found, key=lambda one: one.status.st_mtime_ns):
            self._see(sight)

    def _by_folder(self) -> dict[str, dict[str, str]]:
        """By folder: the names of the logs by those of their files."""
        folders: dict[str, dict[str, str]] = {os.path.realpath(os.path.dirname(path)): {} for path in self._paths}  # noqa: PTH120
        for name, log in self._logs.items():
            folder, base = os.path.split(log.path)
            folders.setdefault(folder, {})[template(base) if log.link else base] = name
        return folders

    def _generations(self, folder: str, entries: Listing, logs: Mapping[str, str]) -> Iterator[Sight]:
        for entry, status in entries.items():
            identity = identity_of(status)
            if identity in self._files or is_compressed(entry):
                continue
            bases = [*logs_of(entry), template(entry)]
            place = next((place for place, base in enumerate(bases) if base in logs), None)
            name = self._unseen(folder, bases) if place is None else logs[bases[place]]
            if name is None or (status.st_mtime_ns < self._logs[name].since and identity not in self._closed):
                continue
            # One that is another source's log is none of ours, nor is what has a longer name of another's log in it.
            if not any(self._is_of_others(os.path.join(folder, one)) for one in (entry, *bases[:place])):  # noqa: PTH118
                yield Sight("", name, os.path.join(folder, entry), self._logs[name].link, status)  # noqa: PTH118

    def _is_of_others(self, path: str) -> bool:
        """A file that another source names is that one's alone, though its name could be that of a generation."""
        return matches(path, self._theirs) and not matches(path, self._own)

    def _unseen(self, folder: str, bases: Sequence[str]) -> str | None:
        """A log that is configured, and that no look has met between its making and its renaming."""
        for path in self._paths:
            parent, pattern = os.path.split(path)
            base = next((one for one in bases if fnmatchcase(one, pattern)), None)
            if base is not None and os.path.realpath(parent) == folder:
                name = os.path.join(parent, base)  # noqa: PTH118
                self._logs[name] = _Log(os.path.join(folder, base), link=False, since=self._began[PATTERN + path])  # noqa: PTH118
                return name
        return None

    def _forget_gone(self, folder: str, entries: Listing) -> None:
        there = {identity_of(status) for status in entries.values()} | self._current.keys()
        for identity, closed in list(self._closed.items()):
            if os.path.dirname(closed.bookmark.path) == folder and identity not in there:  # noqa: PTH120
                del self._closed[identity]
                self._forget(identity)

    def _read(self, file: OpenedLog) -> Lines | None:
        try:
            lines = file.read() or self._last(file)
        except RewrittenError:
            # The rest may be in a copy; what it is a copy of is known until the file is begun anew.
            self._find_generations(anew=True)
            file.restart()
            self._moved.add(file.identity)
            return self._read(file)
        except OSError as error:
            self._problems[file.name] = unreadable(file.path, error)
            del self._files[file.identity]
            if file.offset:
                self._unresolved.append(self._bookmark(file))
            return None
        if lines is not None:
            file.moved_at = self._monotonic()
            self._moved.add(file.identity)
        return lines

    def _last(self, file: OpenedLog) -> Lines | None:
        """What a file ends with that is written to no more: it has another name, and has not grown for a while."""
        if file.live or file.has_grown(self._monotonic()) or self._monotonic() - file.moved_at < LINGER:
            return None
        lines = file.read(to_the_end=True)
        if lines is None:
            self._close(file)
        return lines

    def _close_idle(self) -> None:
        now = self._monotonic()
        for file in list(self._files.values()):
            if file.live and now - file.moved_at >= IDLE:
                self._close(file)

    def _close(self, file: OpenedLog) -> None:
        del self._files[file.identity]
        if not file.status().st_nlink:
            self._forget(file.identity)
            return
        bookmark = replace(self._bookmark(file), closed=not file.live)
        # The size is what was read, not what is there: more may have come.
        self._closed[file.identity] = _Closed(bookmark, file.offset, file.modified)
        self._changed[bookmark.part] = bookmark.text()

    def _bookmark(self, file: OpenedLog) -> Bookmark:
        return file.bookmark(since=self._logs[file.name].since)


def _names(path: str) -> list[str]:
    """A file's own, and those of the logs that it may be a generation of."""
    folder, base = os.path.split(path)
    return [path, *(os.path.join(folder, name) for name in logs_of(base))]  # noqa: PTH118
