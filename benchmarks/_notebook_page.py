"""Measurements in the page of a notebook, so that nothing a test or a network adds is in the times."""

import json
import statistics
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from tests.notebook.notebook_page import Notebook

_TIMEOUT: Final = 120.0

_TOOLS: Final = """
    window.ksBench = {
        // Milliseconds since `start` when, after a frame, a condition holds.
        until: (start, holds, within) => new Promise((resolve, reject) => {
            const look = () => {
                if (holds()) resolve(performance.now() - start);
                else if (performance.now() - start > within) reject(new Error("not in time"));
                else requestAnimationFrame(look);
            };
            look();
        }),
        // The same from the next event of a kind on.
        after: (kind, holds, within) => new Promise((resolve, reject) => {
            document.addEventListener(kind, (event) => {
                window.ksBench.until(event.timeStamp, holds, within).then(resolve, reject);
            }, {capture: true, once: true});
        }),
        rows: () => [...document.querySelectorAll(".ks-pane-tree .ks-row")],
        names: () => window.ksBench.rows().map((row) => row.querySelector(".ks-name")?.textContent ?? "…"),
        // Gather frames and long tasks until `stop`.
        gather: () => {
            const found = {frames: [], tasks: [], from: performance.now()};
            let before = performance.now();
            let frame = 0;
            const onFrame = (now) => {
                found.frames.push(now - before);
                before = now;
                frame = requestAnimationFrame(onFrame);
            };
            frame = requestAnimationFrame(onFrame);
            const observer = new PerformanceObserver((list) => {
                found.tasks.push(...list.getEntries().map((entry) => entry.duration));
            });
            observer.observe({type: "longtask"});
            window.ksBench.stop = () => {
                cancelAnimationFrame(frame);
                observer.disconnect();
                return {...found, seconds: (performance.now() - found.from) / 1000};
            };
        },
        // Gather how late texts with a time in them come into an element, until `stopStamps`.
        stamps: (selector, probe) => {
            const latencies = [];
            const shown = new Set();
            const pattern = new RegExp(probe + "([0-9]+)");
            const observer = new MutationObserver(() => {
                const stamp = pattern.exec(document.querySelector(selector).textContent)?.[1];
                if (!stamp || shown.has(stamp)) return;
                if (shown.size) latencies.push(Date.now() - Number(stamp));
                shown.add(stamp);
            });
            observer.observe(document.querySelector(selector), {childList: true, subtree: true, characterData: true});
            window.ksBench.stopStamps = () => { observer.disconnect(); return latencies; };
        },
        // Gather what a kernel sends to the widgets, and how late probes come, until `stopTraffic`.
        traffic: (kernel, probe) => {
            const found = {messages: 0, bytes: 0, patches: {}, gaps: 0, latencies: [], from: performance.now()};
            const last = new Map();
            const shown = new Set();
            const onMessage = (_, {msg, direction}) => {
                const content = msg.content.data?.content;
                if (msg.header.msg_type !== "comm_msg" || direction !== "recv" || !content?.type) return;
                found.messages += 1;
                found.bytes += JSON.stringify(content).length;
                for (const part of msg.buffers ?? []) found.bytes += part.byteLength;
                if (content.type !== "rows" && content.type !== "patch") return;
                const list = `${content.view} ${content.pane} ${content.generation}`;
                if (content.type === "patch") {
                    found.patches[content.pane] = (found.patches[content.pane] ?? 0) + 1;
                    if (last.has(list) && content.seq !== last.get(list) + 1) found.gaps += 1;
                }
                last.set(list, content.seq);
            };
            kernel.anyMessage.connect(onMessage);
            const tree = document.querySelector(".ks-pane-tree .ks-rows");
            const observer = new MutationObserver(() => {
                for (const name of window.ksBench.names()) {
                    if (!name.startsWith(probe) || shown.has(name)) continue;
                    shown.add(name);
                    found.latencies.push(Date.now() - Number(name.slice(probe.length)));
                }
            });
            observer.observe(tree, {childList: true, subtree: true, characterData: true});
            window.ksBench.stopTraffic = () => {
                kernel.anyMessage.disconnect(onMessage);
                observer.disconnect();
                return {...found, seconds: (performance.now() - found.from) / 1000};
            };
        },
    };
"""


@dataclass(frozen=True, slots=True)
class Smoothness:
    """Frames of a page over some time, in milliseconds."""

    frames: list[float]
    tasks: list[float]
    """Tasks of the page that took 50 ms or longer."""

    def __str__(self) -> str:
        late = sum(frame > 50 for frame in self.frames)
        longest = max(self.tasks, default=0.0)
        return (
            f"{len(self.frames)} frames, median {statistics.median(self.frames):.0f} ms, {late} over 50 ms, the longest"
            f" {max(self.frames):.0f} ms; {len(self.tasks)} tasks over 50 ms, the longest {longest:.0f} ms"
        )


