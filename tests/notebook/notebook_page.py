"""Page object of one notebook that is open in JupyterLab or Notebook 7."""

import ast
import asyncio
import json
from enum import Enum
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Dialog, Error, Locator, Page

from tests.notebook.cell_error import CellError
from tests.notebook.console import Console
from tests.servers.waiting import eventually

PATIENCE: Final = 40.0
"""Seconds that anything in a page may take, on a busy machine."""

_POLL_MS: Final = 30
_PANEL: Final = """
    const app = window.jupyterapp;
    const panel = app && app.shell ? [...app.shell.widgets('main')].find(w => w.context?.path === path) : undefined;
    const session = panel?.context?.sessionContext;
    const kernel = session?.session?.kernel;
"""
_READY: Final = (
    "return !!panel && panel.isVisible && panel.context.isReady && kernel?.connectionStatus === 'connected'"
    " && kernel.status === 'idle' && panel.content.widgets.length > 0"
)
_RUNNING: Final = "panel.content.widgets.some(cell => cell.model.executionState === 'running')"
_SAVE_WIDGET_STATE: Final = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"


class App(Enum):
    """The applications that show a notebook; the value is the path of their pages."""

    LAB = "lab"
    NOTEBOOK = "notebooks"


class Theme(Enum):
    """The themes that JupyterLab and Notebook bring."""

    LIGHT = "JupyterLab Light"
    DARK = "JupyterLab Dark"


