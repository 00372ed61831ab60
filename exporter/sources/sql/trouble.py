"""Errors of databases in our own words: theirs repeat the query, its parameters and sometimes a row."""

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from exporter.errors import SourceRefused, SourceTimeout, SourceUnreachable, SourceUnreadable

_UNREACHABLE = "the database can't be reached, or has closed the connection; check the source's url"
_REFUSED = "the database refuses the user or the password; check the source's url"
_NO_DATABASE = "there is no such database; check the source's url"
_NO_TABLE = "the query names a table that is not there"
_NO_COLUMN = "the query or cursor names a column that is not there"
_SYNTAX = "the database does not understand the query"
_FORBIDDEN = "the user may not read what the query names"
_READ_ONLY = "the query wants to write; it runs in a read-only transaction"
_TOO_SLOW = "the query takes longer than timeout; an index on the cursor column may help"
_NO_CURSOR = "start does not fit the type of the cursor column"
_NO_FILE = "the database file is not there, or may not be read; check the source's url"
_LOCKED = "the database is locked by another program"
_NO_SQLITE = "the file of the source's url is no SQLite database"

# SQLSTATE of PostgreSQL, numbers of MySQL and MariaDB, beginnings of SQLite's messages.
_CODES = {
    "28P01": _REFUSED, "28000": _REFUSED, "3D000": _NO_DATABASE, "42P01": _NO_TABLE, "42703": _NO_COLUMN, "42601": _SYNTAX,
    "42501": _FORBIDDEN, "25006": _READ_ONLY, "57014": _TOO_SLOW, "42883": _NO_CURSOR, "22P02": _NO_CURSOR,
    "1045": _REFUSED, "1044": _REFUSED, "1698": _REFUSED, "1049": _NO_DATABASE, "1146": _NO_TABLE, "1054": _NO_COLUMN,
    "1064": _SYNTAX, "1142": _FORBIDDEN, "1143": _FORBIDDEN, "1792": _READ_ONLY, "1969": _TOO_SLOW, "3024": _TOO_SLOW,
}  # fmt: skip
_MESSAGES = {
    "no such table": _NO_TABLE,
    "no such column": _NO_COLUMN,
    "near ": _SYNTAX,
    "incomplete input": _SYNTAX,
    "attempt to write": _READ_ONLY,
    "interrupted": _TOO_SLOW,
    "unable to open": _NO_FILE,
    "database is locked": _LOCKED,
    "file is not a database": _NO_SQLITE,
}
# Everything else is an answer of the database: it refuses.
_KINDS: dict[str, type[SourceUnreadable]] = {
    _TOO_SLOW: SourceTimeout,
    _NO_FILE: SourceUnreachable,
    _LOCKED: SourceTimeout,
    _NO_SQLITE: SourceUnreadable,
}


def told(error: Exception) -> SourceUnreadable:
    """What is wrong, with what to do about it."""
    original = getattr(error, "orig", None) or error
    code, said = _code(original), str(original)
    words = _CODES.get(code) or next((words for start, words in _MESSAGES.items() if said.startswith(start)), None)
    if words is None and "invalid input for query argument" in said:
        words = _NO_CURSOR
    if words is not None:
        return _KINDS.get(words, SourceRefused)(words)
    if isinstance(error, TimeoutError):
        return SourceTimeout("the database does not answer in time")
    if isinstance(error, InterfaceError | OperationalError | OSError) or getattr(
        error, "connection_invalidated", False
    ):
        return SourceUnreachable(_UNREACHABLE)
    if isinstance(error, DBAPIError):
        return SourceRefused(f"the database refuses the query ({code or type(original).__name__})")
    return SourceUnreadable("the source's url has an option that the driver does not know")


def _code(original: Any) -> str:
    """The number of MySQL, which is finer than its SQLSTATE; else the SQLSTATE."""
    number = original.args[0] if getattr(original, "args", ()) else None
    if isinstance(number, int) and not isinstance(original, OSError):
        return str(number)
    return str(getattr(original, "sqlstate", None) or "")
