"""The `redis` source against a real Redis."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from exporter.config.secret import InlineSecret
from exporter.core.cursor import Cursor
from exporter.errors import ExporterError, IntakeFull, StoreUnavailable
from exporter.sources.redis import source as redis_source
from exporter.sources.source import Accepted, Entry
from tests.servers import RedisServer, redis_server
from tests.sources.logged import logged
from tests.sources.redis.scene import Scene, lost, pending
from tests.sources.twins import FIRST, NOW, SECOND, MemoryIntake, Naps
from tests.sources.waiting import until

DOCUMENTED = Path("docs/sources.md").read_text().replace("\n", " ")
ALWAYS = "multi exec client|setname"


class Slow(MemoryIntake):
    """Takes entries in when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.is_asked = False

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        if entries:
            self.is_asked = True
            await self.may.wait()
        return await super().accept(source, entries, cursors)


async def test_entries_of_a_stream_are_taken_in_with_all_their_fields_and_acknowledged(
    redis: Any, scene: Scene
) -> None:
    redis.xadd("lsq", {"request_id": FIRST})
    redis.xadd(
        "lsq", {"request_id": SECOND, "submitted_at": "2026-02-02T02:39:00Z", "account": "acme", "api": "call_log"}
    )
    async with scene.running():
        await until(lambda: pending(redis) == 0 and bool(scene.health.story))
    first, second = scene.intake.entries
    assert (first.request_id, first.account, first.api, first.submitted) == (FIRST, "acme", "lead_update", None)
    assert (second.request_id, second.account, second.api, second.submitted) == (SECOND, "acme", "call_log", NOW - 60)
    assert first.where.startswith("lsq ")
    assert scene.health.story == ["orders up"]


async def test_a_payload_may_be_fields_a_group_groups_or_a_bare_request_id(redis: Any, scene: Scene) -> None:
    group = {"request_ids": ["b", {"request_id": "c"}], "api": "call_log"}
    for payload in ({"request_id": "a"}, group, [{"request_ids": ["d"]}]):
        redis.xadd("lsq", {"body": json.dumps(payload), "trace": "an application may add what it likes beside it"})
    redis.xadd("lsq", {"body": "e"})
    async with scene.running(payload="body"):
        await until(lambda: len(scene.intake.ids) == 5 and pending(redis) == 0)
    assert [(entry.request_id, entry.api) for entry in scene.intake.entries] == [
        ("a", "lead_update"),
        ("b", "call_log"),
        ("c", "call_log"),
        ("d", "lead_update"),
        ("e", "lead_update"),
    ]


async def test_poison_is_moved_aside_whole_with_its_reason_and_the_rest_goes_on(redis: Any, scene: Scene) -> None:
    redis.xadd("lsq", {"request_id": "a"})
    bad = [
        redis.xadd("lsq", {"request_id": "not one", "note": "x"}),
        redis.xadd("lsq", {"payload": '{"request_id": '}),
        redis.xadd("lsq", {"request_id": "b", "account": "nobody"}),
        redis.xadd("lsq", {"request_id": b"\xff"}),
    ]
    redis.xadd("lsq", {"request_id": "c"})
    async with scene.running():
        await until(lambda: pending(redis) == 0 and bool(scene.health.story))
    assert scene.intake.ids == ["a", "c"]
    moved = [fields for _, fields in redis.xrange("lsq:poison")]
    assert [fields.pop("poison_entry") for fields in moved] == bad
    rule = "must be 1 to 128 characters of A-Z a-z 0-9 . _ -"
    assert moved == [
        {
            "request_id": "not one",
            "note": "x",
            "poison_reason": "note: unknown key; allowed: request_id, submitted_at, account, api; "
            f"request_id: {rule}, got a text of 7 characters",
        },
        {
            "payload": '{"request_id": ',
            "poison_reason": "not JSON: line 1, column 16: Expecting value",
        },
        {"request_id": "b", "account": "nobody", "poison_reason": "account: must be one of acme"},
        {"request_id": "\udcff", "poison_reason": f"request_id: {rule}, got a text of 1 character"},
    ]
    (told, *_) = scene.health.story
    assert told.startswith(f"orders refused 4: lsq {bad[0]}: note: unknown key")


