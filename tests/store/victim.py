"""A process to be killed: takes in requests and finishes them without a pause, and says what was answered.

`python -m tests.store.victim FILE LIFE`
"""

import asyncio
import sys

from exporter.store.sqlite import SqliteStore
from tests.store.build import BEGINNING, admitted, finished, submission
from tests.store.conftest import ignore


async def work(path: str, life: str) -> None:
    store = SqliteStore(path, on_commit=ignore)
    await store.load()
    print("ready", flush=True)
    await asyncio.gather(*(one(store, f"{life}-{caller}") for caller in range(4)))


async def one(store: SqliteStore, name: str) -> None:
    number = 0
    while True:
        names = [f"{name}-{number + step}" for step in range(5)]
        made = [submission(request_id) for request_id in names]
        sequences = await store.admit(made)
        print("admitted", *names, flush=True)
        await store.commit([finished(admitted(names[0], sequences[0] or 0), time=BEGINNING)])
        print("finished", names[0], flush=True)
        number += 5


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
