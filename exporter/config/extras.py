"""Packages that only some sources need: the extras of the distribution."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

# What is imported, by extra.
EXTRAS: Mapping[str, Sequence[str]] = {
    "redis": ("redis",),
    "postgresql": ("sqlalchemy", "greenlet", "asyncpg"),
    "mysql": ("sqlalchemy", "greenlet", "asyncmy"),
    "sqlite": ("sqlalchemy", "greenlet", "aiosqlite"),
}


def lacking(extra: str) -> str | None:
    """What to install, where something of the extra is not there."""
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    return f"needs {', '.join(missing)}, which {verb} not installed: pip install 'leadsquared-exporter[{extra}]'"