async def test_an_entry_whose_time_lies_ahead_is_taken_without_it_and_counted(redis: Any, scene: Scene) -> None:
    first = redis.xadd("lsq", {"request_id": FIRST, "submitted_at": "2026-02-02T02:46:00Z"})
    group = [{"request_ids": [{"request_id": one, "submitted_at": "2026-02-02T02:46:00Z"} for one in ("b", "c")]}]
    second = redis.xadd("lsq", {"payload": json.dumps(group)})
    redis.xadd("lsq", {"request_id": SECOND, "submitted_at": "2026-02-02T02:39:00Z"})
    async with scene.running():
        await until(lambda: pending(redis) == 0 and len(scene.health.story) == 2)
    assert {one.request_id: one.submitted for one in scene.intake.entries} == {
        FIRST: None,
        "b": None,
        "c": None,
        SECOND: NOW - 60,
    }
    assert scene.health.story == [f"orders refused 3: the time lies ahead: lsq {first}; lsq {second}", "orders up"]
    assert scene.health.kinds == ["impossible_time"]


async def test_an_entry_may_have_a_reference(redis: Any, scene: Scene) -> None:
    scene.references = True
    redis.xadd("lsq", {"request_id": FIRST, "reference": "o-1"})
    redis.xadd("lsq", {"payload": json.dumps([{"request_ids": [{"request_id": "b", "reference": "o-2"}, "c"]}])})
    async with scene.running():
        await until(lambda: pending(redis) == 0 and bool(scene.health.story))
    assert [one.reference for one in scene.intake.entries] == ["o-1", "o-2", None]


async def test_an_entry_with_a_reference_is_moved_aside_unless_references_are_allowed(redis: Any, scene: Scene) -> None:
    redis.xadd("lsq", {"request_id": FIRST, "reference": "o-1"})
    async with scene.running():
        await until(lambda: pending(redis) == 0 and bool(scene.health.story))
    ((_, moved),) = redis.xrange("lsq:poison")
    assert moved["poison_reason"] == "reference: is refused unless references: true stands in the configuration"
    assert moved["reference"] == "o-1"


async def test_every_entry_that_was_moved_aside_is_in_the_log(redis: Any, scene: Scene) -> None:
    with logged() as log:
        async with scene.running():
            keys = [redis.xadd("lsq", {"request_id": "not one"}) for _ in range(3)]
            await until(lambda: pending(redis) == 0 and redis.xlen("lsq:poison") == 3)
            keys.append(redis.xadd("lsq", {"request_id": "not one"}))
            await until(lambda: "refused 1" in " ".join(scene.health.story))
    assert [f"lsq {key}: request_id: must be" in log.getvalue() for key in keys] == [True] * 4


@pytest.mark.parametrize("refusal", [IntakeFull("no room"), StoreUnavailable("the disk is full")])
async def test_while_the_intake_refuses_nothing_is_acknowledged_and_then_it_is_taken(
    redis: Any, scene: Scene, refusal: ExporterError
) -> None:
    scene.at_nap = lambda: pending(redis)
    async with scene.running():
        await until(lambda: scene.health.story == ["orders up"])
        scene.intake.refusals = [refusal] * 3
        redis.xadd("lsq", {"request_id": "a"})
        await until(lambda: scene.intake.ids == ["a"] and pending(redis) == 0)
    assert scene.seen == [1, 1, 1]
    assert scene.health.story[1:4] == [f"orders down: {refusal}"] * 3


@pytest.mark.parametrize("is_stream", [True, False])
async def test_as_many_are_taken_as_there_is_room_for_and_only_those_are_acknowledged(
    redis: Any, scene: Scene, is_stream: bool
) -> None:
    scene.intake.room = 500
    with redis.pipeline() as pipeline:
        for number in range(900):
            request = {"request_id": f"id-{number}"}
            pipeline.xadd("lsq", request) if is_stream else pipeline.lpush("lsq", json.dumps(request))
        pipeline.execute()

    def left() -> int:
        if is_stream:
            return pending(redis) or 0
        return int(redis.llen("lsq") + redis.llen("lsq:processing"))

    scene.at_nap = left
    async with scene.running(is_stream=is_stream):
        await until(lambda: bool(scene.seen))
        assert len(scene.intake.ids) == 500
        scene.intake.room = 700
        await until(lambda: 200 in scene.seen)
        assert len(scene.intake.ids) == 700
        scene.intake.room = None
        await until(lambda: left() == 0 and scene.health.story[-1] == "orders up")
    assert scene.intake.ids == [f"id-{number}" for number in range(900)]
    assert set(scene.seen) == {400, 200}