@dataclass(frozen=True, slots=True)
class Traffic:
    """Messages of a kernel to the widgets in a page."""

    seconds: float
    messages: int
    bytes: int
    patches: dict[str, int]
    """Patches by pane."""
    gaps: int
    """Sequence numbers that were missing."""
    latencies: list[float]
    """Milliseconds from a write to its row in the page."""

    def __str__(self) -> str:
        rates = ", ".join(f"{pane} {number / self.seconds:.1f}" for pane, number in sorted(self.patches.items()))
        late = (
            f"{statistics.median(self.latencies):.0f} ms, at worst {max(self.latencies):.0f}" if self.latencies else "-"
        )
        return (
            f"patches a second: {rates}; {self.messages / self.seconds:.0f} messages and"
            f" {self.bytes / self.seconds / 1000:.0f} kB a second in all; {self.gaps} gaps;"
            f" {len(self.latencies)} puts, in the page after {late}"
        )


class MeasuredPage:
    """A notebook whose cells and widgets are measured."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook

    async def prepare(self) -> None:
        """Add the tools to the page."""
        await self.notebook.evaluate(_TOOLS, "the tools are in the page")

    async def clear(self, cell: int) -> None:
        """Remove the outputs of a cell and wait until nothing of a widget is left."""
        script = """
            panel.content.widgets[argument].model.sharedModel.setOutputs([]);
            panel.content.widgets[argument].model.outputs?.clear();
            const isClear = () => !document.querySelector(".ks-root, .jupyter-widgets");
            return await ksBench.until(performance.now(), isClear, 10000);
        """
        await self.notebook.evaluate(script, "the output is cleared", cell)

    async def run_until(self, cell: int, condition: str, within: float = _TIMEOUT) -> float:
        """Run a cell; return the seconds until a condition in JavaScript holds in the page."""
        script = f"""
            app.shell.activateById(panel.id);
            panel.content.activeCellIndex = argument[0];
            panel.content.deselectAll();
            const start = performance.now();
            void app.commands.execute('notebook:run-cell');
            return await ksBench.until(start, () => {condition}, argument[1]);
        """
        milliseconds = await self.notebook.evaluate(script, condition, [cell, within * 1000], within=within + 5)
        return float(milliseconds) / 1000

    async def run_seconds(self, cell: int) -> float:
        """Run a cell and return the seconds until its reply is there."""
        script = """
            app.shell.activateById(panel.id);
            panel.content.activeCellIndex = argument;
            panel.content.deselectAll();
            const start = performance.now();
            await app.commands.execute('notebook:run-cell');
            return performance.now() - start;
        """
        return float(await self.notebook.evaluate(script, f"cell {cell} has run", cell, within=_TIMEOUT)) / 1000

    async def press(self, key: str, condition: str) -> float:
        """Press a key; return the seconds until a condition holds in the page."""
        return await self._after("keydown", condition, self.notebook.page.keyboard.press(key))

    async def turn(self, pixels: int, condition: str) -> float:
        """Turn the wheel; return the seconds until a condition holds in the page."""
        return await self._after("wheel", condition, self.notebook.page.mouse.wheel(0, pixels))

    async def _after(self, event: str, condition: str, act: Coroutine[object, object, None]) -> float:
        armed = f"void (ksBench.result = ksBench.after({json.dumps(event)}, () => {condition}, {_TIMEOUT * 1000}))"
        await self.notebook.evaluate(armed, f"{event} is awaited")
        await act
        return float(await self.notebook.evaluate("return await ksBench.result", condition, within=_TIMEOUT)) / 1000

    async def gather(self) -> None:
        """Gather frames from now on."""
        await self.notebook.evaluate("ksBench.gather()", "frames are gathered")

    async def smoothness(self) -> Smoothness:
        """Return the frames since `gather`."""
        found = await self.notebook.evaluate("return ksBench.stop()", "frames were gathered")
        return Smoothness(found["frames"][1:], found["tasks"])

    async def gather_traffic(self, probe: str) -> None:
        """Gather what the kernel sends from now on; keys that begin with `probe` end with the time of their write."""
        await self.notebook.evaluate("ksBench.traffic(kernel, argument)", "messages are gathered", probe)

    async def traffic(self) -> Traffic:
        """Return what the kernel sent since `gather_traffic`."""
        found = await self.notebook.evaluate("return ksBench.stopTraffic()", "messages were gathered")
        names = ("seconds", "messages", "bytes", "patches", "gaps", "latencies")
        return Traffic(**{name: found[name] for name in names})

    async def gather_stamps(self, selector: str, probe: str) -> None:
        """Gather from now on how late texts come that begin with `probe` and the time of their write."""
        script = "ksBench.stamps(argument[0], argument[1])"
        await self.notebook.evaluate(script, "texts are gathered", [selector, probe])

    async def stamps(self) -> list[float]:
        """Return the milliseconds from each write to its text in the page since `gather_stamps`."""
        return [float(late) for late in await self.notebook.evaluate("return ksBench.stopStamps()", "texts were")]

    async def count(self, selector: str) -> int:
        """Return the number of elements."""
        script = "return document.querySelectorAll(argument).length"
        return int(await self.notebook.evaluate(script, "elements are counted", selector))
