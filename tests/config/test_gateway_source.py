"""Which accounts lead back to a gateway."""

import pytest

from exporter.config.gateway_source import _leads_to


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("http://127.0.0.1:10042", "127.0.0.1:10041"),
        ("http://127.0.0.2:10041", "127.0.0.1:10041"),
        ("http://leadsquared.test:10041", ":10041"),
        ("http://localhost", "127.0.0.1:10041"),
        ("https://127.0.0.1:10041", "127.0.0.1:10041"),
        ("not a url", "127.0.0.1:10041"),
        ("http://127.0.0.1:10041", "127.0.0.1:0"),
    ],
)
def test_an_address_elsewhere_does_not_lead_back(url: str, listen: str) -> None:
    assert not _leads_to(url, listen)


@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("http://127.0.0.3:10041", "0.0.0.0:10041"),
        ("http://LOCALHOST:10041", "127.0.0.1:10041"),
        ("http://127.0.0.1:10041", "localhost:10041"),
    ],
)
def test_another_way_to_write_the_same_address_leads_back(url: str, listen: str) -> None:
    assert _leads_to(url, listen)