async def test_a_message_of_more_entries_than_there_is_room_for_is_acknowledged_with_its_last(
    redis: Any, scene: Scene
) -> None:
    scene.intake.room = 60
    redis.xadd("lsq", {"payload": json.dumps({"request_ids": [f"id-{number}" for number in range(100)]})})
    redis.xadd("lsq", {"payload": '{"request_ids": []}'})
    scene.at_nap = lambda: pending(redis)
    async with scene.running():
        await until(lambda: bool(scene.seen))
        assert len(scene.intake.ids) == 60
        scene.intake.room = None
        await until(lambda: pending(redis) == 0)
    assert set(scene.seen) == {2}
    assert len(scene.intake.ids) == 100


async def test_poison_does_not_wait_for_room(redis: Any, scene: Scene) -> None:
    scene.intake.room = 0
    redis.xadd("lsq", {"request_id": "a"})
    redis.xadd("lsq", {"request_id": "not one"})
    async with scene.running():
        await until(lambda: redis.xlen("lsq:poison") == 1 and pending(redis) == 1)


async def test_pauses_grow_and_are_not_the_same_for_two(redis: Any, scene: Scene) -> None:
    redis.xadd("lsq", {"request_id": "a"})
    scene.intake.refusals = [IntakeFull("no room")] * 9
    async with scene.running():
        await until(lambda: scene.intake.ids == ["a"])
    bounds = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(bound / 2 <= nap <= bound for nap, bound in zip(scene.naps.taken, bounds, strict=True))
    assert len(set(scene.naps.taken)) == 9


async def test_what_a_killed_process_had_read_comes_first_after_its_restart(redis: Any, scene: Scene) -> None:
    redis.xgroup_create("lsq", "exporters", id="0", mkstream=True)
    redis.xadd("lsq", {"request_id": "a"})
    redis.xreadgroup("exporters", "one", {"lsq": ">"})
    redis.xadd("lsq", {"request_id": "b"})
    async with scene.running():
        await until(lambda: len(scene.intake.ids) == 2 and pending(redis) == 0)
    assert scene.intake.ids == ["a", "b"]


async def test_entries_of_a_dead_consumer_are_claimed_and_those_of_a_living_one_are_not(
    redis: Any, scene: Scene
) -> None:
    redis.xgroup_create("lsq", "exporters", id="0", mkstream=True)
    with redis.pipeline() as pipeline:
        for number in range(2500):
            pipeline.xadd("lsq", {"request_id": f"dead-{number}"})
        keys = pipeline.execute()
    redis.xreadgroup("exporters", "dead", {"lsq": ">"}, count=2500)
    redis.xclaim("lsq", "exporters", "dead", 0, keys, idle=3_600_000, justid=True)
    redis.xadd("lsq", {"request_id": "busy"})
    redis.xreadgroup("exporters", "living", {"lsq": ">"})
    async with scene.running(claim_after=600.0):
        await until(lambda: len(scene.intake.ids) >= 2500 and pending(redis) == 1)
    assert "busy" not in scene.intake.ids


async def test_an_entry_that_was_trimmed_while_it_was_pending_is_told_and_counted_as_lost(
    redis: Any, scene: Scene
) -> None:
    redis.xgroup_create("lsq", "exporters", id="0", mkstream=True)
    own, other = redis.xadd("lsq", {"request_id": "a"}), redis.xadd("lsq", {"request_id": "b"})
    redis.xreadgroup("exporters", "one", {"lsq": ">"}, count=1)
    redis.xreadgroup("exporters", "dead", {"lsq": ">"}, count=1)
    redis.xclaim("lsq", "exporters", "dead", 0, [other], idle=3_600_000, justid=True)
    redis.xtrim("lsq", maxlen=0, approximate=False)
    with logged() as log:
        async with scene.running():
            await until(lambda: pending(redis) == 0 and len(scene.health.story) >= 3)
    assert lost(scene) == [1, 1]
    for key in (own, other):
        assert f'before they were acknowledged" source=orders entries=1 problem="lsq {key}"' in log.getvalue()
    assert redis.exists("lsq:poison") == 0


