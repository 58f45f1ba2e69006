"""Events folded between two frames."""

from explorer.model.entries import Entry
from explorer.model.events import Put
from explorer.session.connection.coalescer import EventCoalescer
from tests.session.fake_store import Store


def test_drain_yields_the_last_event_of_each_key() -> None:
    store, fold = Store(), EventCoalescer()
    for _ in range(3):
        store.put("a")
    store.put("b")
    store.delete("b")
    store.put("c")
    store.delete("c")
    store.put("c")
    for event in store.take_events():
        fold.add(event)
    assert (len(fold), fold.total) == (3, 8)
    drained = [(type(event).__name__, event.key) for event in fold.drain()]
    assert drained == [("Put", "a"), ("Deleted", "b"), ("Deleted", "c"), ("Put", "c")]
    assert not fold.lag()


def test_add_beyond_max_keys_overflows() -> None:
    fold = EventCoalescer(max_keys=100)
    for number in range(100):
        fold.add(Put(Entry(f"{number}", b"", number)))
    assert (len(fold), fold.overflowed) == (100, False)
    assert len(list(fold.drain(0))) == 32
    assert len(fold) == 68
    assert fold.lag() > 0
    for number in range(100, 150):
        fold.add(Put(Entry(f"{number}", b"", number)))
    assert fold.overflowed
    assert list(fold.drain()) == []
    fold.reset()
    fold.add(Put(Entry("a", b"", 1)))
    assert len(list(fold.drain())) == 1
