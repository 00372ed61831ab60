"""One colour for one meaning, on every panel of every dashboard. The names are Grafana's own, so that they suit both themes."""

from typing import Final

GOOD: Final = "green"
ODD: Final = "yellow"
WORRYING: Final = "orange"
BAD: Final = "red"
PLAIN: Final = "blue"
UNKNOWN: Final = "#8e9199"

STATUS: Final = {
    "success": GOOD,
    "failure": BAD,
    "error": WORRYING,
    "in_queue": PLAIN,
    "unknown": UNKNOWN,
    "other": "purple",
}
QUANTILE: Final = {"p50": "super-light-blue", "p90": PLAIN, "p99": "purple"}
OUTCOME: Final = {
    "finished": GOOD,
    "advanced": PLAIN,
    "unchanged": UNKNOWN,
    "not_found": WORRYING,
    "failed": BAD,
}
# "closed" is what a circuit breaker is when all is well; of an account it says the opposite.
STATE_NAMES: Final = {
    "closed": "working",
    "probing": "trying",
    "paused": "told to wait",
    "backing_off": "no answer",
    "unauthorized": "key refused",
    "removed": "not configured",
}
STATE: Final = {
    "working": GOOD,
    "trying": PLAIN,
    "told to wait": ODD,
    "no answer": WORRYING,
    "key refused": BAD,
    "not configured": UNKNOWN,
}
ANSWER: Final = {"2xx": GOOD, "429": ODD, "other 4xx": WORRYING, "5xx": BAD, "none": "purple"}
CALLER: Final = {"polls": PLAIN, "queue metrics": "purple", "application": GOOD, "allowed to the exporter": BAD}
CAUSE: Final = {
    "recovered": GOOD,
    "abandoned: not_found": WORRYING,
    "abandoned: expired": BAD,
    "abandoned: removed": UNKNOWN,
}
# The usual reasons to fail; a colour of the palette is left for any other.
REASON: Final = {
    "MXDuplicateEntryException": PLAIN,
    "MXInvalidInputException": WORRYING,
    "MXInvalidActivityFieldsException": "super-light-orange",
    "MXInvalidActivityException": "dark-orange",
    "MXMandatoryAttributeMissingException": BAD,
    "MXMandatoryFieldMissingException": "super-light-red",
    "MXUnknownAttributeException": "dark-green",
    "database": "dark-yellow",
    "duplicate": "super-light-blue",
    "invalid": "light-green",
    "retries_exhausted": "dark-blue",
    "other": "purple",
}
KIND: Final = {
    "rate_limited": ODD,
    "unauthorized": BAD,
    "forbidden": "dark-red",
    "not_found": WORRYING,
    "bad_request": "light-orange",
    "server_error": "semi-dark-red",
    "invalid_response": "dark-orange",
    "timeout": "purple",
    "connection": "dark-purple",
}