async def test_a_stream_that_is_deleted_is_made_anew(redis: Any, scene: Scene) -> None:
    redis.xadd("lsq", {"request_id": "a"})
    async with scene.running():
        await until(lambda: scene.intake.ids == ["a"])
        redis.delete("lsq")
        redis.xadd("lsq", {"request_id": "b"})
        await until(lambda: scene.intake.ids == ["a", "b"])
    assert "orders down: the stream" in " ".join(scene.health.story)


async def test_a_stream_that_is_deleted_and_not_written_again_is_made_anew(redis: Any, scene: Scene) -> None:
    async with scene.running():
        await until(lambda: "orders up" in scene.health.story)
        redis.delete("lsq")
        await until(lambda: redis.exists("lsq") == 1)
    assert scene.health.story[1] == "orders down: the stream or its group was deleted; they are made anew"


async def test_items_of_a_list_are_taken_in_oldest_first_and_removed(redis: Any, scene: Scene) -> None:
    redis.lpush("lsq", *(f"id-{number}" for number in range(1200)))
    redis.lpush("lsq", '{"request_id": "last", "api": "call_log"}')
    async with scene.running(is_stream=False):
        await until(lambda: len(scene.intake.ids) == 1201 and not redis.exists("lsq", "lsq:processing"))
    assert scene.intake.ids == [*(f"id-{number}" for number in range(1200)), "last"]
    assert scene.intake.entries[-1].api == "call_log"


async def test_items_that_a_killed_process_had_moved_are_taken_first(redis: Any, scene: Scene) -> None:
    redis.rpush("lsq:processing", "a", "a", "b")
    redis.lpush("lsq", "c")
    async with scene.running(is_stream=False):
        await until(lambda: len(scene.intake.ids) == 3 and not redis.exists("lsq", "lsq:processing"))
    assert scene.intake.ids == ["a", "b", "c"]


async def test_poison_of_a_list_is_moved_aside_as_it_is(redis: Any, scene: Scene) -> None:
    redis.lpush("lsq", "not one", "fine", "{", b"\xff")
    async with scene.running(is_stream=False):
        await until(lambda: not redis.exists("lsq", "lsq:processing") and bool(scene.health.story))
    assert scene.intake.ids == ["fine"]
    assert redis.lrange("lsq:poison", 0, -1) == ["not one", "{", "\udcff"]
    assert scene.health.story[0].startswith("orders refused 3: an item of lsq: request_id: must be")


async def test_items_of_a_list_stay_while_the_intake_refuses(redis: Any, scene: Scene) -> None:
    scene.intake.refusals = [IntakeFull("no room")] * 3
    scene.at_nap = lambda: redis.llen("lsq") + redis.llen("lsq:processing")
    redis.lpush("lsq", "a")
    async with scene.running(is_stream=False):
        await until(lambda: scene.intake.ids == ["a"] and not redis.exists("lsq:processing"))
    assert scene.seen == [1, 1, 1]


@pytest.mark.parametrize(
    ("prepare", "changes", "told", "kind"),
    [
        ("SET lsq x", {}, "a key of the source is of another type; check stream or list", "refused"),
        ("SET lsq x", {"is_stream": False}, "a key of the source is of another type; check stream or list", "refused"),
        (
            "CONFIG SET requirepass s3cr3t",
            {},
            "Redis refuses the user or the password; check the source's url",
            "refused",
        ),
        (
            "CONFIG SET requirepass s3cr3t",
            {"url": "redis://:n0ts3cr3t@127.0.0.1:{port}/0"},
            "Redis refuses the user or the password; check the source's url",
            "refused",
        ),
        (
            "ACL SETUSER default -xreadgroup",
            {},
            "Redis refuses a command or a key to this user; docs/sources.md lists what it needs",
            "refused",
        ),
        (
            "PING",
            {"url": "redis://127.0.0.1:1/0"},
            "Redis can't be reached, or has closed the connection; check the source's url",
            "unreachable",
        ),
    ],
)
async def test_trouble_at_redis_is_told_with_what_to_do_and_without_secrets(
    redis: Any, server: RedisServer, scene: Scene, prepare: str, changes: dict[str, Any], told: str, kind: str
) -> None:
    if "url" in changes:
        changes = {"url": InlineSecret(changes["url"].format(port=server.port))}
    redis.execute_command(prepare)
    try:
        async with scene.running(**changes):
            await until(lambda: len(scene.health.story) > 0)
    finally:
        redis.execute_command("CONFIG SET requirepass ''")
        redis.execute_command("ACL SETUSER default +@all nopass")
    assert scene.health.story[0] == f"orders down: {told}"
    assert scene.health.kinds[0] == kind


