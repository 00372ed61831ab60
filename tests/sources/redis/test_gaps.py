"""What is worked out of Redis's counters, where a real server of another version, or after a failover, would be needed."""

from dataclasses import replace

from exporter.sources.redis.gaps import Gap, Gaps, Passed, Standing

READ = Standing(added=10, length=10, first="1-0", last="10-0", delivered="10-0", read=10, consumers=1)
TRIMMED = replace(READ, added=20, length=4, first="17-0", last="20-0")


def after(standing: Standing) -> Standing:
    return replace(standing, delivered=standing.last)


def test_redis_before_version_7_tells_nothing_and_is_known_for_it() -> None:
    gaps = Gaps("10-0 10")
    assert gaps.look(replace(TRIMMED, added=None, read=None)) is None
    assert gaps.is_blind


def test_a_count_of_redis_that_fell_behind_is_not_believed() -> None:
    """As after a failover, or a file that was loaded again, up to version 7.2.4."""
    stale = replace(TRIMMED, read=3)
    assert Gaps("10-0 10").look(stale) == Gap(6, "10-0", "17-0")
    assert Gaps().look(stale) == Gap(None, "10-0", "17-0")


def test_what_a_process_read_before_it_died_is_no_gap() -> None:
    gaps = Gaps("10-0 10")
    now = replace(READ, added=15, length=15, last="15-0", delivered="15-0")
    assert gaps.unseen(now) == Passed("10-0", 10)
    gaps.caught_up(Passed("15-0", 15))
    assert gaps.look(now) is None
    assert gaps.position == "15-0 15"


def test_what_others_of_the_group_read_meanwhile_can_not_be_known() -> None:
    assert Gaps("10-0 10").unseen(replace(TRIMMED, delivered="15-0", consumers=2)) is None


def test_a_replica_that_lacks_the_last_entries_is_believed() -> None:
    gaps = Gaps("10-0 10")
    behind = replace(READ, added=8, length=8, last="8-0", delivered="8-0", read=0)
    assert gaps.unseen(behind) is None
    assert gaps.look(behind) is None
    more = replace(behind, added=9, length=9, last="9-0")
    assert gaps.step(more, after(more), got=1, is_end=True) is None
    assert gaps.position == "9-0 9"


def test_a_gap_is_told_before_it_is_passed_and_only_once() -> None:
    gaps = Gaps("10-0 10")
    assert gaps.look(TRIMMED) == Gap(6, "10-0", "17-0")
    assert gaps.position == "10-0 16"
    assert gaps.step(TRIMMED, after(TRIMMED), got=4, is_end=True) is None
    assert Gaps(gaps.position).look(after(TRIMMED)) is None


def test_a_position_of_which_the_count_is_unknown_is_kept_as_such() -> None:
    gaps = Gaps()
    unread = replace(READ, added=15, last="15-0", first="6-0")
    assert gaps.look(unread) is None
    assert gaps.position == "10-0 -"
    assert Gaps("10-0 -").look(TRIMMED) == Gap(None, "10-0", "17-0")
