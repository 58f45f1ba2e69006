"""Redis users with few rights (ACL): what they may do works, and a refusal names what to allow."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

import explorer
from explorer.drivers.redis import RedisStore
from explorer.drivers.redis.cas import GuardedCommands, apply
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.node import Reply
from explorer.drivers.redis.settings import load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import CallNotSupported, Forbidden, Unauthenticated
from explorer.model.events import Put
from tests.contract.fixtures import take_changes, take_events
from tests.drivers.redis_fixtures import assert_guarded, assert_writes_guarded, open_redis, path
from tests.servers.fixtures import run_server
from tests.servers.redis import RedisServer

__all__ = ["path"]

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server that the tests of this module configure, each for users of its own."""
    yield from run_server(RedisServer())


def as_user(server: RedisServer, name: str, *rules: str, options: str = "") -> RedisStore:
    """Return a store of a user with these rights."""
    server.cli("ACL", "SETUSER", name, "on", ">secret", *rules)
    return RedisStore(parse(f"redis://{name}:secret@{server.address}/0/{name}{options}"), Access())


async def test_user_without_scripts_writes_by_transactions(server: RedisServer) -> None:
    """WATCH, MULTI and EXEC guard the writes, and locks and collections work, too; the status says so."""
    async with as_user(server, "plain", "~plain:*", "+@all", "-@scripting") as store:
        await assert_guarded(store)
        server.cli("HSET", "plain:hash", "a", "1")
        seen = await store.get("hash")
        saved = await store.atomic_put("hash", b'{"b": "2"}', seen)
        assert saved.value == b'{\n  "b": "2"\n}\n'
        async with store.lock("job", ttl=30) as lock:
            assert (await lock.put("guarded", b"value")).value == b"value"
            server.cli("DEL", "plain:job___lock")
            with pytest.raises(explorer.LockLost):
                await lock.put("guarded", b"late")
        assert any("scripts are forbidden" in line for line in (await store.status()).complaints)


async def test_user_without_scripts_and_transactions_writes_strings(shared_valkey: RedisServer, path: str) -> None:
    """One command of Valkey 8.1 compares the bytes and writes: also a value that has become another type is safe."""
    rules = (f"~{path}:*", "+@all", "-@scripting", "-watch", "-multi", "-exec", "-@dangerous")
    async with as_user(shared_valkey, path, *rules) as store:
        await assert_writes_guarded(store)
        for write, read in (("SET", ("GET",)), ("RPUSH", ("LINDEX", "0"))):
            shared_valkey.cli("DEL", f"{path}:key")
            before = await store.put("key", b"value")
            shared_valkey.cli("DEL", f"{path}:key")
            shared_valkey.cli(write, f"{path}:key", "theirs")  # between our check and our write
            late = GuardedCommands(f"{path}:key".encode(), str(before.revision), [("SET", b"late")], b"value")
            assert await apply(store.connection, (late,), 5.0) is None
            assert shared_valkey.cli(read[0], f"{path}:key", *read[1:]).strip() == "theirs"
        with pytest.raises(Forbidden) as raised:
            await store.delete("lived")
        assert "`multi` and `exec`" in raised.value.hint


