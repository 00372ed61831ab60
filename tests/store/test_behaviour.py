"""What every store does."""

from dataclasses import replace

from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram
from exporter.core.request import State, Status
from exporter.store.store import RENEWED_SECONDS, Query, SpentCalls
from tests.store.build import BEGINNING, QUEUED, admitted, finished, queued, submission
from tests.store.conftest import Open


async def test_an_empty_store_has_nothing(open_again: Open) -> None:
    store = open_again()
    contents = await store.load()
    assert list(contents.pending) == []
    assert (contents.counters, contents.spent, contents.stopped_cleanly) == ({}, [], False)
    await store.close([])


async def test_sequences_follow_the_order_of_intake_from_1(open_again: Open) -> None:
    store = open_again()
    await store.load()
    assert await store.admit([submission("a"), submission("b")]) == [1, 2]
    assert await store.admit([submission("c")]) == [3]
    await store.close([])


async def test_a_request_that_has_ended_is_known_and_one_that_is_handed_in_twice_is_taken_once(
    open_again: Open,
) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    await store.commit([finished(admitted("a", 1), time=BEGINNING + 3)])
    known, taken, again = await store.admit([submission("a"), submission("b"), submission("b")])
    assert (known, again) == (None, None)
    assert taken is not None
    assert taken > 1
    await store.close([])


async def test_a_pending_request_is_refused_whatever_the_caller_knows(open_again: Open) -> None:
    store = open_again()
    await store.load()
    assert await store.admit([submission("a")]) == [1]
    assert await store.admit([submission("a")]) == [None]
    assert await store.admit([submission("b"), submission("a")]) == [2, None]
    await store.close([])
    again = open_again()
    contents = await again.load()
    assert [record.request_id for record in contents.pending] == ["a", "b"]
    assert contents.counters == {(Counter.DISCOVERED, ("acme", "lead_update", "push")): 2}
    assert await again.admit([submission("b")]) == [None]
    await again.close([])


async def test_only_what_is_taken_counts_as_discovered(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a"), submission("a"), submission("b", account="other")])
    await store.close([])
    contents = await open_again().load()
    assert contents.counters == {
        (Counter.DISCOVERED, ("acme", "lead_update", "push")): 1,
        (Counter.DISCOVERED, ("other", "lead_update", "push")): 1,
    }


async def test_a_restart_finds_what_is_pending_in_the_order_of_intake(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("b"), submission("a", submitted=None), submission("c")])
    change = queued(admitted("c", 3), time=BEGINNING + 2)
    await store.commit([change, finished(admitted("b", 1), time=BEGINNING + 3)])
    await store.close([])
    contents = await open_again().load()
    assert list(contents.pending) == [admitted("a", 2, submitted=None), change.record]


