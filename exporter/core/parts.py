"""What is many, in parts: so that others get their turn between them, or that like ones are treated together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

MOST = 4096

Item = TypeVar("Item")
Key = TypeVar("Key")


def parts(whole: Sequence[Item], size: int = MOST) -> Iterator[Sequence[Item]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def grouped(whole: Sequence[Item], key: Callable[[Item], Key]) -> Mapping[Key, Sequence[Item]]:
    """Items by their key, in their order."""
    if len(whole) == 1:
        return {key(whole[0]): whole}
    keys = list(map(key, whole))
    if len(set(keys)) == 1:
        return {keys[0]: whole}
    groups: dict[Key, list[Item]] = {}
    for one, its_key in zip(whole, keys, strict=True):
        groups.setdefault(its_key, []).append(one)
    return groups
