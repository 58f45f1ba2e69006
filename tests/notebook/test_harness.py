"""The harness of the notebook tests: what its methods say happens to a small widget, in a page and without one."""

from pathlib import Path

import pytest

from tests.notebook.cell_error import CellError
from tests.notebook.frontend import Frontend
from tests.notebook.kernel import Kernel, KernelPool
from tests.notebook.notebook_page import App, Notebook, Theme
from tests.servers.waiting import eventually

WIDGET = '''
import threading
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default {
      render({ model, el }) {
        el.innerHTML = "<button class=up>up</button><output class=count></output>";
        el.querySelector(".up").onclick = () => model.send({ add: 1 });
        model.on("msg:custom", (content, buffers) => {
          const bytes = new Uint8Array(buffers[0].buffer);
          el.querySelector(".count").textContent = `${content.count} by ${content.thread} ${bytes.join()}`;
        });
      },
    };
    """
    label = traitlets.Unicode("some label").tag(sync=True)

    def __init__(self):
        super().__init__()
        self.count = 0
        self.on_msg(self.on_message)

    def on_message(self, _, content, buffers):
        self.count += content["add"]
        thread = "main" if threading.current_thread() is threading.main_thread() else "subshell"
        self.send({"count": self.count, "thread": thread}, buffers=[bytes([self.count]), *buffers])

counter = Counter()
counter
'''


SLEEP = "import time; print('begun', flush=True); time.sleep(60)"


async def test_widget_in_a_page(frontend: Frontend, app: App, tmp_path: Path) -> None:
    """A click reaches the kernel and its answer the page, also in a page that was loaded anew; the state is saved."""
    notebook = await frontend.open([WIDGET, "print('counted', counter.count)"], app=app)
    for _ in range(2):  # set, not toggled
        await notebook.set_save_widget_state(on=True)
    await notebook.run(0)
    await notebook.output(0).locator(".up").click()
    await notebook.output(0).locator(".count", has_text="1 by").wait_for()
    await notebook.run(1)
    assert await notebook.text(1) == "counted 1\n"
    assert await notebook.kernel_value("counter.count") == 1
    await check_screenshots(notebook, tmp_path)
    await notebook.save()
    assert "some label" in str(notebook.saved_widget_state())
    pid = await notebook.kernel_pid()
    await notebook.reload()
    assert await notebook.kernel_pid() == pid
    await notebook.output(0).locator(".up").click()
    await notebook.output(0).locator(".count", has_text="2 by").wait_for()
    assert notebook.console.errors == []


async def check_screenshots(notebook: Notebook, folder: Path) -> None:
    """Check that pictures in a narrow page are narrow, and that a dark one is another than a light one."""
    pictures = {theme: folder / f"{theme.name}.png" for theme in Theme}
    for theme, picture in pictures.items():
        await notebook.screenshot(notebook.widget(0), picture, width=400, theme=theme)
        assert 100 < int.from_bytes(picture.read_bytes()[16:20], "big") <= 400
    assert await notebook.page.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert pictures[Theme.DARK].read_bytes() != pictures[Theme.LIGHT].read_bytes()


async def test_cells_and_kernel_in_a_page(frontend: Frontend) -> None:
    """Cells fail, are added, stopped, forgotten by a kernel that is restarted, and lost by a page that is reloaded."""
    notebook = await frontend.open(["1 / 0", SLEEP])
    with pytest.raises(CellError, match="ZeroDivisionError"):
        await notebook.run(0)
    await notebook.start(1)
    await eventually(lambda: printed(notebook, 1, "begun"), "the cell has begun")
    assert await notebook.is_busy()
    await notebook.interrupt()
    await notebook.wait_until_idle()
    assert "KeyboardInterrupt" in str(await notebook.outputs(1))
    assert await notebook.text(await notebook.execute("x = 6\nx * 7")) == "42"
    pid = await notebook.kernel_pid()
    await notebook.restart_kernel()
    assert await notebook.kernel_pid() != pid
    with pytest.raises(CellError, match="NameError"):
        await notebook.execute("x")
    await notebook.page.keyboard.press("Escape")  # without a gesture a page may not ask whether to leave it
    await notebook.reload()
    assert await notebook.cell_count() == 2


