"""Frames in a real kernel: top-level await, and progress bars."""

import pytest

from tests.notebook.kernel import Execution, Kernel

STORES = """
import explorer, functools, tqdm.auto
from explorer.data import extras
bar = tqdm.auto.tqdm
store = explorer.connect("demo:?still")
awaited = explorer.open("demo:?still")
await awaited.connect()
"""
AT_ONCE = "extras.PROGRESS_DELAY = 1e-9; tqdm.auto.tqdm = functools.partial(bar, mininterval=0)"
LATER = "extras.PROGRESS_DELAY = 1.0; tqdm.auto.tqdm = bar; await awaited.close(); store.close()"


def bars(execution: Execution) -> list[str]:
    """Return the plain text of the widgets that a cell displayed."""
    return [output["data"]["text/plain"] for output in execution.outputs if "data" in output]


async def test_async_twins_are_awaited_in_a_cell(shared_kernel: Kernel) -> None:
    code = """
import explorer
async with explorer.open("demo:?still") as store:
    frame = await explorer.to_frame(store, "service/")
    locks = await explorer.locks_frame(store)
print(len(frame) > 10, len(locks) > 1)
"""
    assert (await shared_kernel.execute(code)).text.endswith("True True\n")  # after a bar, if reading takes a second


@pytest.mark.parametrize(
    "code", ["frame = store.to_frame()", "%kv ls -r demo:?still", "frame = await explorer.to_frame(awaited)"]
)
async def test_bar_is_shown_after_its_delay(shared_kernel: Kernel, code: str) -> None:
    await shared_kernel.execute(STORES)
    assert bars(await shared_kernel.execute(code)) == []
    await shared_kernel.execute(AT_ONCE)
    try:
        (bar,) = bars(await shared_kernel.execute(code))
    finally:
        await shared_kernel.execute(LATER)
    assert ("listing" if "ls" in code else "reading") in bar
