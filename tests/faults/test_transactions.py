"""Transactions whose reply is lost: each is reported as what it was, and is applied once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.model.entries import Entry
from explorer.model.errors import KeyExists, KeyModified
from explorer.model.operations import ABSENT, DeleteOperation, Operation, PutOperation
from tests.faults.backends import CONSUL, ETCD, REDIS, ZOOKEEPER
from tests.faults.etcd_stub import delete, put
from tests.faults.lossy_link import LossyLink
from tests.faults.test_etcd_lost_replies import etcd_link
from tests.faults.timeouts import limit_requests
from tests.faults.workload import ROOT

pytestmark = [pytest.mark.faults, pytest.mark.servers]

every_backend = pytest.mark.parametrize("backend", [CONSUL, ETCD, REDIS, ZOOKEEPER], ids=str)

TIMEOUT: Final = 1.0
"""Seconds that a request may take before its reply is lost."""
CREATION: Final = [PutOperation("key", b"after", ABSENT), PutOperation("beside", b"after", ABSENT)]


def transact_without_reply(link: LossyLink, operations: Sequence[Operation]) -> asyncio.Task[tuple[Entry | None, ...]]:
    """Start a transaction that writes `b"after"` to "key"; its reply, and none before it, is lost."""
    link.proxy.drop_replies_to(link.backend.put_marker)
    return asyncio.create_task(link.store.transact(operations))


async def written_before(link: LossyLink) -> list[Operation]:
    """Return the operations on a key that exists, one to delete and one to create."""
    seen, gone = await link.store.put("key", b"before"), await link.store.put("gone", b"before")
    return [PutOperation("new", b"new", ABSENT), DeleteOperation("gone", gone), PutOperation("key", b"after", seen)]


@every_backend
async def test_transaction_with_lost_reply_is_applied(link: LossyLink) -> None:
    """The entries are those of the one time that it was applied."""
    transacting = transact_without_reply(link, await written_before(link))
    await link.carried_out("key", b"after")
    assert not transacting.done()
    link.proxy.heal()
    assert await transacting == (await link.direct.get("new"), None, await link.direct.get("key"))
    assert await link.value("gone") is None


@every_backend
async def test_creating_transaction_with_lost_reply_is_applied(link: LossyLink) -> None:
    """An absent key has no revision to compare."""
    await link.store.put("other", b"")
    transacting = transact_without_reply(link, CREATION)
    await link.carried_out("key", b"after")
    link.proxy.heal()
    assert await transacting == (await link.direct.get("key"), await link.direct.get("beside"))
    with pytest.raises(KeyExists):
        await link.store.transact(CREATION)


@every_backend
async def test_transaction_with_lost_reply_then_overwritten(link: LossyLink) -> None:
    """It is applied where the history of the store shows it, and unknown elsewhere; never is it a conflict."""
    transacting = transact_without_reply(link, await written_before(link))
    await link.carried_out("key", b"after")
    await link.direct.put("key", b"theirs")
    link.proxy.heal()
    if link.backend.overwritten_save:
        with pytest.raises(link.backend.overwritten_save):
            await transacting
    else:
        new, _, changed = await transacting
        assert (new, changed and changed.value) == (await link.direct.get("new"), b"after")
    assert [await link.value(key) for key in ("new", "gone", "key")] == [b"new", None, b"theirs"]


@every_backend
async def test_transaction_beside_an_equal_write_is_a_conflict(
    link: LossyLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never arrived, and one of its keys got the value that it would have written, by another client."""
    seen, beside = await link.store.put("key", b"before"), await link.store.put("beside", b"before")
    limit_requests(link.store, TIMEOUT)
    send = WriteAttempt.send

    async def send_into_silence(attempt: WriteAttempt, call: Callable[[float], Awaitable[object]]) -> object:
        monkeypatch.undo()
        link.proxy.hang()
        result = await send(attempt, call)
        assert result is None, "its reply is lost"
        link.proxy.reset_connections()
        link.proxy.heal()
        await link.direct.put("key", b"after")
        return result

    monkeypatch.setattr(WriteAttempt, "send", send_into_silence)
    with pytest.raises(KeyModified) as caught:
        await link.store.transact([PutOperation("key", b"after", seen), PutOperation("beside", b"after", beside)])
    assert caught.value.key == "key"
    assert await link.value("beside") == b"before"


async def test_etcd_keys_recreated_by_the_retry_are_deleted() -> None:
    """The first request arrives at the last moment (another client makes it), and the keys are deleted."""
    async with etcd_link("3.5") as link:

        async def read() -> None:
            """Let the keys be read first."""

        async def arrive() -> None:
            await link.write(put(f"{ROOT}key", b"after"), put(f"{ROOT}beside", b"after"))
            await link.write(delete(f"{ROOT}key"), delete(f"{ROOT}beside"))

        made = await link.cut(link.store.transact(CREATION), arrive, reads=[read])
        for entry in made:
            assert entry is not None
            assert await link.values(entry.key) == [b"after", None, b"after", None]
            assert entry.revision == (await link.history(entry.key))[0].revision


async def test_etcd_equal_create_of_one_key_is_not_ours() -> None:
    """Another client made one of the keys with our value and deleted it; our transaction is applied after that."""
    async with etcd_link("3.5") as link:

        async def read() -> None:
            """Let the keys be read first."""

        async def make_one() -> None:
            await link.write(put(f"{ROOT}key", b"after"))
            await link.write(delete(f"{ROOT}key"))

        made = await link.cut(link.store.transact(CREATION), make_one, reads=[read])
        assert made == (await link.store.get("key"), await link.store.get("beside"))
        assert await link.values("beside") == [b"after"]
