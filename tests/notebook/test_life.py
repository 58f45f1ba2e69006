"""Life of the widgets in a kernel without a page: threads, busy cells, what is closed, and what traits hold."""

import asyncio
from functools import partial
from typing import Any, Final

from explorer import open as open_store
from tests.notebook.comm import Comm, CommMessage
from tests.notebook.kernel import Execution, Kernel
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually

_VIEW: Final = {"view": "v"}
_BUSY: Final = """
import time
print("begun", flush=True)
end = time.monotonic() + 20
while time.monotonic() < end:
    {work}
"""
_LEFT: Final = """
import asyncio, psutil, threading
from explorer.blocking.portal import portal

async def names():
    return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]

tasks = portal().run(names())
threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("keyscope")]
connections = [one for one in psutil.Process().net_connections() if one.raddr and one.raddr.port == {port}]
print(len(tasks), len(threads), len(connections))
"""


def hello(comm: Comm) -> None:
    comm.send({"type": "hello", "id": 1, **_VIEW, "protocol": 1})
    comm.send(
        {
            "type": "window",
            "id": 2,
            **_VIEW,
            "pane": "tree",
            "generation": 1,
            "start": 0,
            "count": 50,
            "height": 20,
            "step": 0,
        }
    )


def rows_of(message: CommMessage) -> list[dict[str, Any]]:
    """Return the rows in a message about the tree."""
    content = message.content
    if content.get("pane") != "tree":
        return []
    return list(content.get("rows", [])) + [row for _, row in content.get("changes", [])]


def shows(name: str, **fields: object) -> Any:
    """Return a condition: a message has a row of a name with some fields."""

    def condition(message: CommMessage) -> bool:
        return any(
            row["name"] == name and all(row[field] == value for field, value in fields.items())
            for row in rows_of(message)
        )

    return condition


def _has_begun(cell: Execution) -> bool:
    return "begun" in cell.text


async def stop(kernel: Kernel, cell: Execution) -> None:
    """Interrupt a busy cell, and wait until it has ended."""
    await kernel.interrupt()
    await eventually(lambda: cell.done, "the cell has ended")


async def test_tree_moves_while_no_cell_runs_and_while_one_is_busy(kernel: Kernel, place: str) -> None:
    """The session runs on a thread of its own: neither a sleeping nor a computing cell stops it."""
    async with open_store(place) as store:
        await store.put("a", b"0")
        comm = await kernel.widget(f"from widgets import Explorer\nexplorer = Explorer({place!r})\nexplorer")
        hello(comm)
        await comm.wait(shows("a"), "the key is shown")
        await store.put("a", b"1")
        await comm.wait(shows("a", mark="~"), "the change is shown while no cell runs")
        for work in ("time.sleep(0.1)", "sum(range(1000))"):
            busy = kernel.start(_BUSY.format(work=work))
            await eventually(partial(_has_begun, busy), "the cell is busy")
            await store.put(f"key-{len(work)}", b"1")
            await comm.wait(shows(f"key-{len(work)}", mark="+"), "the new key is shown while a cell is busy", within=5)
            assert not busy.done
            await stop(kernel, busy)


async def test_messages_are_handled_on_a_subshell(kernel: Kernel, place: str) -> None:
    """While a cell is busy, a page's messages come on another thread, and are handled on the session's."""
    async with open_store(place) as store:
        await store.put("folder/key", b"0")
        comm = await kernel.widget(f"from widgets import Explorer\nexplorer = Explorer({place!r})\nexplorer")
        subshell = await kernel.create_subshell()
        hello(comm)
        await comm.wait(shows("folder", folder="closed"), "the folder is shown")
        busy = kernel.start(_BUSY.format(work="time.sleep(0.1)"))
        await eventually(partial(_has_begun, busy), "the cell is busy")
        comm.send(
            {"type": "perform", "id": 3, **_VIEW, "action": "open", "pane": "tree", "times": 1}, subshell=subshell
        )
        await comm.wait(shows("key"), "the folder is opened")
        assert not busy.done
        await stop(kernel, busy)


