"""Parts of the status line."""

from explorer.codecs.codecs import Codecs
from explorer.drivers.base import Store
from explorer.model.errors import NotReachable
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from explorer.session.status_text import status_parts
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, SteppedClock, live


async def test_status_parts_of_a_live_session() -> None:
    place = Place(SteppedClock())
    async with place.other() as other, Session(place.connect, Codecs(), clock=place.clock, profile="@p") as session:
        await live(session)
        await other.put("a", b"1")
        await eventually(lambda: session.connection.revision == place.keyspace.revision, "it is heard", PATIENCE)
        parts = status_parts(session)
        assert (parts.status, parts.live, parts.reason) == (LivenessStatus.LIVE, "● LIVE", "")
        assert parts.address == f"@p {session.address}"
        assert parts.revision == f"rev {place.keyspace.revision}"
        assert parts.rate.endswith("/s")
        assert (parts.writable, parts.writing, parts.is_frozen) == (False, "read-only", False)
        await session.toggle_writable()
        assert status_parts(session).writing == "WRITING"


async def test_status_of_an_earlier_moment_is_not_live() -> None:
    """Nobody takes the past for the present: the moment is named, without a rate and the newest revision.

    It cannot be written, also where writing is unlocked for the present.
    """
    place = Place(SteppedClock())

    def connect() -> Store:
        store = place.connect()
        store.snapshot = "revision 57"
        return store

    async with Session(connect, Codecs(), writable=True, clock=place.clock) as session:
        await live(session)
        parts = status_parts(session)
        assert (parts.live, parts.revision, parts.rate) == ("◷ revision 57", "", "")
        assert parts.writing == "read-only"


async def test_status_parts_without_a_connection_say_why_and_when() -> None:
    place = Place()
    place.refusal = NotReachable("no\nanswer")
    async with Session(place.connect, Codecs()) as session:
        await eventually(lambda: "· retry in" in status_parts(session).reason, "it waits for a retry", PATIENCE)
        parts = status_parts(session)
        assert (parts.status, parts.live) == (LivenessStatus.DISCONNECTED, "✗ DISCONNECTED")
        assert (parts.revision, parts.rate) == ("", "")
        assert "no\\nanswer" in parts.reason
