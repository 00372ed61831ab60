"""The query of a `sql` source as text: what has to be in it, and what is added to it."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`     # texts and quoted names
    | (\$\w*\$) .*? \1                              # texts of PostgreSQL
    | --[^\n]* | /\*.*?\*/
    | [()] | \w+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)")
# A query that ends with one of these has a limit of its own, or can't have one.
_LIMITS = ("limit", "fetch", "for")


class Statement:
    """One SELECT. Only words outside of texts, comments and parentheses count."""

    def __init__(self, text: str) -> None:
        self.text = text.strip().rstrip(";").rstrip()
        self._words = list(_words(self.text))

    def mistake(self) -> str | None:
        """What it must be, where it is not."""
        names = [name for name, _ in self._words]
        if names[:1] not in (["select"], ["with"]) or "select" not in names or ";" in names:
            return "one SELECT"
        if set(_PARAMETER.findall(self.text)) != {"cursor"}:
            return "a SELECT with the one parameter :cursor, as in where id > :cursor (write any other colon as \\:)"
        if "order" not in names:
            return "a SELECT with an ORDER BY of the cursor column, ascending"
        return None

    @property
    def has_limit(self) -> bool:
        """Whether it says itself how many rows it brings at most."""
        return any(name in _LIMITS for name, _ in self._words)

    def limited(self, rows: int) -> str:
        return self.text if self.has_limit else f"{self.text}\nLIMIT {rows}"

    def selecting(self, column: str) -> "Statement":
        """With one more column, in front of the FROM."""
        before = True
        for name, place in self._words:
            before = before and name != "select"
            if name == "from" and not before:
                return Statement(f"{self.text[:place]}, {column} {self.text[place:]}")
        return self


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Words and semicolons with their places, in lower case."""
    depth = 0
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found in "()":
            depth += 1 if found == "(" else -1
        elif depth == 0 and (found == ";" or re.fullmatch(r"\w+", found)):
            yield found.lower(), token.start()
