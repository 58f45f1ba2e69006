"""`App.action_perform`: what a key does, once it is known whether that is enabled."""

import pytest

from explorer.codecs.codecs import Codecs
from explorer.session.session import Session
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing


async def test_save_asks_once_whether_it_is_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screens start what the app has found enabled."""
    place, asked = Place(), list[str]()
    disabled_reason = Session.disabled_reason

    def count(session: Session, name: str) -> str | None:
        asked.append(name)
        return disabled_reason(session, name)

    async with place.other() as store:
        await store.put("app", b"old")
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("e", "n", "e", "w")
            monkeypatch.setattr(Session, "disabled_reason", count)
            page.app.action_perform("save")
            assert asked == ["save"]
            await page.shows("Save app?")
            asked.clear()
            page.app.action_perform("save")
            assert asked == ["save"]
            await page.hides("Save app?")
        assert (await store.get("app")).value == b"newold"
