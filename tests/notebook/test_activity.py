"""Live plots of changes in a real kernel."""

from typing import Any

from tests.notebook.kernel import Kernel
from tests.servers.waiting import eventually

STORE = "import explorer, threading; store = explorer.connect('memory:'); activity = store.activity('a/')"


async def test_plot_is_refreshed_until_it_is_closed(shared_kernel: Kernel) -> None:
    """The picture changes while a cell is busy; the last one says that it is closed."""
    await shared_kernel.execute(STORE)
    (shown,) = (await shared_kernel.execute("activity.plot()")).outputs
    assert shown["output_type"] == "display_data"
    assert shown["data"]["image/png"]
    display_id = shown["transient"]["display_id"]

    def pictures() -> list[dict[str, Any]]:
        return [one["data"] for one in shared_kernel.display_updates if one["transient"]["display_id"] == display_id]

    def is_shown(text: str) -> bool:
        return bool(pictures()) and text in pictures()[-1]["text/plain"]

    busy = shared_kernel.start("store.put('a/k', b''); stop = threading.Event(); stop.wait(60)")
    await eventually(lambda: is_shown("1 change below"), "the change is shown while the cell runs")
    assert pictures()[-1]["image/png"] != shown["data"]["image/png"]
    assert not busy.done
    await shared_kernel.interrupt()
    await eventually(lambda: busy.done, "the cell is interrupted")
    await shared_kernel.execute("activity.close()")
    await eventually(lambda: is_shown(", closed at "), "the last picture says that it is closed")
    await shared_kernel.execute("store.close()")
    assert is_shown(", closed at ")
    parents = {one["parent"] for one in shared_kernel.display_updates if one["transient"]["display_id"] == display_id}
    assert len(parents) > 1, "each is the message of the cell that runs, which others than JupyterLab need"


async def test_plot_of_a_store_that_is_closed_says_so(shared_kernel: Kernel) -> None:
    await shared_kernel.execute(STORE)
    (shown,) = (await shared_kernel.execute("activity.plot()")).outputs
    assert ", live at " in shown["data"]["text/plain"]
    await shared_kernel.execute("store.close()")

    def is_closed() -> bool:
        own = [one for one in shared_kernel.display_updates if one["transient"] == shown["transient"]]
        return bool(own) and ", closed at " in own[-1]["data"]["text/plain"]

    await eventually(is_closed, "the picture says that it is closed")
