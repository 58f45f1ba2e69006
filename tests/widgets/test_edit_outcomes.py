"""Outcomes of edits that are left, closed, expired, or whose answer is lost: nothing typed is lost."""

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from explorer.blocking.portal import portal
from explorer.model.address import Access
from explorer.model.errors import KeyNotFound
from explorer.session.editing.drafts import Drafts
from explorer.session_opener import OpenedSession, open_session
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import prefix, shared_etcd
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import wait_until
from tests.session.failing_store import FailingPlace
from tests.widgets.conftest import SharedMemory
from tests.widgets.editor_page import EditorPage, begin, stored
from widgets import Explorer, live_session

__all__ = ["prefix", "shared_etcd"]


@pytest.fixture
def etcd_version() -> str:
    """One version will do: what differs is the driver's, and tested there."""
    return "3.5"


@pytest.fixture
def etcd_proxy(shared_etcd: EtcdServer) -> Generator[FaultProxy]:
    """A proxy to a real etcd, on the portal's loop."""
    proxy = FaultProxy(shared_etcd.client_port)
    portal().run(proxy.__aenter__())
    yield proxy
    portal().run(proxy.__aexit__())


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> FailingPlace:
    """Return a keyspace that `memory:` opens in the widgets of this test, whose saves wait or fail on demand."""
    place = FailingPlace()

    def open_failing(*arguments: Any, **options: Any) -> OpenedSession:
        opened = open_session(*arguments, **options)
        opened.session._open = place.connect  # noqa: SLF001 - no option for a test's store
        return opened

    monkeypatch.setattr(live_session, "open_session", open_failing)
    return place


@pytest.fixture
def draft_folder(tmp_path: Path) -> Path:
    """Return the folder of this test's drafts."""
    return tmp_path / "state" / "keyscope" / "drafts"


def texts(folder: Path, store: str = "memory:") -> list[str]:
    """Return the texts of the drafts on disk."""
    return [draft.text for draft in Drafts(folder).list_drafts(store)]


def begin_held(make: Callable[..., Any], failing: FailingPlace) -> EditorPage:
    """Begin an edit whose save waits for `release`."""

    async def put() -> None:
        async with failing.other() as store:
            await store.put("key", b"text")
        failing.main.hold = asyncio.Event()

    page = EditorPage(make(Explorer, "memory:", write=True))
    page.open_panes()
    page.wait_message("status", status="LIVE")
    portal().run(put())
    page.begin("key")
    return page


def release(failing: FailingPlace) -> None:
    """Let the save go on."""
    hold = failing.main.hold
    assert hold is not None
    portal().call_soon(hold.set)


def test_lost_answer_is_unknown_until_found_out(
    make: Callable[..., Any], etcd_proxy: FaultProxy, prefix: str, shared_etcd: EtcdServer
) -> None:
    """The page says that it is not known, never that it failed; once etcd answers again, that it is saved."""
    shared_etcd.put_keys([f"{prefix[1:]}key"])
    page = EditorPage(make(Explorer, f"etcd://{etcd_proxy.address}{prefix}", write=True, access=Access(timeout=0.5)))
    page.begin("key")
    page.review("after")
    portal().call_soon(lambda: etcd_proxy.drop_replies_to(b"after"))
    page.confirm()
    page.wait_line("not known whether this was saved")
    portal().call_soon(etcd_proxy.heal)
    page.wait_closed()
    page.wait(lambda: any("saved key" in one.get("text", "") for one in page.messages), "it says that it is saved")
    assert page.bodies["edit"] in {"after", ""}


@pytest.mark.parametrize("choice", ["Save without a TTL", "Do not save"])
def test_key_that_expired_asks_for_a_ttl(make: Callable[..., Any], memory: SharedMemory, choice: str) -> None:
    """Mine is saved with the TTL that a person chooses, or is still in the editor."""
    memory.run(lambda store: store.put("key", b"text", ttl=1.0))
    page = EditorPage(make(Explorer, "memory:", write=True))
    page.begin("key")
    page.type("mine")
    page.wait_line("expired meanwhile")
    page.review("mine", kind="conflict")
    page.perform("keep-mine", pane="comparison")
    page.choose(choice)
    if choice == "Do not save":
        page.wait_message("done")
        page.wait(lambda: page.edit["readonly"] is False, "the text can be edited on")
        assert page.edit["edit"] > 0
        with pytest.raises(KeyNotFound):
            stored(memory)
    else:
        page.wait_closed()
        assert stored(memory) == b"mine"
        assert memory.run(lambda store: store.get("key")).ttl is None


def test_edit_is_left_while_it_is_saved(make: Callable[..., Any], failing: FailingPlace, draft_folder: Path) -> None:
    """The save goes on, its draft is kept until then, and the page says what became of it."""
    page = begin_held(make, failing)
    page.review("mine")
    page.confirm()
    page.wait_line("saving")
    number = page.send("text", edit=page.edit["edit"], base=page.edit["body"], buffer=b"typed too late")
    assert "being saved" in page.wait_message("reply", id=number)["problem"]
    page.perform("back", pane="edit")
    page.wait_closed()
    page.wait_message("notice", text="key is still being saved; its draft is kept until then")
    assert texts(draft_folder) == ["mine"]
    release(failing)
    page.wait(lambda: any("saved key" in one.get("text", "") for one in page.messages), "it says that it is saved")
    wait_until(lambda: not texts(draft_folder), "the draft is removed")


def test_widget_is_closed_while_it_saves(make: Callable[..., Any], failing: FailingPlace, draft_folder: Path) -> None:
    """Closing does not wait for a store that does not answer, and keeps the text."""
    page = begin_held(make, failing)
    page.review("mine")
    page.confirm()
    page.wait_line("saving")
    page.widget.close()
    assert page.messages[-1]["type"] == "closed"
    assert texts(draft_folder) == ["mine"]


def test_draft_of_a_closed_widget_is_offered_again(
    make: Callable[..., Any], memory: SharedMemory, draft_folder: Path
) -> None:
    """As after a restart of the kernel or when the cell is run again: what was typed can be continued."""
    page = begin(make, memory, b"text")
    page.type("typed")
    page.widget.close()
    assert texts(draft_folder) == ["typed"]
    again = EditorPage(make(Explorer, "memory:", write=True))
    again.open_panes()
    again.send("go", text="key")
    again.wait(lambda: "facts" in again.list("value").head, "the value is shown")
    again.perform("edit", pane="value")
    again.choose("Continue the draft")
    again.wait(lambda: again.bodies.get("edit") == "typed", "the text is there again")
