"""However the bytes of a call are cut into pieces, what arrives is the same."""

import gzip
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import loops
from tests.gateway.stage import BODY, REQUEST_ID, Answer, Seen, answer, request, staged

HEADERS = ("X-Api-Key: k", "Content-Type: application/json")
GZIPPED = gzip.compress(BODY)
REQUESTS = (
    request("POST", "/lead/update?accessKey=k", *HEADERS, body=b'[{"Attribute": "mx_City", "Value": "Pune"}]'),
    b"POST /lead/update HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{}, \r\n3\r\n{}]\r\n0\r\n\r\n",
)
ANSWERS = (
    answer(BODY, "Content-Type: application/json"),
    answer(BODY, chunked=True),
    answer(GZIPPED, "Content-Encoding: gzip"),
    answer(GZIPPED, "Content-Encoding: gzip", chunked=True),
    b"HTTP/1.1 102 Processing\r\n\r\n" + answer(BODY),
)

cuts = st.lists(st.integers(1, 400), max_size=12)


def pieces(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place for place in places if place < len(whole)}), len(whole)]
    return [whole[start:end] for start, end in pairwise(edges)]


async def pass_through(sent: list[bytes], given: list[bytes]) -> tuple[Answer, Seen, list[str]]:
    async with staged(lambda _: given) as stage:
        found = await stage.ask(*sent)
        return found, stage.vendor.seen[0], stage.intake.ids


@settings(max_examples=120, deadline=None)
@given(asked=st.sampled_from(REQUESTS), told=st.sampled_from(ANSWERS), up=cuts, down=cuts)
def test_a_submission_passes_and_is_recorded_however_it_is_cut(
    asked: bytes, told: bytes, up: list[int], down: list[int]
) -> None:
    found, seen, ids = loops.run(pass_through(pieces(asked, up), pieces(told, down)))
    expected = GZIPPED if b"gzip" in told else BODY
    assert (found.status, found.body, ids) == (200, expected, [REQUEST_ID])
    assert seen.body in (b'[{"Attribute": "mx_City", "Value": "Pune"}]', b"[{}, {}]")
    assert bool(found.values("content-encoding")) == (expected is GZIPPED)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=3000), up=cuts, down=cuts, chunked=st.booleans())
def test_any_bytes_pass_both_ways_however_they_are_cut(
    body: bytes, up: list[int], down: list[int], chunked: bool
) -> None:
    sent = pieces(request("PUT", "/elsewhere", body=body), up)
    found, seen, ids = loops.run(pass_through(sent, pieces(answer(body, chunked=chunked), down)))
    assert (found.body, seen.body, ids) == (body, body, [])


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.binary(max_size=40), max_size=6))
def test_any_header_bytes_pass_both_ways(values: list[bytes]) -> None:
    sent = [bytes(one for one in value if one >= 0x20 and one != 0x7F).decode("latin-1") for value in values]
    headers = [f"X-Any: <{value}>" for value in sent]
    found, seen, _ = loops.run(pass_through([request("PUT", "/elsewhere", *headers)], [answer(b"", *headers)]))
    assert found.values("X-Any") == seen.values("X-Any") == [f"<{value}>" for value in sent]
