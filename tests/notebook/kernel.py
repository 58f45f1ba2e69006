"""Real ipykernels without a page: cells to run, and the messages of their widgets."""

import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager

from explorer.drivers.common.tasks import Tasks
from tests.notebook.cell_error import CellError
from tests.notebook.comm import Comm, CommMessage
from tests.servers.programs import environment
from tests.servers.require import require_modules
from tests.servers.waiting import eventually

PATIENCE: Final = 40.0
"""Seconds that a cell may take, on a busy machine."""

_START_TIMEOUT: Final = 60.0
_GREETING_TIMEOUT: Final = 0.5
_VIEW: Final = "application/vnd.jupyter.widget-view+json"
_OUTPUTS: Final = ("stream", "display_data", "execute_result", "error")


@dataclass(slots=True)
class Execution:
    """A cell that was sent: its outputs so far, in the form of nbformat."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    idle: bool = False

    @property
    def done(self) -> bool:
        """True once the cell has ended and all of its outputs are here."""
        return self.idle and self.reply is not None

    @property
    def text(self) -> str:
        """The text that the cell printed and the plain text of its results."""
        texts = (output.get("text", output.get("data", {}).get("text/plain", "")) for output in self.outputs)
        return "".join(map(str, texts))

    @property
    def widgets(self) -> list[str]:
        """The ids of the widgets that the cell displayed."""
        return [output["data"][_VIEW]["model_id"] for output in self.outputs if _VIEW in output.get("data", {})]

    async def wait(self, within: float = PATIENCE) -> Self:
        """Wait until the cell has ended; raise CellError if it raised."""
        await eventually(lambda: self.done, "the cell has ended", within)
        if self.reply is not None and self.reply["status"] != "ok":
            raise CellError("\n".join(self.reply.get("traceback", [self.reply["status"]])))
        return self


class Kernel:
    """One ipykernel process of this environment.

    `launch` starts the process, `connect` waits until it answers. Messages are received all the time: `comms` holds
    every comm that the kernel has opened, by its id.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keyscope-kernel-"))
        self.comms: dict[str, Comm] = {}
        self.display_updates: list[dict[str, Any]] = []
        """Contents of the messages that replace what a cell has displayed, each with the id of its parent."""
        self._terminal = (self.folder / "terminal.log").open("ab")  # open for a restart, too
        self._context = zmq.asyncio.Context()
        self._manager = AsyncKernelManager(
            context=self._context, transport="ipc", connection_file=str(self.folder / "kernel.json")
        )
        self._client: AsyncKernelClient | None = None
        self._executions: dict[str, Execution] = {}
        self._replies: dict[str, dict[str, Any]] = {}
        self._tasks = Tasks()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def launch(self) -> None:
        """Start the process and return at once."""
        require_modules("ipykernel", "anywidget")
        variables = {"IPYTHONDIR": "ipython", "HOME": "home", "XDG_CONFIG_HOME": "home/.config"}
        await self._manager.start_kernel(
            env=environment((sys.executable,)) | {name: str(self.folder / at) for name, at in variables.items()},
            cwd=str(self.folder),
            stdout=self._terminal,
            stderr=self._terminal,
        )

    async def connect(self) -> None:
        """Wait until the launched kernel answers and nothing that it sends is missed."""
        client = self._manager.client()
        assert isinstance(client, AsyncKernelClient)
        client.start_channels(stdin=False, hb=False)
        self._client = client
        for channel in (client.shell_channel, client.iopub_channel, client.control_channel):
            assert isinstance(channel, AsyncZMQSocketChannel)
            self._tasks.start(self._receive(channel), name="messages of a kernel")
        await self._wait_until_ready()

    @property
    def terminal(self) -> str:
        """The text that the kernel wrote to its terminal, not to a cell."""
        return (self.folder / "terminal.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process id."""
        pid = getattr(self._manager.provisioner, "pid", None)
        assert isinstance(pid, int)
        return pid

    def start(self, code: str, *, subshell: str | None = None) -> Execution:
        """Send a cell and return at once; `wait` of what is returned waits for its end."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        execution = Execution()
        self._executions[self._send("execute_request", content, subshell=subshell)] = execution
        return execution

    async def execute(self, code: str, *, within: float = PATIENCE, subshell: str | None = None) -> Execution:
        """Run a cell and wait for its end; raise CellError if it raises."""
        return await self.start(code, subshell=subshell).wait(within)

    async def widget(self, code: str, *, within: float = PATIENCE) -> Comm:
        """Run a cell that displays one widget and return the widget's comm."""
        (comm_id,) = (await self.execute(code, within=within)).widgets
        return self.comms[comm_id]

    async def complete(self, code: str) -> dict[str, Any]:
        """Return what the kernel offers for Tab at the end of a cell: `matches`, `cursor_start` and so on."""
        return await self._request("complete_request", {"code": code, "cursor_pos": len(code)})

    async def create_subshell(self) -> str:
        """Create a subshell, a thread beside the main one that handles messages, and return its id."""
        reply = await self._request("create_subshell_request")
        return str(reply["subshell_id"])

    async def delete_subshell(self, subshell: str) -> None:
        """End a subshell."""
        await self._request("delete_subshell_request", {"subshell_id": subshell})

    async def interrupt(self) -> None:
        """Interrupt the cell that runs on the main thread."""
        await self._manager.interrupt_kernel()

    async def restart(self) -> None:
        """Shut the kernel down in order and start it again; all comms are forgotten, as by a page."""
        await self._manager.restart_kernel(now=False)
        self.comms.clear()
        await self._wait_until_ready()

    async def shut_down(self) -> None:
        """Shut the kernel down in order, as the menu of a page does, and wait until the process has ended."""
        await self._manager.shutdown_kernel(now=False)

    async def is_alive(self) -> bool:
        """Return whether the process runs."""
        return bool(await self._manager.is_alive())

    async def close(self) -> None:
        """Kill the kernel if it still runs and leave nothing."""
        await self._tasks.close()
        if self._client is not None:
            self._client.stop_channels()
        if self._manager.has_kernel:
            await self._manager.shutdown_kernel(now=True)
        self._context.destroy(linger=0)
        self._terminal.close()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    def _send(
        self, kind: str, content: dict[str, object], buffers: tuple[bytes, ...] = (), subshell: str | None = None
    ) -> str:
        assert self._client is not None
        message = self._client.session.msg(kind, content)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        message["buffers"] = list(buffers)
        of_control = kind in {"create_subshell_request", "delete_subshell_request", "list_subshell_request"}
        (self._client.control_channel if of_control else self._client.shell_channel).send(message)
        return str(message["header"]["msg_id"])

    async def _request(self, kind: str, content: dict[str, object] | None = None) -> dict[str, Any]:
        """Send a request and return the content of its reply."""
        sent = self._send(kind, content or {})
        await eventually(lambda: sent in self._replies, f"an answer to {kind}", PATIENCE)
        reply = self._replies.pop(sent)
        if reply["status"] != "ok":
            raise RuntimeError(f"{kind}: {reply}")
        return reply

    async def _wait_until_ready(self) -> None:
        """Ask until an answer comes by both ways: what is published before the subscription is made is lost."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            greeting = Execution()
            self._executions[self._send("kernel_info_request", {})] = greeting
            try:
                await eventually(lambda: greeting.done, "the kernel answers", _GREETING_TIMEOUT)  # noqa: B023 - awaited here
            except TimeoutError:
                if not await self.is_alive():
                    break
            else:
                return
        raise TimeoutError(f"the kernel does not answer:\n{self.terminal}")

    async def _receive(self, channel: AsyncZMQSocketChannel) -> None:
        while True:
            self._on_message(await channel.get_msg())

    def _on_message(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        parent = message["parent_header"].get("msg_id", "")
        execution = self._executions.get(parent)
        if kind in {"comm_open", "comm_msg", "comm_close"}:
            self._on_comm_message(kind, content, tuple(bytes(buffer) for buffer in message["buffers"]))
        elif kind == "update_display_data":
            self.display_updates.append({**content, "parent": parent})
        elif kind.endswith("_reply") and execution is not None:
            execution.reply = content
        elif kind.endswith("_reply"):
            self._replies[parent] = content
        elif execution is not None and kind == "status":
            execution.idle = content["execution_state"] == "idle"
        elif execution is not None and kind in _OUTPUTS:
            execution.outputs.append({"output_type": kind, **content})

    def _on_comm_message(self, kind: Any, content: dict[str, Any], buffers: tuple[bytes, ...]) -> None:
        comm_id = content["comm_id"]
        if kind == "comm_open":
            self.comms[comm_id] = Comm(comm_id, content["target_name"], self._send)
        if comm_id in self.comms:
            self.comms[comm_id].record(CommMessage(kind, comm_id, content["data"], buffers, time.monotonic()))


class KernelPool:
    """Kernels that are new to each test: while one is used, the next one starts."""

    def __init__(self) -> None:
        self._next: Kernel | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._next is not None:
            await self._next.close()

    async def take(self) -> Kernel:
        """Return a kernel that answers; the caller closes it."""
        kernel, self._next = self._next or await self._launched(), None
        try:
            await kernel.connect()
            self._next = await self._launched()
        except BaseException:
            await kernel.close()
            raise
        return kernel

    async def _launched(self) -> Kernel:
        kernel = Kernel()
        try:
            await kernel.launch()
        except BaseException:
            await kernel.close()
            raise
        return kernel
