"""A session on a Consul that is restored from a snapshot: what is shown as live was read after that."""

import asyncio
from collections.abc import Iterator

import pytest

import explorer
from explorer.codecs.codecs import Codecs
from explorer.opener import opener
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from tests.scale import PATIENCE
from tests.servers.consul import ConsulServer
from tests.session.fixtures import live, shown

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@pytest.fixture
def server() -> Iterator[ConsulServer]:
    with ConsulServer() as server:
        yield server


@pytest.mark.parametrize("later", [False, True], ids=["alone", "with a later write"])
async def test_restored_consul_is_live_only_after_a_resync(server: ConsulServer, *, later: bool) -> None:
    """Once the session is no longer live, it is live again only with the older value and without the later key."""
    url = f"consul://{server.address}/"
    async with explorer.open(url) as other:
        await other.put("sn/1", b"OLD")
        _, snapshot = await asyncio.to_thread(server.http, "GET", "/v1/snapshot")
        await other.put("sn/1", b"NEW")
        await other.put("sn/9", b"x")
        async with Session(opener(url), Codecs(), writable=False) as session:
            await live(session)
            await session.tree.reveal("sn/9")
            await shown(session, "sn/1")

            def look() -> tuple[LivenessStatus, bool]:
                """Return how live the session is, and whether it shows the older state."""
                node, reading = session.tree.node("sn/9"), session.detail.loaded
                older = reading is not None and reading.entry.value == b"OLD"
                return session.liveness.status, older and (node is None or node.tombstone)

            assert look() == (LivenessStatus.LIVE, False)
            status, _ = await asyncio.to_thread(server.http, "PUT", "/v1/snapshot", snapshot)
            assert status == 200
            if later:
                await asyncio.to_thread(server.http, "PUT", "/v1/kv/sn/5", b"later")
            seen = [look()]
            async with asyncio.timeout(PATIENCE):
                while seen[-1] != (LivenessStatus.LIVE, True):
                    await asyncio.sleep(0.002)
                    seen.append(look())
            left = next(
                (number for number, (standing, _) in enumerate(seen) if standing is not LivenessStatus.LIVE), len(seen)
            )
            assert (LivenessStatus.LIVE, False) not in seen[left:]
