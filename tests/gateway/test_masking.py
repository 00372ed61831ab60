"""What of a path may be told."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.gateway.masking import HIDDEN, is_plain, masked
from exporter.leadsquared.endpoints import ENDPOINTS


@pytest.mark.parametrize(
    "path", [one.text for each in ENDPOINTS for one in (*each.submit, *each.status, *each.metrics)]
)
def test_what_is_known_of_leadsquared_is_told_whole(path: str) -> None:
    path = path.replace("*", "2")
    assert "/" + "/".join(masked(path) or ()) == path


@pytest.mark.parametrize(
    "segment",
    [
        "7ba60ab0-7054-4856-8590-1b5a9f904ad1",
        "7BA60AB0705448568590",
        "dGhpcyBpcyBhIGtleQ==",
        "u$rK3y",
        "AbCdEfGhIj",
        "qwrtpsdfgh",
        "a" * 41,
        "abcdefghijklmnopqrstuvwxyz",
        "919876543210",
        "123",
        "a.b@example.com",
        "Ásha",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "a/b",
        "",
        " ",
    ],
)
def test_what_looks_like_a_key_an_id_or_a_person_is_not_told(segment: str) -> None:
    assert not is_plain(segment)


def test_a_path_is_told_without_its_keys_however_they_are_written() -> None:
    path = "/v3/LeadManagement.svc//Lead.CreateOrUpdate/7ba60ab0%2D7054/k%33y/"
    assert masked(path) == ("v3", "LeadManagement.svc", "Lead.CreateOrUpdate", HIDDEN, HIDDEN)


@pytest.mark.parametrize("path", ["/a" * 13, "/" + "a" * 1024])
def test_a_path_that_is_too_long_is_not_told(path: str) -> None:
    assert masked(path) is None


@given(st.binary(min_size=15, max_size=60))
def test_hardly_any_token_is_told(token: bytes) -> None:
    for text in (token.hex(), base64.b32encode(token).decode()):
        assert not is_plain(text)


@given(st.text())
def test_any_path_can_be_asked_for_what_may_be_told(path: str) -> None:
    masked(path)
