"""No row is skipped, however transactions overlap, as long as none lasts longer than the source looks back."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.retention import NOTHING_AGAIN, UNREAD
from exporter.sources.sql.progress import Progress

LOOK_BACK = 60.0
# When a transaction took its number, and how much later it ended.
TRANSACTIONS = st.lists(st.tuples(st.floats(0.0, 500.0), st.floats(0.0, LOOK_BACK - 1.0)), max_size=30)
LOOKS = st.lists(st.floats(0.1, 40.0), min_size=1, max_size=60)


@given(transactions=TRANSACTIONS, looks=LOOKS, page=st.integers(1, 5), crashes=st.sets(st.integers(0, 59)))
def test_every_row_is_read_although_numbers_and_ends_differ_in_order(
    transactions: list[tuple[float, float]], looks: list[float], page: int, crashes: set[int]
) -> None:
    begun = sorted(transactions)
    visible = [(number, start + lasted) for number, (start, lasted) in enumerate(begun, start=1)]
    progress = Progress(0, look_back=LOOK_BACK)
    now, read, kept = 0.0, set[int](), 0
    for look, pause in enumerate([*looks, *[LOOK_BACK] * 20]):
        now += pause
        if look in crashes:
            progress = Progress(kept, look_back=LOOK_BACK)
        last = progress.begin(now)
        rows = [number for number, end in visible if end <= now and number > last]
        for start in range(0, len(rows), page):
            read.update(rows[start : start + page])
            last = rows[start : start + page][-1]
            progress.read(last, now)
        progress.end(last, now)
        kept = progress.settled
        missing = [number for number, _ in visible if number <= kept and number not in read]
        assert missing == []
    assert len(read) == len([end for _, end in visible if end <= now])


@given(st.lists(st.floats(0.1, 100.0), min_size=1, max_size=50))
def test_without_looking_back_what_was_read_is_settled_at_once(pauses: list[float]) -> None:
    progress = Progress(0, look_back=0.0)
    now = 0.0
    for number, pause in enumerate(pauses, start=1):
        now += pause
        assert progress.begin(now) == number - 1
        progress.read(number, now)
        assert progress.settled == number
        progress.end(number, now)


def test_looking_back_takes_a_tenth_of_the_time_at_most() -> None:
    progress = Progress(0, look_back=LOOK_BACK)
    progress.begin(0.0)
    progress.read(100, 0.0)
    progress.end(100, 5.0)
    assert progress.begin(10.0) == 0
    progress.end(100, 13.0)
    starts = {now: progress.begin(now) for now in (14.0, 30.0, 42.0, 43.0)}
    assert starts == {14.0: 100, 30.0: 100, 42.0: 100, 43.0: 0}


def test_a_page_read_from_the_head_settles_nothing_while_a_place_behind_it_is_open() -> None:
    progress = Progress(0, look_back=0.0, is_past=lambda value, at: bool(value < at))
    progress.begin(1.0)
    progress.read(100, 1.0)
    progress.end(100, 1.0)
    assert progress.begin(2.0) == 0
    progress.end(100, 50.0)
    assert progress.begin(120.0) == 100
    progress.read(110, 120.0)
    assert progress.settled == 0
    progress.end(110, 120.0)
    assert progress.begin(600.0) == 0
    progress.read(110, 600.0)
    assert (progress.settled, progress.head) == (110, 110)


def test_what_may_be_read_again_was_read_since_the_first_page_that_is_not_settled() -> None:
    progress = Progress(0, look_back=LOOK_BACK)
    told = [progress.since]
    for now, last in ((1000.0, 5), (1010.0, 7), (1030.0, 7), (1065.0, 7), (1100.0, 7)):
        progress.begin(now)
        told.append(progress.since)
        if last != progress.head:
            progress.read(last, now)
        progress.end(last, now)
        told.append(progress.since)
    assert told == [UNREAD, UNREAD, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1010.0, 1010.0, NOTHING_AGAIN]


def test_a_reading_that_broke_off_counts_from_its_beginning() -> None:
    progress = Progress(0, look_back=0.0)
    progress.begin(1000.0)
    progress.end(0, 1000.0)
    progress.begin(1010.0)
    progress.begin(1020.0)
    assert progress.since == 1010.0
    progress.read(5, 1020.0)
    progress.end(5, 1030.0)
    assert progress.since == NOTHING_AGAIN
