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
STATE: Final = {
    "closed": GOOD,
    "probing": PLAIN,
    "paused": ODD,
    "backing_off": WORRYING,
    "unauthorized": BAD,
}
ANSWER: Final = {"2xx": GOOD, "429": ODD, "other 4xx": WORRYING, "5xx": BAD, "none": "purple"}
CALLER: Final = {"polls": PLAIN, "queue metrics": "purple", "application": GOOD, "allowed to the exporter": BAD}
CAUSE: Final = {
    "recovered": GOOD,
    "abandoned: not_found": WORRYING,
    "abandoned: expired": BAD,
    "abandoned: removed": UNKNOWN,
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
