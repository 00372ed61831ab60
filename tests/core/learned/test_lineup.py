"""Groups of like requests, against plain lists and dictionaries."""

from collections import Counter
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exporter.core.learned.lineup import Chains, Crowd, Ranks

slots = st.integers(0, 15)
FEW = settings(max_examples=60, stateful_step_count=40)


class ChainsAgainstLists(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.chains = Chains()
        self.lists: dict[int, list[int]] = {}
        self.known: set[int] = set()

    @rule(slot=slots, group=st.integers(0, 3))
    def append(self, slot: int, group: int) -> None:
        if not any(slot in members for members in self.lists.values()):
            self.chains.append((slot,), group)
            self.lists.setdefault(group, []).append(slot)
            self.known.add(slot)

    @rule(slot=slots, group=st.integers(0, 3))
    def append_one(self, slot: int, group: int) -> None:
        if slot in self.known and not any(slot in members for members in self.lists.values()):
            self.chains.append_one(slot, group)
            self.lists.setdefault(group, []).append(slot)

    @rule(slot=slots)
    def remove(self, slot: int) -> None:
        self.chains.remove(slot)
        for members in self.lists.values():
            if slot in members:
                members.remove(slot)

    @invariant()
    def the_head_of_a_group_is_who_entered_it_first(self) -> None:
        assert self.chains.heads == {group: members[0] for group, members in self.lists.items() if members}


class RanksAgainstADictionary(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ranks = Ranks()
        self.entered: dict[int, tuple[int, int]] = {}

    @rule(slot=slots, order=st.integers(0, 2**39 - 1), group=st.integers(0, 3))
    def put(self, slot: int, order: int, group: int) -> None:
        """A slot is used again for another request, with another order, also in the group that it was in."""
        self.ranks.put((slot,), (order,), group)
        self.entered[slot] = order, group

    @precondition(lambda self: self.entered)
    @rule(data=st.data(), group=st.integers(0, 3))
    def move(self, data: st.DataObject, group: int) -> None:
        slot = data.draw(st.sampled_from(sorted(self.entered)))
        self.put(slot, self.entered[slot][0], group)

    @rule(slot=slots, order=st.integers(0, 2**39 - 1), group=st.integers(0, 3))
    def put_one(self, slot: int, order: int, group: int) -> None:
        if slot not in self.entered:
            self.ranks.put_one(slot, order, group)
            self.entered[slot] = order, group

    @rule(slot=slots)
    def remove(self, slot: int) -> None:
        self.ranks.remove(slot)
        self.entered.pop(slot, None)

    @invariant()
    def the_head_of_a_group_is_who_is_first_in_order(self) -> None:
        groups: dict[int, list[tuple[int, int]]] = {}
        for slot, (order, group) in self.entered.items():
            groups.setdefault(group, []).append((order, slot))
        assert sorted(self.ranks.heads()) == sorted(min(members)[1] for members in groups.values())

    @invariant()
    def the_first_of_all_is_first_in_order(self) -> None:
        first = self.ranks.first()
        lowest = min((order for order, _ in self.entered.values()), default=None)
        assert (None if first is None else self.entered[first][0]) == lowest


class CrowdAgainstASet(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.crowd = Crowd()
        self.members: set[int] = set()
        self.known: set[int] = set()

    @rule(slot=slots)
    def add(self, slot: int) -> None:
        if slot not in self.members:
            self.crowd.add((slot,))
            self.members.add(slot)
            self.known.add(slot)

    @rule(slot=slots)
    def add_one(self, slot: int) -> None:
        if slot in self.known - self.members:
            self.crowd.add_one(slot)
            self.members.add(slot)

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(sorted(self.members)))
        self.crowd.remove(slot)
        self.members.remove(slot)

    @invariant()
    def each_member_has_one_place(self) -> None:
        assert sorted(self.crowd[place] for place in range(len(self.crowd))) == sorted(self.members)
        assert [slot for slot in range(16) if slot in self.crowd] == sorted(self.members)


TestChains = ChainsAgainstLists.TestCase
TestRanks = RanksAgainstADictionary.TestCase
TestCrowd = CrowdAgainstASet.TestCase
TestChains.settings = TestRanks.settings = TestCrowd.settings = FEW


def test_a_group_that_is_moved_through_for_long_keeps_its_order_and_little_memory() -> None:
    random, ranks, orders = Random(1), Ranks(), {}
    for slot in range(50):
        orders[slot] = slot
        ranks.put((slot,), (slot,), 0)
    for order in range(50, 20_000):
        slot = random.randrange(50)
        ranks.remove(slot)
        orders[slot] = order
        ranks.put((slot,), (order,), 0)
    assert list(ranks.heads()) == [min(orders, key=orders.__getitem__)]
    assert len(ranks._ranks[0]) <= 2 * 50 + 65


def test_a_place_in_the_crowd_is_as_likely_as_any_other() -> None:
    random, crowd = Random(1), Crowd()
    for slot in range(20):
        crowd.add((slot,))
    for slot in range(0, 20, 2):
        crowd.remove(slot)
    drawn = Counter(crowd[random.randrange(len(crowd))] for _ in range(10_000))
    assert sorted(drawn) == list(range(1, 20, 2))
    assert max(drawn.values()) - min(drawn.values()) < 200
