"""Events that come late: a store may accept changes faster than they can be read."""

import pytest

from explorer.session.connection.watch_lag import WatchLag
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, CuttableStore, Place, SteppedClock, opened


def status(session: Session) -> LivenessStatus:
    return session.liveness.status


async def test_late_events_are_catching_up_until_they_are_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIVE would be a lie while what comes is older than what a ping returned long ago."""
    ahead = 0

    async def ping(store: CuttableStore) -> int:
        return store.database.revision + ahead

    monkeypatch.setattr(CuttableStore, "ping", ping)
    clock = SteppedClock()
    place = Place(clock)
    async with opened(place) as session, place.other() as other:
        ahead = 100
        await clock.advance(2.0)
        await other.put("key", b"1")
        await eventually(lambda: len(session.changes) == 1, "the change is shown", PATIENCE)
        assert status(session) is LivenessStatus.LIVE  # the ping was just now
        await clock.advance(1.6)
        await other.put("key", b"2")
        await eventually(lambda: session.liveness.reason == "changes are shown 2 s late", "the lag", PATIENCE)
        assert status(session) is LivenessStatus.CATCHING_UP
        ahead = 0
        await clock.advance(2.0)
        assert status(session) is LivenessStatus.CATCHING_UP  # more may be on its way
        await clock.advance(2.0)
        await eventually(lambda: status(session) is LivenessStatus.LIVE, "nothing came any more", PATIENCE)


async def test_lag_is_the_age_of_the_oldest_ping_not_reached() -> None:
    clock = SteppedClock()
    lag = WatchLag(clock)
    for revision in (10, 20, 30):
        lag.on_event(1)
        lag.on_ping(revision)
        await clock.advance(2.0)
    lag.on_event(5)
    assert lag.update() == 6.0
    lag.on_event(20)
    assert lag.update() == 2.0
    lag.on_event(30)
    assert lag.update() == 0.0


async def test_revisions_that_are_no_numbers_prove_no_lag() -> None:
    """The revisions of such a store belong to one key each."""
    clock = SteppedClock()
    lag = WatchLag(clock)
    lag.on_event("0x2:1")
    lag.on_ping(None)
    await clock.advance(5.0)
    lag.on_event("0x1:0")
    assert lag.update() == 0.0