async def test_string_is_deleted_by_one_command(
    shared_valkey: RedisServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DELEX is a fake, which compares by a script on the real server: no server here has the command (Redis 8.4)."""
    call = RedisConnection.call

    async def call_with_delex(
        connection: RedisConnection,
        *command: bytes | str | int,
        key: bytes | None = None,
        within: float | None = None,
        repeat: bool = True,
    ) -> Reply:
        match command:
            case ("DELEX", bytes(name), "IFEQ", bytes(value)):
                script = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"
                return int(shared_valkey.cli("EVAL", script, "1", name, value))
        return await call(connection, *command, key=key, within=within, repeat=repeat)

    monkeypatch.setattr(RedisConnection, "call", call_with_delex)
    rules = (f"~{path}:*", "+@all", "-@scripting", "-watch", "-multi", "-exec")
    async with as_user(shared_valkey, path, *rules) as store:
        seen = await store.put("key", b"value")
        await store.atomic_delete("key", seen)
        assert not await store.exists("key")
        shared_valkey.cli("SET", f"{path}:key", "theirs")
        late = GuardedCommands(f"{path}:key".encode(), str(seen.revision), [("DEL",)], b"value")
        assert await apply(store.connection, (late,), 5.0) is None
        assert (await store.get("key")).value == b"theirs"


async def test_user_who_may_only_read_is_refused_writes(server: RedisServer) -> None:
    """Reads, listings and watches work; a write is Forbidden, and nothing is repeated."""
    server.cli("SET", "reader:a", "1")
    server.cli("SET", "other:a", "1")
    async with as_user(server, "reader", "~reader:*", "+@read", "+client", "+ping", "+info", "+scan") as store:
        assert (await store.get("a")).value == b"1"
        assert [child.name for child in (await store.children("")).items] == ["a"]
        for write in (store.put("a", b"2"), store.delete("a"), store.delete_tree("")):
            with pytest.raises(Forbidden, match="permission denied"):
                await write
        async with store.watch_tree("") as events:
            await take_events(events, 1)
            server.cli("SET", "reader:a", "3")
            (change,) = await take_changes(events, 1)
            assert isinstance(change, Put)
            assert change.entry.value == b"3"
    async with RedisStore(parse(f"redis://reader:secret@{server.address}/0/other"), Access()) as store:
        with pytest.raises(Forbidden, match="key"):
            await store.get("a")
        assert (await store.list("")).items == (), "what may not be read is left out"


async def test_user_without_tracking_gets_a_hint(server: RedisServer) -> None:
    """The hint names what to allow."""
    async with as_user(server, "untracked", "~*", "+@all", "-client|tracking") as store:
        with pytest.raises(Forbidden, match="permission denied") as raised:
            async with store.watch_tree(""):
                pass
        assert "client|tracking" in raised.value.hint


async def test_user_without_channels_or_config_is_warned(server: RedisServer) -> None:
    """Keyspace notifications need rights on channels; whether they are sent at all may not be known."""
    async with as_user(server, "mute", "~*", "resetchannels", "+@all", options="?events=keyspace") as store:
        server.cli("ACL", "SETUSER", "mute", "-config")
        with pytest.raises(Forbidden, match="channels") as raised:
            async with store.watch_tree(""):
                pass
        assert "&__keyspace@*" in raised.value.hint
        server.cli("ACL", "SETUSER", "mute", "&*")
        async with store.watch_tree("") as events:
            await take_events(events, 1)
        assert any("CONFIG GET is forbidden" in line for line in (await store.status()).complaints)


async def test_status_without_info_says_what_is_not_known(server: RedisServer) -> None:
    async with as_user(server, "uninformed", "~*", "+@all", "-info") as store:
        status = await store.status()
        assert status.version == "unknown"
        assert any("INFO is forbidden" in line for line in status.complaints)


@pytest.mark.parametrize("login", ["nobody:wrong@", "reader2:wrong@"])
async def test_wrong_password_is_unauthenticated(server: RedisServer, login: str) -> None:
    server.cli("ACL", "SETUSER", "reader2", "on", ">secret", "+@all", "~*")
    with pytest.raises(Unauthenticated, match="authentication failed"):
        async with RedisStore(parse(f"redis://{login}{server.address}"), Access()):
            pass


async def test_server_that_requires_a_password_says_so(own_redis: RedisServer) -> None:
    """The variable of redis-cli is used like the password of the URL."""
    own_redis.cli("CONFIG", "SET", "requirepass", "secret")
    with pytest.raises(Unauthenticated):
        async with open_redis(own_redis):
            pass
    settings = load(parse(f"redis://{own_redis.address}"), Access(), {"REDISCLI_AUTH": "secret"})
    assert settings.access.password is not None
    assert settings.access.password.reveal() == "secret"
    access = Access(password=Secret("secret"))
    async with RedisStore(parse(f"redis://{own_redis.address}"), access) as store, store.watch("key") as events:
        await store.put("key", b"value")
        assert (await take_changes(events, 1))[0].key == "key"


@pytest.mark.parametrize(
    ("rules", "command", "hint"),
    [
        ("-eval -watch", "watch", "`multi` and `exec`"),
        ("-eval -multi", "multi", "`multi` and `exec`"),
        ("-eval -exec", "exec", "`multi` and `exec`"),
        ("-eval -hdel", "hdel", "ACL GETUSER"),
        ("-hdel", "hdel", "ACL GETUSER"),
        ("-hget -hgetall", "hgetall", "ACL GETUSER"),
        ("-select", "select", "ACL GETUSER"),
    ],
)
async def test_refused_command_is_named_and_nothing_written(
    server: RedisServer, rules: str, command: str, hint: str
) -> None:
    """A write of several commands, of which one is refused, changes nothing, by a script and by a transaction."""
    server.cli("HSET", "partly:hash", "a", "1", "b", "1", database=1)
    server.cli("ACL", "SETUSER", "partly", "reset", "on", ">secret", "~*", "+@all", *rules.split())
    async with RedisStore(parse(f"redis://partly:secret@{server.address}/1/partly"), Access()) as store:
        with pytest.raises(Forbidden, match=f"permission denied.*'{command}'") as raised:
            await store.atomic_put("hash", b'{"a": "2"}', await store.get("hash"))
        if command != "select":
            assert await store.exists("hash"), "no transaction is left on the connection"
    assert hint in raised.value.hint
    assert server.cli("HGETALL", "partly:hash", database=1).split() == ["a", "1", "b", "1"]


async def test_user_who_may_not_read_ttls_writes(server: RedisServer) -> None:
    """A write that was done is not reported as refused; the time left is not shown."""
    async with as_user(server, "timeless", "~*", "+@all", "-pttl") as store:
        seen = await store.put("key", b"1")
        assert (await store.atomic_put("key", b"2", seen)).ttl is None


async def test_command_that_was_renamed_away_is_named(server: RedisServer) -> None:
    """A user without a command has the same error as a server without it."""
    async with as_user(server, "unscanned", "~*", "+@all", "-scan") as store:
        with pytest.raises(Forbidden, match="scan"):
            await store.children("")
        assert (await store.put("key", b"value")).value == b"value"


@pytest.mark.parametrize("options", ["", "?events=keyspace"])
async def test_configuration_is_never_changed(server: RedisServer, options: str) -> None:
    """The server counts the commands of a user who may do everything."""
    server.cli("CONFIG", "RESETSTAT")
    store = as_user(server, "careful", "~*", "&*", "+@all", options=options)
    async with store:
        await assert_guarded(store)
        await store.put("folder:key", b"1", ttl=60, keep_alive=True)
        server.cli("HSET", "careful:hash", "a", "1")
        await store.put("hash", b'{"a": "2"}')
        await store.transact([explorer.PutOperation("one", b"1"), explorer.PutOperation("two", b"1")])
        for reading in (store.children(""), store.children_before(""), store.list(""), store.status(), store.ping()):
            await reading
        for value, watch in enumerate((store.watch_tree(""), store.watch("key"))):
            with suppress(CallNotSupported):
                async with watch as events:
                    await take_events(events, 1)
                    await store.put("key", b"%d" % value)
                    await take_changes(events, 1)
                    server.cli("CLIENT", "KILL", "USER", "careful")
                    await take_events(events, 1)
        async with store.lock("job", ttl=30) as lock:
            await lock.put("guarded", b"value")
            assert await store.locks()
        await store.delete_tree("")
    commands = [line.partition(":")[0] for line in server.cli("INFO", "commandstats").splitlines()]
    assert "cmdstat_set" in commands
    assert not {"cmdstat_config|set", "cmdstat_config|rewrite"}.intersection(commands)