async def printed(notebook: Notebook, cell: int, text: str) -> bool:
    return text in await notebook.text(cell)


async def test_used_page_has_nothing_of_the_last_notebook(frontend: Frontend) -> None:
    """A page of JupyterLab that is used again has another kernel and the settings of a new one."""
    first = await frontend.open([WIDGET])
    await first.run(0)
    await first.set_theme(Theme.DARK)
    await first.set_save_widget_state(on=True)
    pid = await first.kernel_pid()
    await frontend.close(first)
    second = await frontend.open([WIDGET.replace("some label", "another label")], width=500)
    assert second.page is first.page
    assert await second.page.evaluate("document.body.dataset.jpThemeLight") == "true"
    assert await second.page.evaluate("window.innerWidth") == 500
    assert await second.page.locator(".up").count() == 0
    assert await second.kernel_pid() != pid
    await second.run(0)
    await second.save()
    assert "widgets" not in second.saved()["metadata"]


async def test_failure_leaves_picture_and_console(frontend: Frontend, tmp_path: Path) -> None:
    """A wait ends at its deadline; the page is shown as it is then, and not used again."""
    notebook = await frontend.open(["x = 1"])
    other = await frontend.open(["x = 2"])
    await notebook.page.evaluate("console.log('what the page says'); setTimeout(() => { throw Error('uncaught') })")
    await eventually(lambda: bool(notebook.console.errors), "the error is noticed")
    with pytest.raises(TimeoutError, match="nothing happens"):
        await notebook.evaluate("await new Promise(() => {})", "nothing happens", within=0.2)
    with pytest.raises(TimeoutError, match="a cell runs"):
        await notebook.wait_until_busy(within=0.2)
    files = await frontend.save_failure(tmp_path)
    assert [file.suffix for file in files] == [".log", ".png", ".log", ".png"]
    assert "what the page says" in files[0].read_text()
    assert all(file.stat().st_size > 1000 for file in files[1::2])
    await frontend.close(notebook)
    assert notebook.page.is_closed()
    await other.run(0)
    assert await other.kernel_value("x") == 2


async def test_widget_message_without_a_page(kernel: Kernel) -> None:
    """The comm has the traits; a message with a buffer is answered with one."""
    comm = await kernel.widget(WIDGET)
    assert comm.target == "jupyter.widget"
    assert comm.state["label"] == "some label"
    answer = await comm.request({"add": 2}, b"\x07", answers=lambda message: "count" in message.content)
    assert answer.content == {"count": 2, "thread": "main"}
    assert answer.buffers == (b"\x02", b"\x07")
    comm.set_state(label="another")
    assert (await kernel.execute("counter.label")).text == "'another'"
    await kernel.execute("counter.label = 'of the kernel'; counter.close()")
    assert comm.state["label"] == "of the kernel"
    assert comm.closed


async def test_subshell_answers_while_a_cell_is_busy(kernel: Kernel) -> None:
    """Without this line ipykernel 7.4 sends a comm's messages to where it was last used, whatever their header."""
    comm = await kernel.widget(WIDGET)
    await kernel.execute("counter.comm._reply_subshell_for = None")
    subshell = await kernel.create_subshell()
    busy = kernel.start(SLEEP)
    await eventually(lambda: "begun" in busy.text, "the cell has begun")
    answer = await comm.request({"add": 1}, answers=lambda message: "count" in message.content, subshell=subshell)
    assert answer.content == {"count": 1, "thread": "subshell"}
    assert not busy.done
    await kernel.interrupt()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        await busy.wait()
    await kernel.delete_subshell(subshell)


async def test_kernel_restarts_and_ends(kernel: Kernel) -> None:
    await kernel.widget(WIDGET)
    pid = kernel.pid
    await kernel.restart()
    assert kernel.pid != pid
    assert kernel.comms == {}
    with pytest.raises(CellError, match="NameError"):
        await kernel.execute("counter")
    await kernel.shut_down()
    assert not await kernel.is_alive()


async def test_kernel_is_new_to_each_test(kernels: KernelPool) -> None:
    async with await kernels.take() as first, await kernels.take() as second:
        await first.execute("x = 1")
        assert first.pid != second.pid
        assert (await second.execute("'x' in globals()")).text == "False"
