"""Tasks of a store: none is left behind, even if closing is cancelled."""

import asyncio

from explorer.drivers.common.tasks import Tasks


async def linger(cancelled: list[str], name: str, until: asyncio.Event) -> None:
    """Note the cancellation and end only once the event is set."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled.append(name)
        await until.wait()
        raise


async def test_close_cancelled_while_waiting_has_cancelled_all() -> None:
    """All tasks are cancelled before the first is waited for."""
    tasks, cancelled, until = Tasks(), list[str](), asyncio.Event()
    for name in ("one", "two", "three"):
        tasks.start(linger(cancelled, name, until), name=name)
    await asyncio.sleep(0)
    closing = asyncio.create_task(tasks.close())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    until.set()
    assert sorted(cancelled) == ["one", "three", "two"]
    await tasks.join()


async def test_close_without_tasks_returns() -> None:
    """Closing an owner without tasks does nothing, and may be repeated."""
    tasks = Tasks()
    await tasks.close()
    await tasks.close()