async def test_a_redis_that_hangs_is_told_as_one_that_does_not_answer_in_time(
    redis: Any, server: RedisServer, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_source, "ANSWER_SECONDS", 0.5)
    async with scene.running():
        redis.execute_command("CLIENT PAUSE 2000")
        await until(lambda: bool(scene.health.kinds))
    assert scene.health.kinds[0] == "timeout"
    assert "orders down: Redis does not answer in time" in scene.health.story


async def test_two_exporters_in_a_group_share_its_entries(redis: Any, scene: Scene) -> None:
    other = Scene(scene.url)
    for number in range(3000):
        redis.xadd("lsq", {"request_id": f"r-{number}"})
    async with scene.running(), other.running(consumer="two"):
        await until(lambda: len(scene.intake.ids) + len(other.intake.ids) == 3000 and pending(redis) == 0)
    assert not set(scene.intake.ids) & set(other.intake.ids)
    assert [one for one in (*scene.health.story, *other.health.story) if "up" not in one] == []


async def test_a_field_that_stands_twice_in_an_entry_is_moved_aside_with_both_values(redis: Any, scene: Scene) -> None:
    redis.execute_command("XADD", "lsq", "*", "request_id", "a", "request_id", "b")
    redis.execute_command("XADD", "lsq", "*", "payload", "c", "payload", "d")
    redis.execute_command("XADD", "lsq", "*", "payload", "e", "trace", "1", "trace", "2")
    async with scene.running():
        await until(lambda: pending(redis) == 0 and bool(scene.health.story))
    assert scene.intake.ids == ["e"]
    redis.set_response_callback("XRANGE", lambda answer: answer)
    moved = [fields for _, fields in redis.xrange("lsq:poison")]
    for fields, name, values in zip(moved, ("request_id", "payload"), (("a", "b"), ("c", "d")), strict=True):
        assert fields[:4] == [name, values[0], name, values[1]]
        assert fields[6:] == ["poison_reason", f'the field "{name}" is given twice in one entry']


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_poison_key_of_another_type_is_told_before_anything_is_lost_to_it(
    redis: Any, scene: Scene, is_stream: bool
) -> None:
    redis.set("lsq:poison", "x")
    redis.xadd("lsq", {"request_id": "not one"}) if is_stream else redis.lpush("lsq", "not one")
    async with scene.running(is_stream=is_stream):
        await until(lambda: bool(scene.health.story))
        assert redis.exists("lsq") and not pending(redis) if is_stream else redis.lrange("lsq", 0, -1) == ["not one"]
        redis.delete("lsq:poison")
        await until(lambda: redis.exists("lsq:poison") == 1)
    assert scene.health.story[0] == "orders down: a key of the source is of another type; check stream or list"


async def test_poison_that_can_not_be_moved_aside_is_told_once_and_kept(redis: Any, scene: Scene) -> None:
    redis.execute_command("ACL SETUSER default -rpush")
    redis.lpush("lsq", "not one")
    try:
        async with scene.running(is_stream=False):
            await until(lambda: len(scene.naps.taken) > 5)
            redis.execute_command("ACL SETUSER default +@all")
            await until(lambda: redis.lrange("lsq:poison", 0, -1) == ["not one"])
    finally:
        redis.execute_command("ACL SETUSER default +@all")
    assert sum("refused 1" in told for told in scene.health.story) == 1


