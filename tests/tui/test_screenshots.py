"""The pictures in screenshots/ are of the app as it is; `make screenshots` makes them again."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", list(make.SCENES))
async def test_the_picture_is_of_the_app_as_it_is(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert await make.picture(name) == kept, f"{name}.svg is out of date: make screenshots, and look at it"


def test_there_is_no_picture_of_anything_else() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == set(make.SCENES)
