"""Errors of databases in our own words: theirs repeat the query, its parameters and sometimes a row."""

from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

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
    "unable to open": "the database file is not there, or may not be read; check the source's url",
    "database is locked": "the database is locked by another program",
    "file is not a database": "the file of the source's url is no SQLite database",
}


def told(error: Exception) -> str:
    """What is wrong, with what to do about it."""
    original = getattr(error, "orig", None) or error
    code = _code(original)
    if code in _CODES:
        return _CODES[code]
    said = str(original)
    known = next((words for beginning, words in _MESSAGES.items() if said.startswith(beginning)), None)
    if known is not None:
        return known
    if "invalid input for query argument" in said:
        return _NO_CURSOR
    if isinstance(error, TimeoutError):
        return "the database does not answer in time"
    if isinstance(error, InterfaceError | OperationalError | OSError) or getattr(
        error, "connection_invalidated", False
    ):
        return _UNREACHABLE
    if isinstance(error, DBAPIError):
        return f"the database refuses the query ({code or type(original).__name__})"
    return "the source's url has an option that the driver does not know"


def _code(original: Any) -> str:
    """The number of MySQL, which is finer than its SQLSTATE; else the SQLSTATE."""
    number = original.args[0] if getattr(original, "args", ()) else None
    if isinstance(number, int) and not isinstance(original, OSError):
        return str(number)
    return str(getattr(original, "sqlstate", None) or "")
