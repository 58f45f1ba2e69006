"""The backend: voltha-lib-go's calls and liveness, without their faults."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import grpc
import pytest
from redis import exceptions as redis

from explorer.broker import AliveState, Backend
from explorer.broker.alive import AliveMonitor, is_alive
from explorer.drivers.bolt import errors as bolt_errors
from explorer.drivers.common.http import Response
from explorer.drivers.consul import errors as consul_errors
from explorer.drivers.etcd import errors as etcd_errors
from explorer.drivers.etcd2 import errors as etcd2_errors
from explorer.drivers.etcd2.errors import Etcd2ErrorCode
from explorer.drivers.files import errors as files_errors
from explorer.drivers.memory import MemoryStore
from explorer.drivers.redis import errors as redis_errors
from explorer.drivers.zookeeper import errors as zookeeper_errors
from explorer.drivers.zookeeper.frames import ZooKeeperErrorCode
from explorer.model import errors
from explorer.model.address import parse
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown
from explorer.model.events import Deleted, Lost, Put, Started
from explorer.opener import open as open_store
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

WAIT_TIMEOUT = 30.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(parse("memory:"))


@pytest.fixture
async def backend(store: MemoryStore) -> AsyncIterator[Backend]:
    async with Backend(store, "service/voltha", check_interval=None) as backend:
        yield backend


# Calls, as voltha-lib-go's tests of its backend have them


@pytest.mark.parametrize(("prefix", "path"), [("", "key"), ("service/voltha", "service/voltha/key"), ("a/", "a/key")])
def test_make_path(store: MemoryStore, prefix: str, path: str) -> None:
    assert Backend(store, prefix).make_path("key") == path


async def test_put_get_list_delete(backend: Backend) -> None:
    """Returned keys are whole; a missing key is None; text and bytes are written alike."""
    await backend.put("devices/1", "one")
    await backend.put("devices/2", b"\xff")
    entry = await backend.get("devices/1")
    assert entry is not None
    assert (entry.key, entry.value) == ("service/voltha/devices/1", b"one")
    listed = {key: entry.value for key, entry in (await backend.list("devices")).items()}
    assert listed == {"service/voltha/devices/1": b"one", "service/voltha/devices/2": b"\xff"}
    assert await backend.get_with_prefix("devices/") == await backend.list("devices")
    assert await backend.get_with_prefix_keys_only("devices") == tuple(listed)
    assert await backend.key_exists("devices/1")
    await backend.delete("devices/1")
    await backend.delete("devices/1")
    assert await backend.get("devices/1") is None
    assert not await backend.key_exists("devices/1")
    assert await backend.delete_with_prefix("devices") == 1
    assert await backend.delete_with_prefix("devices") == 0
    assert await backend.list("devices") == {}


async def test_watch_with_and_without_prefix(backend: Backend) -> None:
    for with_prefix, key in ((False, "devices/1"), (True, "devices")):
        async with aclosing(backend.watch(key, with_prefix=with_prefix)) as events, asyncio.timeout(WAIT_TIMEOUT):
            assert isinstance(await anext(events), Started)
            await backend.put("devices/1", "one")
            await backend.delete("devices/1")
            put, deleted = await anext(events), await anext(events)
            assert isinstance(put, Put)
            assert isinstance(deleted, Deleted)
            assert put.key == deleted.key == "service/voltha/devices/1"


# Liveness


async def test_every_call_moves_liveness(store: MemoryStore, backend: Backend) -> None:
    """Alive by any answer, dead when the connection is gone, with the reason."""
    assert (backend.state.alive, backend.state.changes) == (True, 1)
    store.cut("cable unplugged")
    with pytest.raises(NotReachable):
        await backend.get("key")
    assert not backend.state.alive
    assert "cable unplugged" in backend.state.reason
    store.mend()
    assert await backend.get("key") is None
    assert (backend.state.alive, backend.state.reason, backend.state.changes) == (True, "", 3)
    assert (backend.state.age or 0) < WAIT_TIMEOUT


async def test_perform_liveness_check(store: MemoryStore, backend: Backend) -> None:
    """It asks the store and writes nothing."""
    revision = store.database.revision
    assert await backend.perform_liveness_check()
    store.cut()
    assert not await backend.perform_liveness_check(timeout=1)
    assert store.database.revision == revision


async def test_lost_watch_is_dead(store: MemoryStore, backend: Backend) -> None:
    """VOLTHA's watches do not report; a program that only watches would never learn of it."""
    async with aclosing(backend.watch("key")) as events, asyncio.timeout(WAIT_TIMEOUT):
        assert isinstance(await anext(events), Started)
        store.cut()
        assert isinstance(await anext(events), Lost)
        assert not backend.state.alive
        store.mend()
        await anext(events)
        assert backend.state.alive