async def test_a_sequence_is_not_used_again_after_the_last_request_was_pruned(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    await store.commit([finished(admitted("a", 1), time=BEGINNING)])
    assert await store.prune(finished_before=BEGINNING + 1, spent_before=0.0) == 1
    assert await store.admit([submission("b")]) == [2]
    await store.close([])


async def test_a_finish_and_its_counts_survive_together(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a"), submission("b")])
    await store.commit([finished(admitted("a", 1), time=BEGINNING, value=2.5)])
    await store.commit([finished(admitted("b", 2), time=BEGINNING, value=0.1)])
    await store.close([])
    contents = await open_again().load()
    labels = ("acme", "lead_update", "success")
    assert contents.counters[Counter.FINISHED, (*labels, "created")] == 2
    assert contents.buckets == {
        (Histogram.DURATION, labels, 5.0): 2,
        (Histogram.DETECTION_WINDOW, labels[:2], float("inf")): 2,
    }
    assert contents.totals[Histogram.DURATION, labels] == 2.5 + 0.1


async def test_find_gives_the_transitions_oldest_first(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    first = queued(admitted("a", 1), time=BEGINNING + 2)
    last = finished(first.record, time=BEGINNING + 9)
    await store.commit([first])
    await store.commit([last])
    found = await store.find("a", 1)
    assert found is not None
    assert (found.record, found.transitions) == (last.record, (first.transition, last.transition))
    assert await store.find("b", 2) is None
    await store.close([])


async def test_every_field_of_a_record_survives(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    full = queued(admitted("a", 1), time=BEGINNING + 0.123456).record._replace(
        errored=1.25,
        errored_after=1.125,
        failed=True,
        not_found=3,
        reason="MXDuplicateEntryException",
        finished_after=2.5,
    )
    await store.commit([queued(full, time=BEGINNING)._replace(record=full)])
    found = await store.find("a", 1)
    assert found is not None
    assert found.record == full
    await store.close([])


async def test_a_clean_stop_is_told_to_the_next_start(open_again: Open) -> None:
    store = open_again()
    assert not (await store.load()).stopped_cleanly
    await store.close([])
    store = open_again()
    assert (await store.load()).stopped_cleanly
    await store.close([])


async def test_spent_calls_are_replaced_by_account_window_and_key(open_again: Open) -> None:
    first = SpentCalls(account="acme", window="burst", key=7, calls=3, time=None)
    other = SpentCalls(account="acme", window="daily", key=7, calls=9, time=BEGINNING)
    store = open_again()
    await store.load()
    await store.commit([], [first, other])
    await store.commit([], [replace(first, calls=4, time=BEGINNING + 1)])
    kept = replace(first, calls=4, time=BEGINNING + 1)
    await store.prune(finished_before=0.0, spent_before=BEGINNING + 0.5)
    await store.close([kept])
    assert (await open_again().load()).spent == [kept]


async def test_a_reservation_without_a_time_is_not_pruned(open_again: Open) -> None:
    reservation = SpentCalls(account="acme", window="burst", key=1, calls=3, time=None)
    store = open_again()
    await store.load()
    await store.commit([], [reservation])
    await store.prune(finished_before=0.0, spent_before=BEGINNING)
    await store.close([reservation])
    assert (await open_again().load()).spent == [reservation]


async def test_prune_spares_what_was_handed_in_again(open_again: Open) -> None:
    store = open_again()
    await store.load()
    names = ("one", "many", "other", "gone")
    await store.admit([submission(name) for name in names])
    ended = [finished(admitted(name, number), time=BEGINNING) for number, name in enumerate(names, start=1)]
    await store.commit(ended)
    later = [submission(name)._replace(first_seen=BEGINNING + 5000) for name in names]
    assert await store.admit(later[:1]) == [None]
    assert await store.admit([later[1], later[2], submission("new")._replace(first_seen=BEGINNING + 5000)]) == [
        None,
        None,
        5,
    ]
    await store.close([])
    store = open_again()
    await store.load()
    assert await store.prune(finished_before=BEGINNING + 5000, spent_before=0.0) == 1
    assert await store.find("gone") is None
    assert await store.prune(finished_before=BEGINNING + 5001, spent_before=0.0) == 3
    assert [record.request_id for record in await store.page(Query())] == ["new"]
    await store.close([])


async def test_what_ended_or_was_handed_in_just_before_is_not_written_again(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    await store.commit([finished(admitted("a", 1), time=BEGINNING)])
    await store.admit([submission("a")._replace(first_seen=BEGINNING + RENEWED_SECONDS)])
    assert await store.prune(finished_before=BEGINNING + 1, spent_before=0.0) == 1
    await store.close([])


async def test_prune_spares_what_is_pending_or_within_its_retention(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission(name) for name in ("old", "new", "pending")])
    await store.commit([finished(admitted("old", 1), time=BEGINNING), finished(admitted("new", 2), time=BEGINNING + 9)])
    assert await store.prune(finished_before=BEGINNING + 9, spent_before=0.0) == 1
    assert [record.request_id for record in await store.page(Query())] == ["pending", "new"]
    assert await store.find("old", 1) is None
    await store.close([])


async def test_more_than_one_chunk_is_pruned_in_one_call(open_again: Open) -> None:
    store = open_again()
    await store.load()
    names = [f"request-{number}" for number in range(1201)]
    sequences = await store.admit([submission(name) for name in names])
    records = [admitted(name, number or 0) for name, number in zip(names, sequences, strict=True)]
    await store.commit([finished(record, time=BEGINNING) for record in records])
    assert await store.prune(finished_before=BEGINNING + 1, spent_before=0.0) == 1201
    await store.close([])


async def test_a_page_shows_the_newest_first_and_continues_below_a_sequence(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission(name) for name in "abcde"])
    assert [record.sequence for record in await store.page(Query(limit=2))] == [5, 4]
    assert [record.sequence for record in await store.page(Query(before=4, limit=2))] == [3, 2]
    await store.close([])


async def test_a_page_shows_only_what_was_asked_for(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("ab-1"), submission("ab_2", account="other"), submission("ac-3")])
    seen = queued(admitted("ac-3", 3), time=BEGINNING).record._replace(reason="other")
    await store.commit(
        [queued(seen, time=BEGINNING)._replace(record=seen), finished(admitted("ab-1", 1), time=BEGINNING)]
    )

    async def shown(query: Query) -> list[str]:
        return [record.request_id for record in await store.page(query)]

    assert await shown(Query(account="other")) == ["ab_2"]
    assert await shown(Query(api="call_log")) == []
    assert await shown(Query(status=QUEUED.status)) == ["ac-3"]
    assert await shown(Query(status=Status.UNKNOWN, state=State.PENDING)) == ["ab_2"]
    assert await shown(Query(state=State.FINISHED)) == ["ab-1"]
    assert await shown(Query(reason="other")) == ["ac-3"]
    assert await shown(Query(prefix="ab")) == ["ab_2", "ab-1"]
    assert await shown(Query(prefix="ab_")) == ["ab_2"]
    assert await shown(Query(prefix="AB")) == []
    await store.close([])


async def test_of_a_long_history_the_beginning_and_the_end_are_kept(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    await store.commit([queued(admitted("a", 1), time=float(second)) for second in range(40)])
    for second in range(40, 70):
        await store.commit([queued(admitted("a", 1), time=float(second))])
    found = await store.find("a", 1)
    assert found is not None
    assert [transition.time for transition in found.transitions] == [*range(20), *range(40, 70)]
    await store.close([])


def cursor(part: str, position: str | None) -> Cursor:
    return Cursor(source="log", part=part, position=position)


async def test_how_far_a_source_has_read_survives_with_the_requests_found(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")], [cursor("one", "10"), cursor("two", "20")])
    await store.admit([], [cursor("one", "15"), cursor("two", None)])
    await store.close([])
    assert (await open_again().load()).cursors == {("log", "one"): "15"}


async def test_spent_calls_told_anew_take_the_place_of_all(open_again: Open) -> None:
    first = SpentCalls(account="acme", window="daily", key=7, calls=3, time=BEGINNING)
    other = replace(first, account="other", calls=9)
    store = open_again()
    await store.load()
    await store.commit([], [first])
    await store.commit([], [other], anew=True)
    await store.commit([], [replace(other, key=8)])
    assert (await store.load()).spent == [other, replace(other, key=8)]
    await store.close([])


async def test_the_times_of_an_intake_stay_unless_a_change_dates_them_anew(open_again: Open) -> None:
    store = open_again()
    await store.load()
    await store.admit([submission("a")])
    moved = admitted("a", 1)._replace(submitted=BEGINNING + 600.0, first_seen=BEGINNING + 601.5)
    await store.commit([queued(moved, time=BEGINNING + 610.0)])
    found = await store.find("a", 1)
    assert found is not None
    assert (found.record.submitted, found.record.first_seen) == (BEGINNING, BEGINNING + 1.5)
    assert found.record.answered == BEGINNING + 610.0
    await store.commit([finished(moved, time=BEGINNING + 620.0)._replace(dates_intake=True)])
    found = await store.find("a")
    assert found is not None
    assert (found.record.submitted, found.record.first_seen) == (BEGINNING + 600.0, BEGINNING + 601.5)
    await store.close([])


async def test_a_reference_is_kept_and_found_by_its_beginning(open_again: Open) -> None:
    store = open_again()
    await store.load()
    many = [submission(f"many-{number}", reference=f"shop:2026/{number}#1") for number in range(9)]
    await store.admit([submission("a", reference="shop:2026/81#2"), submission("b"), *many])
    record = admitted("a", 1)
    await store.commit([queued(record, time=BEGINNING + 2), finished(record, time=BEGINNING + 3)])
    await store.close([])
    store = open_again()
    pending = {record.request_id: record.reference for record in (await store.load()).pending}
    assert pending == {"b": None, **{f"many-{number}": f"shop:2026/{number}#1" for number in range(9)}}

    async def shown(prefix: str) -> list[str]:
        return [record.request_id for record in await store.page(Query(prefix=prefix))]

    assert await shown("shop:2026/8") == ["many-8", "a"]
    assert await shown("shop:2026/81#2") == ["a"]
    assert await shown("b") == ["b"]
    assert await shown("SHOP") == []
    found = await store.find("a")
    assert found is not None
    assert found.record.reference == "shop:2026/81#2"
    await store.close([])
