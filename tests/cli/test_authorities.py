"""What the import of aiohttp would read for nothing."""

import os
import subprocess
import sys

import pytest

from exporter import authorities

FOUND = """
import gc, ssl
from exporter.authorities import unread
with unread():
    import aiohttp
print(sum(one.cert_store_stats()["x509"] for one in gc.get_objects() if isinstance(one, ssl.SSLContext)))
"""


def test_aiohttp_is_imported_without_the_authorities_of_the_system() -> None:
    found = subprocess.run([sys.executable, "-c", FOUND], capture_output=True, text=True, check=True)
    assert found.stdout == "0\n"


@pytest.mark.parametrize("given", [None, "/etc/own.pem"])
def test_what_the_environment_says_of_them_is_as_before(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if given is None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    else:
        monkeypatch.setenv("SSL_CERT_FILE", given)
    with authorities.unread():
        assert os.environ["SSL_CERT_FILE"] == os.devnull
    assert os.environ.get("SSL_CERT_FILE") == given
    assert "SSL_CERT_DIR" not in os.environ