async def test_idle_backend_checks_itself(store: MemoryStore) -> None:
    """No call is made, and the store is known to be dead and alive again."""
    async with Backend(store, check_interval=0.01) as backend:
        store.cut()
        await eventually(lambda: not backend.state.alive, "the loss is noticed", WAIT_TIMEOUT)
        store.mend()
        await eventually(lambda: backend.state.alive, "the return is noticed", WAIT_TIMEOUT)


async def test_absent_reader_of_liveness_delays_nothing(store: MemoryStore, backend: Backend) -> None:
    """VOLTHA's channel has 10 slots, and is sent to under a lock: the eleventh change blocks every call."""
    async with aclosing(backend.liveness(min_interval=0)) as states:
        first = await anext(states)
        for _ in range(50):
            store.cut()
            assert not await backend.perform_liveness_check()
            store.mend()
            assert await backend.perform_liveness_check()
        latest = await anext(states)
    assert (first.changes, latest.changes, latest.alive) == (1, 101, True)


async def test_liveness_has_the_latest_state_and_intervals() -> None:
    """At each change, not more often than the minimum; again after the maximum without a change."""
    monitor = AliveMonitor()
    loop = asyncio.get_running_loop()
    async with aclosing(monitor.states(min_interval=0.05, max_interval=0.2)) as states:
        assert await anext(states) == AliveState(alive=False, reason="not checked yet", changes=0, answered_at=None)
        began = loop.time()
        monitor.set(alive=True)
        assert (await anext(states)).alive
        assert loop.time() - began >= 0.05
        began = loop.time()
        assert (await anext(states)).changes == 1
        assert loop.time() - began >= 0.19


async def test_liveness_of_a_real_store(shared_etcd: EtcdServer, request: pytest.FixtureRequest) -> None:
    """Down at the start, up, silent, and up again; nothing but the backend's own checks."""
    async with FaultProxy(shared_etcd.port) as proxy:
        proxy.reset()
        store = open_store(f"etcd://{proxy.address}/{request.node.name}/?timeout=0.5")
        async with Backend(store, "service", check_interval=0.1) as backend:
            assert not backend.state.alive
            proxy.heal()
            await eventually(lambda: backend.state.alive, "it is up", WAIT_TIMEOUT)
            assert await backend.get("key") is None
            proxy.hang()
            await eventually(lambda: not backend.state.alive, "it is silent", WAIT_TIMEOUT)
            assert not await backend.perform_liveness_check(0.1)
            proxy.heal()
            await eventually(lambda: backend.state.alive, "it is up again", WAIT_TIMEOUT)


# Errors


def etcd_error(code: grpc.StatusCode, details: str = "etcdserver: anything") -> ExplorerError:
    return etcd_errors.translate(code, details).error


def http_error(raise_for_answer: Callable[[Response], None], status: int, body: str) -> ExplorerError:
    with pytest.raises(ExplorerError) as caught:
        raise_for_answer(Response(status, {"X-Etcd-Index": "1", "X-Consul-Index": "1"}, body.encode()))
    return caught.value


def consul_error(status: int, body: str) -> ExplorerError:
    return http_error(consul_errors.raise_for_answer, status, body)


def etcd2_error(status: int, body: str) -> ExplorerError:
    return http_error(lambda answer: etcd2_errors.raise_for_answer(answer, has_user=False), status, body)


def redis_error(error: Exception) -> ExplorerError:
    return redis_errors.translate(error, sent=True)