class Notebook:
    """A notebook in a page: its cells by index, its kernel, its file.

    Every wait ends with TimeoutError after `within` seconds. `page` is Playwright's own page, for all that is not here.
    """

    def __init__(self, page: Page, app: App, file: Path, url: str) -> None:
        self.page = page
        self.app = app
        self.file = file
        self.url = url
        self.console = Console(page)
        self.reusable = True
        """Permission to open another notebook in the page later; withdraw it after harm to the page or its server."""

    async def wait_until_ready(self, within: float = 60.0) -> None:
        """Wait until the notebook is shown and its kernel is connected and idle.

        What plugins of Notebook 7 throw as they start is no error of the page: two of them do so each time.
        """
        await self._wait_for(_READY, f"{self.file.name} is shown with an idle kernel", within)
        self.console.errors.clear()

    async def load(self) -> None:
        """Load the page anew, whatever the notebook has unsaved, and wait until it is ready."""
        self.page.once("dialog", _accept)  # that asks whether to leave
        await self.page.goto(self.url, wait_until="commit")
        await self.wait_until_ready()
        self.page.remove_listener("dialog", _accept)

    async def open_in_lab(self, theme: Theme) -> None:
        """Open the notebook in a page of JupyterLab that is loaded, and set back what another may have set there."""
        script = "await app.commands.execute('docmanager:open', {path, factory: 'Notebook'})"
        await self.evaluate(script, f"{self.file.name} is opened")
        await self.set_theme(theme)
        await self.set_save_widget_state(on=False)
        await self.wait_until_ready()

    async def close_in_lab(self) -> bool:
        """Close the notebook without saving; return whether the page can be used again."""
        script = """
            panel.context.model.dirty = false;
            panel.dispose();
            const open = [...app.shell.widgets('main')].filter(w => w.context).length;
            return open === 0 && document.querySelector('.jp-Dialog') === null;
        """
        try:
            return self.reusable and bool(await self.evaluate(script, "the notebook is closed"))
        except (Error, TimeoutError):
            return False

    # Cells

    async def run(self, cell: int, *, within: float = PATIENCE) -> None:
        """Run a cell and wait for its end; raise CellError if it raises."""
        await self._run(cell, "await", f"cell {cell} has run", within)
        await self._raise_for_errors(cell)

    async def start(self, cell: int) -> None:
        """Run a cell without waiting for its end."""
        await self._run(cell, "void", f"cell {cell} is sent", PATIENCE)

    async def run_all(self, *, within: float = PATIENCE) -> None:
        """Run all cells and wait for the end of the last; raise CellError if one raises."""
        await self._activate()
        await self.evaluate("await app.commands.execute('notebook:run-all-cells')", "all cells have run", within=within)
        for cell in range(await self.cell_count()):
            await self._raise_for_errors(cell)

    async def add(self, source: str) -> int:
        """Add a cell at the end and return its index."""
        await self._activate()
        script = """
            panel.content.activeCellIndex = panel.content.widgets.length - 1;
            await app.commands.execute('notebook:insert-cell-below');
            panel.content.activeCell.model.sharedModel.setSource(argument);
            return panel.content.activeCellIndex;
        """
        return int(await self.evaluate(script, "a cell is added", source))

    async def execute(self, source: str, *, within: float = PATIENCE) -> int:
        """Add a cell at the end, run it, wait for its end and return its index; raise CellError if it raises."""
        cell = await self.add(source)
        await self.run(cell, within=within)
        return cell

    async def set_source(self, cell: int, source: str) -> None:
        """Replace the source of a cell."""
        script = "panel.content.widgets[argument[0]].model.sharedModel.setSource(argument[1])"
        await self.evaluate(script, f"cell {cell} is changed", [cell, source])

    async def cell_count(self) -> int:
        """Return how many cells there are."""
        return int(await self.evaluate("return panel.content.widgets.length", "the cells are counted"))

    def output(self, cell: int) -> Locator:
        """Return the output area of a cell, in which widgets and text are found."""
        visible = ".jp-NotebookPanel:not(.lm-mod-hidden)"
        return self.page.locator(f'{visible} .jp-Cell[data-windowed-list-index="{cell}"] .jp-Cell-outputWrapper')

    def widget(self, cell: int) -> Locator:
        """Return the first output of a cell without the prompt beside it, for pictures of a widget."""
        return self.output(cell).locator(".jp-OutputArea-output").first

    async def outputs(self, cell: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell as they are saved, in the form of nbformat."""
        script = "return panel.content.widgets[argument].model.outputs.toJSON()"
        outputs: list[dict[str, Any]] = await self.evaluate(script, f"cell {cell} has outputs", cell)
        return outputs

    async def text(self, cell: int) -> str:
        """Return the text that a cell printed and the plain text of its results."""
        return "".join(map(_plain, await self.outputs(cell)))

    # Kernel

    async def kernel_status(self) -> str:
        """Return the kernel's status as the page shows it: idle, busy, restarting, dead, unknown."""
        return str(await self.evaluate("return kernel?.status ?? 'unknown'", "the kernel has a status"))

    async def is_busy(self) -> bool:
        """Return whether a cell runs or waits for its turn.

        The kernel's status does not say so: a message that a widget handles beside the cell sets it to idle.
        """
        return bool(await self.evaluate(f"return {_RUNNING}", "the cells have a state"))

    async def wait_until_busy(self, within: float = PATIENCE) -> None:
        """Wait until a cell runs or waits for its turn."""
        await self._wait_for(f"return {_RUNNING}", "a cell runs", within)

    async def wait_until_idle(self, within: float = PATIENCE) -> None:
        """Wait until no cell runs."""
        await self._wait_for(f"return !({_RUNNING})", "no cell runs", within)

    async def kernel_value(self, expression: str, *, within: float = PATIENCE) -> object:
        """Return what an expression is in the kernel, a literal such as a number or a list; no cell is added.

        A busy kernel answers after its cell.
        """
        script = """
            const code = {code: '', silent: true, store_history: false, user_expressions: {value: argument}};
            return (await kernel.requestExecute(code).done).content.user_expressions.value;
        """
        answer = await self.evaluate(script, f"{expression} has a value", expression, within=within)
        if answer["status"] != "ok":
            raise CellError(f"{answer['ename']}: {answer['evalue']}")
        return ast.literal_eval(answer["data"]["text/plain"])

    async def kernel_pid(self) -> int:
        """Return the process id of the kernel."""
        pid = await self.kernel_value("__import__('os').getpid()")
        assert isinstance(pid, int)
        return pid

    async def interrupt(self) -> None:
        """Interrupt the kernel, as the stop button does."""
        await self.evaluate("await kernel.interrupt()", "the kernel is interrupted")

    async def restart_kernel(self, within: float = 60.0) -> None:
        """Restart the kernel as the menu does, without its question, and wait until it is idle."""
        await self.evaluate("await session.restartKernel()", "the kernel restarts", within=within)
        await self._wait_for(_READY, "the restarted kernel is idle", within)

    async def shut_down_kernel(self) -> None:
        """Shut the kernel down, as the menu does; there is none afterwards."""
        await self.evaluate("await session.shutdown()", "the kernel is shut down")

    # Page and file

    async def save(self) -> None:
        """Save the notebook and wait until it is on disk."""
        await self.evaluate("await panel.context.save()", "the notebook is saved")
        await self._wait_for("return !panel.context.model.dirty", "the notebook has no unsaved change", PATIENCE)

    def saved_text(self) -> str:
        """Return the saved file."""
        return self.file.read_text(encoding="utf-8")

    def saved(self) -> dict[str, Any]:
        """Return the saved notebook in the form of nbformat."""
        saved: dict[str, Any] = json.loads(self.saved_text())
        return saved

    def saved_widget_state(self) -> dict[str, Any]:
        """Return the widget state in the saved notebook by model id; empty if none was saved."""
        widgets = self.saved()["metadata"].get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
        state: dict[str, Any] = widgets.get("state", {})
        return state

    async def set_save_widget_state(self, *, on: bool) -> None:
        """Let the notebook be saved with the state of its widgets, or without."""
        script = f"""
            const command = {json.dumps(_SAVE_WIDGET_STATE)};
            if (app.commands.isToggled(command) !== argument) await app.commands.execute(command);
        """
        await self.evaluate(script, "the setting is changed", on)
        condition = f"return app.commands.isToggled({json.dumps(_SAVE_WIDGET_STATE)}) === {json.dumps(on)}"
        await self._wait_for(condition, "the setting is in force", PATIENCE)

    async def set_theme(self, theme: Theme) -> None:
        """Change the theme and wait until its style is in force."""
        script = "await app.commands.execute('apputils:change-theme', {theme: argument})"
        await self.evaluate(script, f"{theme.value} is chosen", theme.value)
        condition = f"return document.body.dataset.jpThemeName === {json.dumps(theme.value)}"
        await self._wait_for(condition, f"{theme.value} is shown", PATIENCE)

    async def reload(self) -> None:
        """Load the page anew, as its reader does, without saving; the kernel stays."""
        await self.load()

    async def screenshot(
        self, target: Locator, to: Path, *, width: int | None = None, theme: Theme | None = None
    ) -> None:
        """Take a picture of an element in a page of a width and a theme, without side bars.

        The width is that of the page: the element has what the application leaves of it.
        """
        if theme is not None:
            await self.set_theme(theme)
        if width is not None:
            height = (self.page.viewport_size or {"height": 900})["height"]
            await self.page.set_viewport_size({"width": width, "height": height})
        await self.evaluate("app.shell.collapseLeft?.(); app.shell.collapseRight?.()", "the side bars are hidden")
        await self.evaluate("await document.fonts.ready", "the fonts are loaded")
        await target.screenshot(path=to, animations="disabled", caret="hide", timeout=PATIENCE * 1000)

    async def evaluate(self, script: str, what: str, argument: object = None, *, within: float = PATIENCE) -> Any:
        """Run JavaScript with `app`, `panel`, `session`, `kernel` and `argument`, and return what it returns.

        TimeoutError says `what` did not happen; the script itself goes on in the page.
        """
        body = f"async ([path, argument]) => {{ {_PANEL} {script} }}"
        try:
            async with asyncio.timeout(within):
                return await self.page.evaluate(body, [self.file.name, argument])
        except TimeoutError:
            self.reusable = False
            raise TimeoutError(f"not within {within:.1f} s: {what}") from None

    async def _run(self, cell: int, how: str, what: str, within: float) -> None:
        await self._activate()
        script = f"""
            panel.content.activeCellIndex = argument;
            panel.content.deselectAll();
            {how} app.commands.execute('notebook:run-cell');
        """
        await self.evaluate(script, what, cell, within=within)

    async def _activate(self) -> None:
        """Make this notebook the one that commands are for."""
        await self.evaluate("app.shell.activateById(panel.id)", "the notebook is active")

    async def _raise_for_errors(self, cell: int) -> None:
        script = "return panel.content.widgets[argument].model.outputs?.toJSON() ?? []"
        for output in await self.evaluate(script, f"cell {cell} has outputs", cell):
            if output["output_type"] == "error":
                raise CellError("\n".join(output["traceback"]))

    async def _wait_for(self, condition: str, what: str, within: float) -> None:
        """Wait until JavaScript, written as for `evaluate`, returns true."""

        async def holds() -> bool:
            return bool(await self.page.evaluate(f"([path]) => {{ {_PANEL} {condition} }}", [self.file.name]))

        await eventually(holds, what, within)


async def _accept(dialog: Dialog) -> None:
    await dialog.accept()


def _plain(output: dict[str, Any]) -> str:
    match output:
        case {"output_type": "stream", "text": text}:
            return _joined(text)
        case {"data": {"text/plain": text}}:
            return _joined(text)
        case _:
            return ""


def _joined(text: object) -> str:
    return "".join(text) if isinstance(text, list) else str(text)
