"""Plans of the real command in a real terminal, while another client writes."""

import asyncio
from pathlib import Path
from typing import Final

import explorer
from tests.tui.store_helpers import fill
from tests.tui.terminal import Terminal

COUNT: Final = 200
"""More keys than fit into a transaction of etcd."""


def _apply(terminal: Terminal) -> None:
    terminal.press("ctrl+s")
    terminal.shows(f"Apply {COUNT} changes?")
    terminal.press("y")
    terminal.hides(f"Apply {COUNT} changes?")


async def _count(url: str) -> int:
    async with explorer.open(url) as store:
        return len([entry async for entry in store.walk("")])


async def _delete(url: str, key: str) -> None:
    async with explorer.open(url) as store:
        await store.delete(key)


def test_conflict_in_a_plan_is_named_and_gone_on_from(place: str, tmp_path: Path) -> None:
    """Nothing is changed before all keys are as planned; then the plan is applied, and all of it is taken back."""
    fill(place, **{f"app/{number:03}": "ours" for number in range(COUNT)})
    with Terminal("--write", place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "app/")
        terminal.press("C")
        terminal.shows("Copy app to")
        terminal.type("-new")
        terminal.shows("app-new")
        terminal.press("enter")
        terminal.shows(f"{COUNT} to create")
        fill(place, **{"app-new/150": "theirs"})
        _apply(terminal)
        terminal.shows(f"0 of {COUNT} changes done", "app-new/150: the key exists now", "nothing was changed")
        assert asyncio.run(_count(place)) == COUNT + 1
        asyncio.run(_delete(place, "app-new/150"))
        _apply(terminal)
        terminal.shows(f"all {COUNT} changes done")
        assert asyncio.run(_count(place)) == 2 * COUNT
        terminal.press("u")
        terminal.shows("Plan: undo", f"{COUNT} to delete")
        _apply(terminal)
        terminal.shows("Plan: undo", f"all {COUNT} changes done")
        assert asyncio.run(_count(place)) == COUNT
