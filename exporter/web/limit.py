"""The rate limit of the web configuration: a bucket of tokens, one for each request."""

from math import ceil
from typing import TYPE_CHECKING

from exporter.web.answers import Refusal

if TYPE_CHECKING:
    from exporter.web.settings import RateLimit


class Limit:
    """The bucket is full at first. Without `rate` there is no limit."""

    def __init__(self, rate: "RateLimit | None") -> None:
        self._rate = rate
        self._tokens = 0.0 if rate is None else float(rate.burst)
        self._at: float | None = None

    def check(self, now: float) -> None:
        """Take a token. Raises Refusal (429)."""
        if self._rate is None:
            return
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._tokens = min(float(self._rate.burst), self._tokens + passed / self._rate.interval)
        if self._tokens < 1.0:
            raise Refusal(
                429, "too many requests", headers={"Retry-After": str(max(1, min(3600, ceil(self._rate.interval))))}
            )
        self._tokens -= 1.0
