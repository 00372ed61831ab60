"""What can go wrong with a call, as the client tells it. Who calls translates it into an error of exporter/errors.py."""


class HttpTrouble(Exception):
    """The root of them."""


class NoConnectionError(HttpTrouble):
    """No connection was made, so nothing was sent. The text says why."""


class ServerDisconnectedError(HttpTrouble):
    """The connection ended, or was reset, before an answer; what was sent may have arrived."""


class UploadBrokenError(HttpTrouble):
    """The body of the request ended in the middle, through no fault of who was called."""


class PatienceError(HttpTrouble):
    """Connecting, the answer, its next part or the whole call took too long."""


class MalformedError(HttpTrouble):
    """What came is no HTTP, is more than the bound, or ended in its middle."""


class BrokenOffError(HttpTrouble):
    """A request that came in ended in its middle."""
