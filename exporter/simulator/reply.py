"""What the remote does with a call, as data, so that a server and an in-memory transport can both perform it."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html"}


class Drop(StrEnum):
    """What happens to the connection."""

    NOTHING = "nothing"
    RESET = "reset"
    HALFWAY = "halfway"


class Reply(NamedTuple):
    """An answer, sent `delay` seconds after the call was handled. With Drop.RESET none of it is sent, with HALFWAY its half."""

    code: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    drop: Drop = Drop.NOTHING


def document(code: int, value: object) -> Reply:
    return Reply(code, JSON, json.dumps(value).encode())


def envelope(code: int, exception: str, message: str) -> Reply:
    """LeadSquared's own error, which comes with any code, 200 included."""
    return document(code, {"Status": "Error", "ExceptionType": exception, "ExceptionMessage": message})


def gateway(code: int, message: str) -> Reply:
    """An error of the gateway in front of LeadSquared."""
    return document(code, {"message": message})


def page(code: int, title: str) -> Reply:
    return Reply(
        code, HTML, f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()
    )


def limited(form: str, message: str, retry_after: str | None) -> Reply:
    """A call over the limit, in one of the forms of the switch limit.form."""
    code = 200 if form == "ok" else 429
    if form == "gateway":
        reply = gateway(code, "Too Many Requests")
    elif form == "gateway-quota":
        reply = gateway(code, "Limit Exceeded")
    else:
        reply = envelope(code, "MXAPIRateLimitExceededException", message)
    return reply if retry_after is None else reply._replace(headers={**reply.headers, "retry-after": retry_after})


FORBIDDEN = gateway(403, "Forbidden")
NO_ROUTE = {
    "not-found": envelope(404, "MXNotFoundException", "API not found, check the signature"),
    "forbidden": gateway(403, "Missing Authentication Token"),
}
TOO_LARGE = gateway(413, "Request Too Long")
UNAUTHORIZED = envelope(401, "MXInvalidAccessDetailsException", "Invalid Access Details provided.")
WRONG_REGION = envelope(
    401,
    "MXUnAuthorizedAccessException",
    "This account belongs to another region, use https://asyncapi-us11.leadsquared.com",
)
NO_ID = envelope(400, "MXInvalidInputException", "Invalid Input! Parameter Name: RequestID")
