"""The system's certificate authorities, which aiohttp reads when it is imported."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Where OpenSSL looks for them.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def unread() -> Iterator[None]:
    """What is imported meanwhile finds none. Our own contexts read them when they are made."""
    former = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, os.devnull))
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
