"""A server that is killed under a session: what is said, what is asked meanwhile, and that it passes."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from explorer.model.errors import NotReachable
from explorer.opener import opener
from explorer.session.editing.edit_states import Refused, Saved
from explorer.session.states import LivenessStatus
from tests.scale import PATIENCE
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer
from tests.session.fixtures import editing, live, save
from tests.session.liveness_probe import probed

pytestmark = [pytest.mark.faults, pytest.mark.servers]

Server = ConsulServer | EtcdServer | ZooKeeperServer
STORES: dict[str, Callable[[], Server]] = {
    "consul": ConsulServer,
    "etcd": partial(EtcdServer, "3.5"),
    "etcd2": partial(EtcdServer, "3.4", v2=True),
    "zk": ZooKeeperServer,
}
DISCONNECTED_WITHIN = 10.0
"""Seconds from the end of a server until it is said that there is no connection."""
ANSWER_WITHIN = 3.0
"""Seconds in which a person is answered while there is none."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A server and its URL."""

    server: Server
    url: str


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """A server of each kind that the test may kill; what it said is shown if the test fails."""
    with STORES[request.param]() as server:
        yield Opened(server, f"{request.param}://{server.address}/lane/")
        sys.stdout.write(f"--- {server.name} said:\n{server.output}\n")


async def test_killed_server_is_disconnected_until_it_is_back(opened: Opened) -> None:
    """Reason and next try within 10 s; a folder and a deletion answer at once; nothing of it is said afterwards."""
    connect = opener(opened.url)
    async with probed(connect) as (session, probe):
        async with connect() as other:
            await other.put("folder/below", b"value")
            await other.put("key", b"begun")
        await eventually(lambda: session.tree.node("key") is not None, "it is shown", PATIENCE)
        edit = await editing(session, "key")
        edit.set_text("changed")

        opened.server.kill()
        killed = time.monotonic()
        await eventually(lambda: session.liveness.status is LivenessStatus.DISCONNECTED, "it is disconnected", PATIENCE)
        assert probe.since(killed) <= DISCONNECTED_WITHIN
        assert session.liveness.reason
        assert None not in (session.liveness.next_try, session.liveness.error)
        assert "not connected" in (session.disabled_reason("delete") or "")

        asked = time.monotonic()
        folder = session.tree.node("folder")
        assert folder is not None
        session.tree.expand(folder)
        await eventually(lambda: folder.branch is not None and folder.branch.error is not None, "it fails", PATIENCE)
        with pytest.raises(NotReachable):
            await session.preview_deletion("folder", subtree=True)
        assert isinstance(await save(edit), Refused)
        assert probe.since(asked) <= ANSWER_WITHIN

        await asyncio.to_thread(opened.server.start)
        await live(session)
        assert folder.branch is not None
        assert folder.branch.error is None
        assert session.liveness.error is None
        assert session.disabled_reason("delete") is None
        await eventually(lambda: isinstance(edit.state, Refused) and edit.state.is_over, "it is over", PATIENCE)
        assert isinstance(await save(edit), Saved)


@pytest.mark.parametrize("store", ["consul", "etcd2"])
async def test_killed_server_behind_a_forwarder_is_disconnected(store: str) -> None:
    """A forwarder goes on taking connections for a server that is gone, and closes them: that is no connection."""
    with STORES[store]() as server:
        port = int(server.address.rpartition(":")[2])
        async with FaultProxy(port) as proxy, probed(opener(f"{store}://{proxy.address}/lane/")) as (session, _):
            server.kill()
            await eventually(
                lambda: session.liveness.status is LivenessStatus.DISCONNECTED,
                "it is disconnected",
                DISCONNECTED_WITHIN,
            )
            assert session.liveness.next_try is not None
            await asyncio.to_thread(server.start)
            await live(session)
