"""The pictures in screenshots/ are of the app as it is; `make screenshots` makes them again."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 30.0
"""Seconds that the app has to come to rest."""
FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
_spec = importlib.util.spec_from_file_location("screenshots.make", FOLDER / "make.py")
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


@pytest.fixture(autouse=True)
def _at_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv("TZ", "UTC")
        context.delenv("NO_COLOR", raising=False)
        context.delenv("TEXTUAL_THEME", raising=False)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.heavy
@pytest.mark.parametrize("name", list(make.SCENES))
async def test_screenshot_matches_app(name: str) -> None:
    """Waits for what is not drawn yet: the same scene is looked at again, and nothing done in it once more."""
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    act, size, theme = make.SCENES[name]
    title = f"keyscope demo: ({size[0]}x{size[1]})"
    async with make.scene(size, theme) as scene:
        await act(scene)
        await scene.locks_read()
        deadline = time.monotonic() + PATIENCE
        while (picture := scene.app.export_screenshot(title=title)) != kept and time.monotonic() < deadline:
            await scene.pilot.pause(0.1)
    assert picture == kept, f"{name}.svg is out of date: make screenshots, and look at it"


def test_screenshots_have_scenes() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == set(make.SCENES)
