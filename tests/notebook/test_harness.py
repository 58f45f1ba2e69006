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


async def test_widget_message_in_a_page(frontend: Frontend, app: App) -> None:
    """A click in the page reaches the kernel, and the kernel's answer with its buffer reaches the page."""
    notebook = await frontend.open([WIDGET, "print('counted', counter.count)"], app=app)
    await notebook.run(0)
    await notebook.output(0).locator(".up").click()
    await notebook.output(0).locator(".count", has_text="1 by").wait_for()
    await notebook.run(1)
    assert await notebook.text(1) == "counted 1\n"
    assert await notebook.kernel_value("counter.count") == 1
    assert notebook.console.errors == []


async def test_cells_and_kernel_of_a_page(frontend: Frontend, app: App) -> None:
    """Cells fail, are added, stopped and forgotten by a kernel that is restarted."""
    notebook = await frontend.open(["1 / 0", SLEEP], app=app)
    with pytest.raises(CellError, match="ZeroDivisionError"):
        await notebook.run(0)
    await notebook.start(1)
    await notebook.wait_until_busy()
    await eventually(lambda: printed(notebook, 1, "begun"), "the cell has begun")
    await notebook.interrupt()
    await notebook.wait_until_idle()
    assert "KeyboardInterrupt" in str(await notebook.outputs(1))
    assert await notebook.text(await notebook.execute("x = 6\nx * 7")) == "42"
    pid = await notebook.kernel_pid()
    await notebook.restart_kernel()
    assert await notebook.kernel_pid() != pid
    with pytest.raises(CellError, match="NameError"):
        await notebook.execute("x")


async def printed(notebook: Notebook, cell: int, text: str) -> bool:
    return text in await notebook.text(cell)


@pytest.mark.parametrize("on", [True, False])
async def test_widget_state_is_saved_as_set(frontend: Frontend, app: App, *, on: bool) -> None:
    """The setting is set, not toggled; the notebook on disk has the widget's traits or nothing of them."""
    notebook = await frontend.open([WIDGET], app=app)
    for _ in range(2):
        await notebook.set_save_widget_state(on=on)
    await notebook.run_all()
    await notebook.output(0).locator(".up").wait_for()
    await notebook.save()
    assert ("some label" in str(notebook.saved_widget_state())) is on
    assert notebook.saved()["cells"][0]["outputs"]


async def test_reload_keeps_the_kernel(frontend: Frontend, app: App) -> None:
    notebook = await frontend.open([WIDGET], app=app)
    await notebook.run(0)
    await notebook.save()
    pid = await notebook.kernel_pid()
    await notebook.reload()
    assert await notebook.kernel_pid() == pid
    await notebook.output(0).locator(".up").click()
    await notebook.output(0).locator(".count", has_text="1 by").wait_for()


async def test_screenshot_has_width_and_theme(frontend: Frontend, app: App, tmp_path: Path) -> None:
    """A dark picture of a widget in a narrow page is dark, and no wider than the page."""
    notebook = await frontend.open([WIDGET], app=app)
    await notebook.run(0)
    pictures = {theme: tmp_path / f"{theme.name}.png" for theme in Theme}
    for theme, picture in pictures.items():
        await notebook.screenshot(notebook.output(0), picture, width=400, theme=theme)
        assert 100 < width_of(picture) <= 400
    assert await notebook.page.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert pictures[Theme.DARK].read_bytes() != pictures[Theme.LIGHT].read_bytes()


def width_of(picture: Path) -> int:
    """Return the width of a PNG."""
    return int.from_bytes(picture.read_bytes()[16:20], "big")


async def test_failure_leaves_picture_and_console(frontend: Frontend, tmp_path: Path) -> None:
    notebook = await frontend.open(["1"])
    await notebook.page.evaluate("console.log('what the page says'); setTimeout(() => { throw Error('uncaught') })")
    await eventually(lambda: bool(notebook.console.errors), "the error is noticed")
    console, picture = await frontend.save_failure(tmp_path)
    assert "what the page says" in console.read_text()
    assert picture.stat().st_size > 1000


async def test_wait_ends_at_its_deadline(frontend: Frontend) -> None:
    notebook = await frontend.open(["1"])
    with pytest.raises(TimeoutError, match="nothing happens"):
        await notebook.evaluate("await new Promise(() => {})", "nothing happens", within=0.2)
    with pytest.raises(TimeoutError, match="the kernel is busy"):
        await notebook.wait_until_busy(within=0.2)


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
