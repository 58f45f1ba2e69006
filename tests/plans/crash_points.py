"""Processes that apply a plan and are killed: at a system call of a given number, or by the test."""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

import explorer
from explorer.model.errors import Conflict, ExplorerError
from explorer.plans.application import Application, undo_of
from explorer.plans.plan import Plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.progress import Progress

_CALLS: Final = ("fsync", "replace", "link", "unlink", "rename", "rmdir", "mkdir")
"""System calls, before and after which the process is killed; those that the platform lacks are left out."""

processes = multiprocessing.get_context("forkserver")
"""Processes that begin without the threads of the test."""
processes.set_forkserver_preload(
    [
        "tests.plans.crash_points",
        *(f"explorer.drivers.{name}" for name in ("files", "etcd", "zookeeper", "redis")),
    ]
)


def start(target: Callable[..., None], *args: object) -> Any:  # noqa: ANN401 - a class of the context
    """Start a process, which does not import what runs here."""
    process = processes.Process(target=target, args=args, daemon=True)
    with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
        process.start()
    return process


def apply_and_die(folder: Path, identity: str, urls: Mapping[str, str], calls: int) -> None:
    """Apply a plan, and kill this process at a system call, counted before and after each.

    Args:
        folder: The folder of plans, with the plan.
        identity: ID of the plan.
        urls: URLs of its stores by their public URLs.
        calls: The number of calls that are done.
    """
    left = calls

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def counting(*args: object, **options: object) -> object:
            count()
            result = call(*args, **options)
            count()
            return result

        return counting

    for owner, name in (*((os, name) for name in _CALLS), (Progress, "_write")):
        setattr(owner, name, counted(getattr(owner, name)))
    apply_plan(folder, identity, urls)


def apply_plan(folder: Path, identity: str, urls: Mapping[str, str], limit: int = 0) -> None:
    """Apply a plan, and exit with 4 after writing the key of a conflict, or the keys that an undo left, to a file.

    Args:
        folder: The folder of plans, with the plan.
        identity: ID of the plan.
        urls: URLs of its stores by their public URLs.
        limit: Number of changes in a transaction; 0 for that of the store.
    """
    os._exit(asyncio.run(_apply(folder, identity, urls, limit)))


async def _apply(folder: Path, identity: str, urls: Mapping[str, str], limit: int) -> int:
    kept = PlanFolder(folder)
    plan = kept.read(identity)
    assert plan is not None
    async with AsyncExitStack() as stack:
        stores = {name: await stack.enter_async_context(explorer.open(url)) for name, url in urls.items()}
        for store in stores.values():
            store.max_operations = limit or store.max_operations
        with kept.progress(plan) as progress:
            application = Application(plan, stores, progress)
            try:
                async with aclosing(application.run()) as changes:
                    async for _ in changes:
                        pass
            except ExplorerError as error:
                named = error.key if isinstance(error, Conflict) else str(error)
                (folder / "conflicts").write_text(json.dumps([named]))
                return 4
    conflicts = [one.key for one in application.summary.conflicts]
    (folder / "conflicts").write_text(json.dumps(conflicts))
    return 4 if conflicts else 0


async def undo(folder: Path, plan: Plan, urls: Mapping[str, str]) -> Plan:
    """Return the plan that takes back what processes did that may have been killed, and keep it."""
    kept = PlanFolder(folder)
    async with AsyncExitStack() as stack:
        stores = {name: await stack.enter_async_context(explorer.open(url)) for name, url in urls.items()}
        with kept.progress(plan) as progress:
            back = await undo_of(plan, stores, progress)
    kept.save(back)
    return back