@pytest.mark.parametrize("is_stream", [True, False])
async def test_two_exporters_that_need_names_of_their_own_take_the_same_in_twice(
    redis: Any, scene: Scene, is_stream: bool
) -> None:
    """Of a stream what is pending under the name that both have; of a list, which has no names, anything."""
    if is_stream:
        redis.xgroup_create("lsq", "exporters", id="0", mkstream=True)
        redis.xadd("lsq", {"request_id": "a"})
        redis.xreadgroup("exporters", "one", {"lsq": ">"})
    else:
        redis.lpush("lsq", "a")
    slow = Slow()
    other = Scene(scene.url, intake=slow)
    async with other.running(is_stream=is_stream):
        await until(lambda: slow.is_asked)
        async with scene.running(is_stream=is_stream):
            await until(lambda: scene.intake.ids == ["a"])
            slow.may.set()
            await until(lambda: other.intake.ids == ["a"])


async def test_a_consumer_takes_over_only_after_claim_after(redis: Any, scene: Scene) -> None:
    """While the first has no room: what it could not take in is taken in by the other, and by it alone."""
    other = Scene(scene.url)
    scene.intake.room = 0
    redis.xadd("lsq", {"request_id": "a"})
    async with scene.running(claim_after=0.2):
        await until(lambda: pending(redis) == 1)
        async with other.running(consumer="two", claim_after=0.2):
            await until(lambda: other.intake.ids == ["a"] and pending(redis) == 0)
            scene.intake.room = None
            redis.xadd("lsq", {"request_id": "b"})
            await until(lambda: "b" in scene.intake.ids + other.intake.ids)
    assert "a" not in scene.intake.ids


async def test_a_redis_that_runs_a_script_is_told_as_busy(redis: Any, server: RedisServer) -> None:
    scene = Scene(server.url, naps=Naps(10_000), pause=0.01)
    redis.config_set("busy-reply-threshold", 1)
    script = "local n = redis.call('time') repeat local m = redis.call('time') until m[1] - n[1] > 1"
    running = asyncio.create_task(asyncio.to_thread(redis.eval, script, 0))
    await asyncio.sleep(0)
    async with scene.running():
        await until(lambda: "orders down: Redis is busy with a script" in scene.health.story)
        await running
        await until(lambda: scene.health.story[-1] == "orders up")


async def test_a_redis_that_loads_its_data_is_told_and_waited_for(tmp_path: Path) -> None:
    delays = ("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
    with redis_server(tmp_path, "--appendonly", "no", *delays) as slow:
        with Redis.from_url(slow.url) as client:
            client.mset({f"key-{number}": "x" * 100 for number in range(1500)})
            client.xadd("lsq", {"request_id": "a"})
            client.save()
        slow.stop()
        scene = Scene(slow.url, naps=Naps(1_000_000), pause=0.01)
        starting = asyncio.create_task(asyncio.to_thread(slow.start, "--dbfilename", "dump.rdb"))
        async with scene.running():
            await until(lambda: scene.intake.ids == ["a"])
        await starting
    assert "orders down: Redis is still loading its data" in scene.health.story


@pytest.mark.parametrize(
    ("is_stream", "commands", "keys"),
    [
        (
            True,
            "xgroup|create xinfo|stream xinfo|groups xread xreadgroup xpending xautoclaim xack xadd xlen multi exec client|setname",
            "~lsq ~lsq:poison",
        ),
        (
            False,
            "exists blmove llen lmove lrange lrem rpush multi exec client|setname",
            "~lsq ~lsq:processing ~lsq:poison",
        ),
    ],
)
async def test_a_user_needs_no_other_rights_than_the_documentation_lists(
    redis: Any, server: RedisServer, scene: Scene, is_stream: bool, commands: str, keys: str
) -> None:
    assert all(f"`{one}`" in DOCUMENTED for one in (commands.removesuffix(f" {ALWAYS}"), ALWAYS))
    rights = " ".join(f"+{command}" for command in commands.split())
    redis.execute_command(f"ACL SETUSER reader reset on >s3cr3t {keys} {rights}")
    handed = ("a", "not one", "b")
    for one in handed:
        redis.xadd("lsq", {"request_id": one}) if is_stream else redis.lpush("lsq", one)
    url = InlineSecret(f"redis://reader:s3cr3t@127.0.0.1:{server.port}/0")
    async with scene.running(is_stream=is_stream, url=url, claim_after=0.1):
        await until(lambda: scene.intake.ids == ["a", "b"] and "orders up" in scene.health.story)
        await until(lambda: redis.exists("lsq:poison") == 1)
    assert scene.health.kinds == ["invalid_entry"]
