"""The real process with sources that nobody gave a name: they come and go, and each goes on where it was."""

import signal
import sqlite3
from pathlib import Path

from tests.e2e.processes import eventually
from tests.e2e.test_log import Exporter, exporter

__all__ = ["exporter"]

DATABASE = (
    "  - {{type: sql, account: acme, url: 'sqlite:///{folder}/{name}.db', cursor: id, interval: 100ms, look_back: 0s, "
    "query: 'select request_id from outbox where id > :cursor order by id'}}\n"
)
LOG = (
    "  - {{type: log, account: acme, paths: ['{folder}/{name}.log'], read_from: end, "
    "pattern: 'RequestID=(?P<request_id>[a-z0-9-]+)'}}\n"
)


def insert(path: Path, *ids: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table if not exists outbox (id integer primary key, request_id text)")
        connection.executemany("insert into outbox (request_id) values (?)", [(one,) for one in ids])
    connection.close()


def append(path: Path, *ids: str) -> None:
    with path.open("a") as file:
        file.writelines(f"RequestID={one}\n" for one in ids)


def kept(exporter: Exporter) -> list[tuple[str, str]]:
    """Whose positions there are, and of what."""
    connection = sqlite3.connect(exporter.folder / "state.db")
    rows = connection.execute("select source, part from cursors").fetchall()
    connection.close()
    return rows


def begun(exporter: Exporter, *names: str) -> None:
    """Wait until the ends of the logs were looked up."""
    parts = {f"pattern:{exporter.folder}/{name}.log" for name in names}
    eventually(lambda: {part for _, part in kept(exporter)}, fits=parts.issubset)


def configure(exporter: Exporter, source: str, *names: str) -> None:
    exporter.configure(*(source.format(folder=exporter.folder, name=name) for name in names))


def test_a_database_that_moves_up_in_the_list_loses_no_row(exporter: Exporter) -> None:
    insert(exporter.folder / "a.db", *(f"a-{number}" for number in range(50)))
    insert(exporter.folder / "b.db", "b-1", "b-2")
    configure(exporter, DATABASE, "a", "b")
    process = exporter.start()
    eventually(exporter.stored, fits=lambda ids: len(ids) == 52)
    configure(exporter, DATABASE, "b")
    process.send_signal(signal.SIGHUP)
    insert(exporter.folder / "b.db", "b-3")
    eventually(exporter.stored, fits=lambda ids: "b-3" in ids)


def test_a_log_that_moved_up_in_the_list_loses_no_line_and_takes_none_of_another(
    exporter: Exporter,
) -> None:
    for name in "ab":
        append(exporter.folder / f"{name}.log", f"{name}-old")
    configure(exporter, LOG, "a", "b")
    process = exporter.start()
    begun(exporter, "a", "b")
    for name in "ab":
        append(exporter.folder / f"{name}.log", f"{name}-1")
    eventually(lambda: sorted(exporter.stored()), fits=["a-1", "b-1"].__eq__)
    process.terminate()
    process.wait()
    for name in "ab":
        append(exporter.folder / f"{name}.log", f"{name}-2")
    configure(exporter, LOG, "b")
    process = exporter.start()
    append(exporter.folder / "b.log", "b-3")
    eventually(exporter.stored, fits=lambda ids: "b-3" in ids)
    assert sorted(exporter.stored()) == ["a-1", "b-1", "b-2", "b-3"]


def test_a_log_goes_on_when_its_pattern_changes_and_from_what_older_versions_kept(exporter: Exporter) -> None:
    append(exporter.folder / "a.log", "old")
    configure(exporter, LOG, "a")
    process = exporter.start()
    begun(exporter, "a")
    append(exporter.folder / "a.log", "a-1")
    eventually(exporter.stored, fits=["a-1"].__eq__)
    for turn, owner in enumerate(("log", "log:former"), start=2):
        process.terminate()
        process.wait()
        connection = sqlite3.connect(exporter.folder / "state.db")
        with connection:
            connection.execute("update cursors set source = ? where source like 'log%'", (owner,))
        connection.close()
        append(exporter.folder / "a.log", f"a-{turn}")
        process = exporter.start()
        eventually(lambda: sorted(exporter.stored()), fits=[f"a-{number}" for number in range(1, turn + 1)].__eq__)
        owners = {source for source, _ in kept(exporter) if source.startswith("log")}
        assert len(owners) == 1
        assert owner not in owners


def test_the_only_database_goes_on_from_what_an_earlier_version_kept(exporter: Exporter) -> None:
    insert(exporter.folder / "a.db", "a-1", "a-2")
    configure(exporter, DATABASE, "a")
    process = exporter.start()
    eventually(exporter.stored, fits=lambda ids: len(ids) == 2)
    process.terminate()
    process.wait()
    connection = sqlite3.connect(exporter.folder / "state.db")
    with connection:
        connection.execute("delete from requests")
        connection.execute("update cursors set source = 'sql' where source like 'sql:%'")
    connection.close()
    insert(exporter.folder / "a.db", "a-3")
    exporter.start()
    eventually(exporter.stored, fits=["a-3"].__eq__)
