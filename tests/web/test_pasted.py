import re

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.request import REFERENCE
from exporter.web import pasted
from tests.web.twins import MemoryBackend

ID = "7ba60ab0-7054-4856-8590-1b5a9f904ad1"
OTHER = "11111111-2222-3333-4444-555555555555"
UPPER = ID.upper()
BARE = ID.replace("-", "")


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f"  {ID}\t",
        f"{{{ID}}}",
        UPPER,
        BARE,
        BARE.upper(),
        f"RequestID={ID}",
        f"requestid = {UPPER}",
        f"RequestId: {BARE}",
        f'"{ID}"',
        f"'{ID}',",
        f"`{ID}`;",
        f'{{"Status": "Success", "RequestID": "{ID}"}}',
        f'"request_id":"{ID}",',
        f'{{\\"RequestID\\":\\"{ID}\\"}}',
        f"https://asyncapi-us11.leadsquared.com/lead/update/status?leadId={OTHER}&RequestID={ID}&accessKey=k",
        f"/lead/update/status?RequestID%3D{ID}",
        f"http://127.0.0.1:10040/requests/{ID}",
        f"urn:uuid:{ID}",
        f"id:{UPPER}",
        f"https://example.com/leads/{ID}",
        f"update of lead 17 submitted, {ID} (accepted)",
        ID.replace("-", "\u2011"),
        f"RequestID: {ID.replace('-', '–')}",
        ID.replace("-", " "),
    ],
)
def test_a_request_id_is_found_in_what_people_paste(text: str) -> None:
    found = pasted.name(text)

    assert found is not None
    assert ID in pasted.spellings(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7ba60ab0", "7ba60ab0"),
        (" 7BA60AB0-70 ", "7ba60ab0-70"),
        ("7BA60AB07054", "7ba60ab0-7054"),
        ("request_id=order-17", "order-17"),
        ('{"RequestID": "Order-17"}', "Order-17"),
        ("http://127.0.0.1:10040/requests/order-17?x=1", "order-17"),
        (" ORD/2026:17#3 ", "ORD/2026:17#3"),
        (f"order:{ID}", f"order:{ID}"),
    ],
)
def test_a_beginning_and_other_names_are_found_too(text: str, found: str) -> None:
    assert found in pasted.spellings(pasted.name(text) or "")


@pytest.mark.parametrize("text", ["", "  ", "two words", "{}", "https://example.com/?q=1", "a" * 129])
def test_where_there_is_none_nothing_is_found(text: str) -> None:
    assert pasted.name(text) is None


@given(st.text(max_size=300) | st.from_regex(re.compile(r"[\sa-f0-9=\"':{}%-]{0,200}"), fullmatch=True))
def test_whatever_is_pasted_what_is_found_can_be_searched_for(text: str) -> None:
    found = pasted.name(text)

    assert found is None or all(REFERENCE.fullmatch(spelling) for spelling in pasted.spellings(found))


@pytest.mark.parametrize("stored", [ID, UPPER, BARE])
@pytest.mark.parametrize("path", ["/requests", "/api/v1/requests"])
async def test_the_search_finds_it_however_it_was_stored(
    client: ClientSession, backend: MemoryBackend, path: str, stored: str
) -> None:
    backend.add(stored)
    backend.add(OTHER)
    for text in (stored, f"RequestID={stored}", f'"{stored}"'):
        async with client.get(path, params={"q": text}) as response:
            shown = await response.text()
        assert stored in shown
        assert OTHER not in shown


async def test_a_key_in_what_was_pasted_is_not_shown_again(client: ClientSession, backend: MemoryBackend) -> None:
    for _ in range(2):
        backend.add(f"{ID}-{_}")
    url = f"https://api.leadsquared.com/lead/update/status?RequestID={ID}&accessKey=hidden"
    async with client.get("/requests", params={"q": url, "limit": "1"}) as response:
        shown = await response.text()

    assert f'value="{ID}"' in shown
    assert "Older requests" in shown
    assert "hidden" not in shown


async def test_what_holds_none_is_refused_with_what_is_allowed(client: ClientSession) -> None:
    for text in ("two words", f"{ID} " * 200):
        async with client.get("/api/v1/requests", params={"q": text}) as response:
            details = (await response.json())["details"]
        assert details == [f"q: {pasted.RULE}"]
