from tests.chaos import spans
from tests.chaos.spans import Spans


def working() -> Spans:
    """The exporter and its source `app` run from the first second to the tenth."""
    known = Spans()
    for what in (spans.EXPORTER, spans.source("app")):
        known.begin(what, 1.0)
        known.end(what, 10.0)
    return known


def test_a_source_watches_while_it_and_its_process_run() -> None:
    known = working()
    assert known.watched("app", since=1.0, until=10.0)
    assert not known.watched("app", since=0.5, until=2.0)
    assert not known.watched("app", since=9.0, until=10.5)
    assert not known.watched("other", since=2.0, until=3.0)


def test_a_source_does_not_watch_while_the_store_recovers() -> None:
    known = working()
    known.begin(spans.RECOVERY, 4.0)
    known.end(spans.RECOVERY, 6.0)
    assert known.watched("app", since=1.0, until=3.0)
    assert not known.watched("app", since=3.0, until=5.0)
    assert known.watched("app", since=7.0, until=9.0)


def test_a_kill_takes_what_a_process_held_and_a_stop_does_not() -> None:
    known = Spans()
    known.process_ended(3.0, killed=False)
    known.process_ended(5.0, killed=True)
    assert not known.killed(since=2.0, until=9.0)
    assert known.killed(since=4.0, until=9.0)
    assert not known.killed(since=4.0, until=4.5)
    assert not known.killed(since=6.0, until=9.0)


def test_trouble_is_over_when_the_last_of_it_is() -> None:
    known = Spans()
    known.begin(spans.RECOVERY, 2.0)
    known.end(spans.RECOVERY, 7.0)
    assert known.over(spans.RECOVERY, since=3.0, until=4.0) == 7.0
    assert known.over(spans.RECOVERY, since=8.0, until=9.0) == 9.0
