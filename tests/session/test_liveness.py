"""LIVE is claimed only while it is proved: by a recent answer, an unbroken watch, and everything shown being read."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.codecs.codecs import Codecs
from explorer.model.errors import Forbidden, NotReachable, Timeout
from explorer.session.connection.liveness import PROOF_TTL, LivenessTracker
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, SteppedClock, live, opened


def living() -> LivenessTracker:
    """A pulse that is live at moment 10."""
    pulse = LivenessTracker()
    pulse.on_connected(9.0)
    pulse.on_watching()
    pulse.on_synced()
    pulse.on_ping_answered(10.0, 10.0)
    return pulse


def test_evaluate_before_connecting_is_disconnected() -> None:
    judged = LivenessTracker().evaluate(0)
    assert (judged.status, judged.reason) == (LivenessStatus.DISCONNECTED, "connecting")


def test_proof_expires_four_seconds_after_the_ping() -> None:
    pulse = living()
    assert pulse.evaluate(10.0 + PROOF_TTL - 0.001).status is LivenessStatus.LIVE
    assert pulse.next_change(10.0) == 10.0 + PROOF_TTL
    judged = pulse.evaluate(10.0 + PROOF_TTL)
    assert judged.status is LivenessStatus.STALE
    assert judged.age(15.5) == 5.5


def test_proof_after_an_expired_one_requires_a_resync() -> None:
    pulse = living()
    assert pulse.on_ping_answered(20.0, 20.1)
    assert pulse.evaluate(20.1).status is LivenessStatus.CATCHING_UP
    assert not pulse.on_ping_answered(22.0, 22.1)
    pulse.on_synced()
    assert pulse.evaluate(22.1).status is LivenessStatus.LIVE


def test_stale_reason_is_the_ping_error() -> None:
    pulse = living()
    pulse.on_ping_failed(Timeout("no answer within 2 s"), 10.0)
    assert pulse.evaluate(11.0).status is LivenessStatus.LIVE
    assert pulse.evaluate(14.0).reason == "no answer within 2 s"


@pytest.mark.parametrize(
    ("error", "standing"),
    [
        (NotReachable("cannot connect", sent=False), LivenessStatus.DISCONNECTED),
        (NotReachable("no leader", sent=False, connected=True), LivenessStatus.STALE),
        (NotReachable("the connection was closed"), LivenessStatus.STALE),
        (Timeout("no answer within 2 s"), LivenessStatus.STALE),
    ],
)
def test_store_without_connection_is_disconnected(error: NotReachable, standing: LivenessStatus) -> None:
    """Only if the question could not be sent and the last proof is too old; then the next try is said."""
    pulse = living()
    pulse.on_ping_failed(error, 16.0)
    assert pulse.evaluate(10.0 + PROOF_TTL - 0.001).status is LivenessStatus.LIVE
    judged = pulse.evaluate(15.0)
    assert (judged.status, judged.reason, judged.error) == (standing, error.message, error)
    assert judged.next_try == (16.0 if standing is LivenessStatus.DISCONNECTED else None)
    pulse.on_ping_answered(16.0, 16.1)
    assert pulse.evaluate(16.1).status is LivenessStatus.CATCHING_UP


def test_evaluate_before_everything_was_read_is_not_live() -> None:
    pulse = living()
    pulse.on_resync()
    assert pulse.evaluate(10.5).status is LivenessStatus.CATCHING_UP
    pulse.on_synced()
    assert pulse.evaluate(10.5).status is LivenessStatus.LIVE


def test_lost_watch_is_stale_until_a_later_proof() -> None:
    pulse = living()
    pulse.on_watch_lost("connection reset", 11.0)
    assert (pulse.evaluate(11.0).status, pulse.evaluate(11.0).reason) == (LivenessStatus.STALE, "connection reset")
    pulse.on_watching()
    pulse.on_ping_answered(10.9, 10.9)
    assert pulse.evaluate(11.1).status is LivenessStatus.CATCHING_UP
    pulse.on_ping_answered(11.1, 11.1)
    assert pulse.evaluate(11.2).status is LivenessStatus.LIVE


def test_wake_is_stale_until_proved_and_read_again() -> None:
    pulse = living()
    pulse.on_wake(600.0, 611.0)
    assert (pulse.evaluate(611.0).status, pulse.evaluate(611.0).reason) == (
        LivenessStatus.STALE,
        "this machine slept for 600 s",
    )
    pulse.on_ping_answered(610.9, 610.9)
    assert pulse.evaluate(611.0).status is LivenessStatus.STALE
    pulse.on_ping_answered(611.1, 611.1)
    assert pulse.evaluate(611.2).status is LivenessStatus.CATCHING_UP
    pulse.on_synced()
    assert pulse.evaluate(611.2).status is LivenessStatus.LIVE


def test_frozen_display_is_stale_and_ages() -> None:
    pulse = living()
    pulse.frozen_at = 10.5
    pulse.on_ping_answered(12.0, 12.0)
    judged = pulse.evaluate(12.5)
    assert (judged.status, judged.age(12.5)) == (LivenessStatus.STALE, 2.0)


def test_refusal_counts_as_an_answer() -> None:
    pulse = living()
    pulse.refusal = Forbidden("the user may not do this")
    judged = pulse.evaluate(11.0)
    assert (judged.status, judged.reason) == (LivenessStatus.LIVE, "the user may not do this")


def _ignore(_: object) -> None:
    """Take an answer and do nothing with it."""


_HAPPENINGS: dict[str, Callable[[LivenessTracker, float], None]] = {
    "opened": lambda pulse, now: pulse.on_connected(now),
    "failed": lambda pulse, now: pulse.on_disconnected(NotReachable("gone"), now + 1),
    "established": lambda pulse, _: pulse.on_watching(),
    "silent": lambda pulse, now: pulse.on_watch_lost("lost", now),
    "reading": lambda pulse, _: pulse.on_resync(),
    "caught up": lambda pulse, _: pulse.on_synced(),
    "proved": lambda pulse, now: _ignore(pulse.on_ping_answered(now, now)),
    "late proof": lambda pulse, now: _ignore(pulse.on_ping_answered(now - 3, now)),
    "no proof": lambda pulse, _: pulse.on_ping_failed(Timeout("late"), 10.0),
    "woke": lambda pulse, now: pulse.on_wake(60, now),
}


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(sorted(_HAPPENINGS)))))
def test_live_requires_watch_sync_and_proof(happenings: list[tuple[float, str]]) -> None:
    """Whatever happens in whatever order, beside a naive account of the last loss, proof and reading."""
    pulse, now = LivenessTracker(), 100.0
    connected = heard = read = slept = False
    broken, proofs = now, list[float]()
    for after, what in happenings:
        now += after
        _HAPPENINGS[what](pulse, now)
        match what:
            case "opened" | "failed":
                connected, heard, read, broken = what == "opened", False, False, now
            case "silent":
                heard, broken = False, now
            case "woke":
                read, slept, broken = False, True, now  # what was proved at this very moment was so before it
            case "established":
                heard = True
            case "reading" | "caught up":
                read = what == "caught up"
            case "proved" | "late proof":
                read = read and not (proofs and now - max(proofs) >= PROOF_TTL)
                proofs.append(now if what == "proved" else now - 3)
                slept = slept and proofs[-1] < broken
            case _:
                pass
        proved = not slept and any(proof >= broken and now - proof < PROOF_TTL for proof in proofs)
        claimed = pulse.evaluate(now).status is LivenessStatus.LIVE
        assert not claimed or (connected and heard and read and proved)
        assert claimed or not (connected and heard and read and proved)


def standing(session: Session) -> LivenessStatus:
    return session.liveness.status


async def test_session_pings_every_two_seconds_and_stays_live() -> None:
    clock = SteppedClock()
    async with opened(Place(clock)) as session:
        for _ in range(20):
            await clock.advance(1.0)
            assert session.liveness.status is LivenessStatus.LIVE


async def test_cut_connection_is_not_live_before_a_resync() -> None:
    clock = SteppedClock()
    place = Place(clock)
    async with opened(place) as session:
        before = clock.now()
        place.cut("unplugged")
        await eventually(lambda: session.liveness.status is LivenessStatus.STALE, "the loss is told", PATIENCE)
        for _ in range(10):
            await clock.advance(1.0)
            assert session.liveness.status is LivenessStatus.STALE
        age = session.liveness.age(clock.now())
        assert age is not None
        assert age >= clock.now() - before
        place.mend()
        standings = set[LivenessStatus]()
        session.subscribe(lambda _: standings.add(session.liveness.status))
        await clock.advance(2.5)
        await eventually(lambda: session.liveness.status is LivenessStatus.LIVE, "it is live again", PATIENCE)
        assert LivenessStatus.DISCONNECTED not in standings


async def test_unproved_store_is_stale_within_5_s() -> None:
    """The watch hears nothing and is not lost: TCP alive is not store alive."""
    clock = SteppedClock()
    place = Place(clock)
    async with opened(place) as session:

        async def silence() -> None:
            raise NotReachable("silence")

        ping = place.stores[0].ping
        place.stores[0].ping = silence  # type: ignore[method-assign]  # one method of a test's own object is replaced
        for _ in range(3):
            await clock.advance(1.0)
            assert standing(session) is LivenessStatus.LIVE
        parts = list[Part]()
        await session.idle()
        session.subscribe(parts.append)
        await clock.advance(2.0)
        assert standing(session) is LivenessStatus.STALE
        assert session.liveness.reason == "silence"
        await eventually(lambda: any(Part.LIVENESS in part for part in parts), "subscribers are notified", PATIENCE)
        place.stores[0].ping = ping  # type: ignore[method-assign]  # one method of a test's own object is replaced
        await clock.advance(2.0)
        await live(session)


@pytest.mark.parametrize("seconds", [3.2, 3600])
async def test_wake_after_suspend_is_stale_until_resynced(seconds: float) -> None:
    clock = SteppedClock()
    place = Place(clock)
    async with opened(place) as session:
        reads = 0
        read_again = session.tree.resync

        async def counted() -> None:
            nonlocal reads
            reads += 1
            assert session.liveness.status is not LivenessStatus.LIVE
            await read_again()

        session.tree.resync = counted  # type: ignore[method-assign]  # one method of a test's own object is replaced
        clock.slept += seconds
        assert session.liveness.status is LivenessStatus.STALE
        assert session.liveness.reason == f"this machine slept for {seconds:.0f} s"
        await clock.advance(2.0)
        await live(session)
        assert reads


@pytest.mark.parametrize("seconds", [0.5, 2.9])
async def test_short_clock_jump_is_no_suspend(seconds: float) -> None:
    clock = SteppedClock()
    async with opened(Place(clock)) as session:
        clock.slept += seconds
        assert session.liveness.status is LivenessStatus.LIVE


async def test_refused_ping_is_live_and_shows_the_refusal() -> None:
    place = Place()
    async with Session(place.connect, Codecs()) as session:
        await live(session)

        async def refuse() -> None:
            raise Forbidden("the user may not do this")

        place.stores[0].ping = refuse  # type: ignore[method-assign]  # one method of a test's own object is replaced
        await session.run("reload")
        await eventually(lambda: session.liveness.refusal is not None, "the refusal is told", PATIENCE)
        await live(session)
        assert session.liveness.reason == "the user may not do this"
