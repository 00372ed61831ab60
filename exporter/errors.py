"""Every error that this program raises on purpose, one branch a phase of its work.

A message says what is wrong and what the operator can do; it never holds a RequestBody, a key or a query string.
Foreign exceptions are translated where they enter (the client, the store, a file) and kept as `__cause__`.
"""


class ExporterError(Exception):
    """The root: anything below it is printed as one line, without a traceback."""

    @property
    def in_full(self) -> str:
        """The message with all that belongs to it, on one line."""
        return str(self)


class ConfigurationError(ExporterError):
    """The configuration can't be used. `problems` holds one line for each mistake, in the order of the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class TraceUnusable(ConfigurationError):
    """A workload can't be read from a file. `problems` holds one line for each mistake, in the order of the file."""


class StartupError(ExporterError):
    """A part could not start: a port is taken, a file can't be opened."""


class CallError(ExporterError):
    """A call to LeadSquared that brought no usable answer. `kind` is the label of `leadsquared_api_errors_total`."""

    kind = "invalid_response"

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message or self.__doc__ or self.kind)
        self.retry_after = retry_after


class RateLimited(CallError):
    """LeadSquared counts more calls than the account may make: lower rate_limit.share, or look for another user of it."""

    kind = "rate_limited"


class Unauthorized(CallError):
    """LeadSquared does not accept the key here: check the key and the account's region."""

    kind = "unauthorized"


class Forbidden(CallError):
    """LeadSquared's gateway refuses the key or the path: check api_key and status_path."""

    kind = "forbidden"


class NotFound(CallError):
    """LeadSquared does not know this RequestID (or the path): check the account, the api and its status_path."""

    kind = "not_found"


class BadRequest(CallError):
    """LeadSquared refuses the call as malformed: check request_id_param."""

    kind = "bad_request"


class ServerError(CallError):
    """LeadSquared failed while answering; it is asked again later."""

    kind = "server_error"


class InvalidResponse(CallError):
    """The answer can't be read as a status; it is asked again later."""

    kind = "invalid_response"


class CallTimeout(CallError):
    """No answer within polling.timeout; it is asked again later."""

    kind = "timeout"


class ConnectionFailed(CallError):
    """LeadSquared's host can't be reached: check base_url, DNS and the network policy.

    `sent` tells whether the call may have left this machine before the connection died.
    """

    kind = "connection"

    def __init__(self, message: str = "", *, sent: bool = True) -> None:
        super().__init__(message or "LeadSquared's host can't be reached: check base_url, DNS and the network policy")
        self.sent = sent


class IntakeError(ExporterError):
    """Requests handed in were refused, all of them. `details` names each thing that did not fit."""

    def __init__(self, message: str, details: list[str] | None = None) -> None:
        super().__init__(message)
        self.details = details or []

    @property
    def in_full(self) -> str:
        return "; ".join([str(self), *self.details])


class InvalidEntry(IntakeError):
    """Something handed in does not fit the format."""


class EntryLost(InvalidEntry):
    """What was handed in is no longer there: its server has deleted it before it was asked for."""


class ImpossibleTime(InvalidEntry):
    """Entries were taken in without their submission time, which lay too far ahead."""


class UnfitReference(InvalidEntry):
    """Entries were taken in without their reference, which was none."""


class UnknownAccount(InvalidEntry):
    """An account or api was named that the configuration does not have."""


class IntakeFull(IntakeError):
    """storage.max_pending is reached; nothing accepted is dropped to make room."""


class SourceUnreadable(ExporterError):
    """What a source reads can't be had: a file is missing, too large, or may not be read by this user."""


class SourceUnreachable(SourceUnreadable):
    """No connection to what a source reads, or one that broke."""


class SourceTimeout(SourceUnreadable):
    """What a source reads did not answer in time."""


class SourceRefused(SourceUnreadable):
    """What a source reads answered something else than what was asked for. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreError(ExporterError):
    """What survives a restart can't be read or written."""


class StoreUnavailable(StoreError):
    """The store can't be written now (disk full, locked, gone); the same call may work later."""


class StoreFull(StoreUnavailable):
    """Only what finishing needs is left of the disk, and nothing of this call was begun: make room."""


class StoreUnusable(StoreError):
    """The store's file is damaged or belongs to another version; an operator has to act."""
