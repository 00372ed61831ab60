"""What an operator finds in the log: lines as the running program writes them, repeats held back."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from exporter import log


@contextmanager
def logged(level: str = "info") -> Iterator[io.StringIO]:
    """The log of the block."""
    root = logging.getLogger()
    handlers, former, raising = list(root.handlers), root.level, logging.raiseExceptions
    stream = io.StringIO()
    log.configure(level=level, form="logfmt", stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(former)
        logging.captureWarnings(False)
        logging.raiseExceptions = raising