DEAD = {
    "etcd: deadline": etcd_error(grpc.StatusCode.DEADLINE_EXCEEDED),
    "etcd: unavailable": etcd_error(grpc.StatusCode.UNAVAILABLE),
    "etcd: no leader": etcd_error(grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"),
    "etcd: connection refused": etcd_error(grpc.StatusCode.UNAVAILABLE, "failed to connect: Connection refused"),
    "etcd: data loss": etcd_error(grpc.StatusCode.DATA_LOSS),
    "consul: no leader": consul_error(500, "No cluster leader"),
    "consul: failed": consul_error(502, "Bad Gateway"),
    "consul: overloaded": consul_error(429, "Your IP is issuing too many concurrent connections"),
    "etcd2: failed": etcd2_error(500, '{"errorCode":300,"message":"Raft Internal Error","cause":"","index":1}'),
    "bolt: no such file": bolt_errors.translate(FileNotFoundError(errno.ENOENT, "no such file")),
    "files: stale handle": files_errors.translate(OSError(errno.ESTALE, "stale file handle"), b"/a"),
    "redis: loading": redis_error(redis.BusyLoadingError("LOADING Redis is loading the dataset in memory")),
    "redis: replica without primary": redis_error(redis.ResponseError("MASTERDOWN Link with MASTER is down")),
    "redis: cluster down": redis_error(redis.ResponseError("CLUSTERDOWN The cluster is down")),
    "redis: refused": redis_error(redis.ConnectionError("Error 111 connecting to h:1. Connection refused.")),
    "redis: no answer": redis_error(redis.TimeoutError("Timeout reading from socket")),
    "zookeeper: connection loss": zookeeper_errors.error_for_code(ZooKeeperErrorCode.CONNECTION_LOSS),
    "zookeeper: session expired": zookeeper_errors.error_for_code(ZooKeeperErrorCode.SESSION_EXPIRED),
    "zookeeper: no quorum": zookeeper_errors.error_for_code(ZooKeeperErrorCode.NOT_READ_ONLY),
    "zookeeper: refused": zookeeper_errors.translate(ConnectionRefusedError("refused")),
    "any: lost reply": OutcomeUnknown("the reply was lost"),
}
ALIVE = {
    "etcd: permission denied": etcd_error(grpc.StatusCode.PERMISSION_DENIED),
    "etcd: authentication": etcd_error(grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: authentication failed"),
    "etcd: out of space": etcd_error(grpc.StatusCode.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"),
    "etcd: compacted": etcd_error(grpc.StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision compacted"),
    "consul: permission denied": consul_error(403, "Permission denied"),
    "consul: too large": consul_error(413, "Request body too large"),
    "etcd2: not found": etcd2_errors.error_for(Etcd2ErrorCode.KEY_NOT_FOUND),
    "etcd2: compare failed": etcd2_errors.error_for(Etcd2ErrorCode.COMPARE_FAILED),
    "bolt: permission denied": bolt_errors.translate(PermissionError(errno.EACCES, "permission denied")),
    "bolt: disk full": bolt_errors.translate(OSError(errno.ENOSPC, "no space left")),
    "files: permission denied": files_errors.translate(PermissionError(errno.EACCES, "permission denied"), b"/a"),
    "files: disk full": files_errors.translate(OSError(errno.ENOSPC, "no space left"), b"/a"),
    "redis: authentication": redis_error(redis.AuthenticationError("WRONGPASS invalid username-password pair")),
    "redis: no permission": redis_error(redis.ResponseError("NOPERM User me has no permissions to run 'get'")),
    "redis: wrong type": redis_error(redis.ResponseError("WRONGTYPE Operation against a key of the wrong kind")),
    "redis: out of memory": redis_error(redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'")),
    "zookeeper: no node": zookeeper_errors.error_for_code(ZooKeeperErrorCode.NO_NODE),
    "zookeeper: no auth": zookeeper_errors.error_for_code(ZooKeeperErrorCode.NO_AUTH),
    "zookeeper: bad version": zookeeper_errors.error_for_code(ZooKeeperErrorCode.BAD_VERSION),
    "zookeeper: authentication": zookeeper_errors.error_for_code(ZooKeeperErrorCode.AUTH_FAILED),
}


@pytest.mark.parametrize("case", DEAD)
def test_error_of_a_dead_store(case: str) -> None:
    assert not is_alive(DEAD[case])


@pytest.mark.parametrize("case", ALIVE)
def test_error_of_a_living_store(case: str) -> None:
    """It refuses, and so it answers."""
    assert is_alive(ALIVE[case])


def test_every_class_of_errors_is_classified() -> None:
    """Only what may mean that no answer came is dead."""
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ExplorerError)]
    dead = {kind.__name__ for kind in classes if not is_alive(kind("message"))}
    assert dead == {"NotReachable", "OutcomeUnknown", "Timeout", "TlsFailed"}