async def test_running_a_cell_again_closes_what_it_replaces(kernel: Kernel) -> None:
    code = "from widgets import Explorer, KeyTree\nexplorer = Explorer('demo:')\ntree = KeyTree('demo:')\nexplorer"
    first = await kernel.widget(code)
    hello(first)
    await first.wait(shows("service"), "the tree is shown")
    second = await kernel.widget(code)
    await eventually(lambda: first.closed, "the first is closed")
    assert first.contents[-1]["type"] == "closed"
    assert not second.closed
    hello(second)
    await second.wait(shows("service"), "the tree is shown")


async def test_closed_widget_leaves_nothing(kernel: Kernel, shared_etcd: EtcdServer, place: str) -> None:
    """No task, thread or socket of it is left, whether it was closed or its block was left."""
    await kernel.execute(f"from widgets import Explorer, KeyTree\nwith Explorer({place!r}) as first:\n    pass")
    left = _LEFT.format(port=shared_etcd.address.rpartition(":")[2])
    assert (await kernel.execute(left)).text == "0 0 0\n"
    comm = await kernel.widget(f"second = Explorer({place!r})\nsecond")
    hello(comm)
    await eventually(
        lambda: any(one.get("status") == "LIVE" for one in comm.contents), "the session is live", within=20
    )
    assert "0" not in (await kernel.execute(left)).text.split()
    await kernel.execute("second.close()")
    assert comm.closed
    assert (await kernel.execute(left)).text == "0 0 0\n"


async def test_kernel_shuts_down_in_order_with_open_widgets(kernel: Kernel, place: str) -> None:
    comm = await kernel.widget(f"from widgets import Explorer\nexplorer = Explorer({place!r})\nexplorer")
    hello(comm)
    await comm.wait(lambda message: message.content.get("type") == "heartbeat", "the widget lives")
    await asyncio.wait_for(kernel.shut_down(), 15)
    assert "Traceback" not in kernel.terminal
    assert "never awaited" not in kernel.terminal


async def test_traits_hold_no_key_and_no_value(kernel: Kernel, place: str) -> None:
    """State of widgets, their output and the text in it are saved with a notebook."""
    async with open_store(place) as store:
        await store.put("canary-folder/canary-key", b"canary-value")
        await store.put("canary-top", b"canary-value")
        comm = await kernel.widget(
            f"from widgets import Explorer\nexplorer = Explorer({place!r}, write=True)\nexplorer"
        )
        hello(comm)
        await comm.wait(shows("canary-top"), "the keys are shown")
        comm.send({"type": "perform", "id": 3, **_VIEW, "action": "bottom", "pane": "tree", "times": 1})
        await comm.wait(lambda message: message.content.get("cursor", 0) > 0, "the cursor is on a key")
        assert "canary" not in str(comm.state)
        assert "canary-value" not in str((await kernel.execute("explorer")).outputs)


async def test_output_hides_the_password(kernel: Kernel) -> None:
    execution = await kernel.execute(
        "from widgets import Explorer\nexplorer = Explorer('etcd://user:hunter2@127.0.0.1:1/')\nprint(explorer)\nexplorer"
    )
    assert "127.0.0.1:1" in str(execution.outputs)
    assert "hunter2" not in str(execution.outputs)
    assert all("hunter2" not in str(comm.state) for comm in kernel.comms.values())


async def test_invalid_address_is_one_clear_error(kernel: Kernel) -> None:
    """It is raised in the cell, and leaves no widget behind."""
    execution = kernel.start("from widgets import Explorer\nExplorer('gopher://nowhere')")
    await eventually(lambda: execution.done, "the cell has ended")
    assert "BackendNotSupported" in str(execution.outputs)
    assert "Exception ignored" not in kernel.terminal
