"""The tree in a page: keys, mouse, scrolling, live changes, and what happens to it when a server or a kernel ends."""

import asyncio

from explorer import open as open_store
from tests.notebook.frontend import Frontend
from tests.notebook.notebook_page import App
from tests.notebook.widget_view import WidgetView
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually

MANY = 3000
"""Keys of a level that is scrolled through; a page of it has 500."""
MAX_ROWS = 60
"""Maximum number of rows in the document."""

_OPEN_SESSIONS = (
    "[task.get_name() for task in __import__('asyncio').all_tasks("
    "__import__('explorer.blocking.portal').blocking.portal.portal()._loop)].count('heartbeats of the widgets')"
)


def explorer(place: str, options: str = "") -> str:
    """Return a cell that shows a store."""
    return f"from widgets import Explorer\nexplorer = Explorer({place!r}{options})\nexplorer"


async def test_tree_is_used_by_keys_and_mouse(frontend: Frontend, app: App, place: str) -> None:
    """Folders open and close, another client's changes are marked, and what is closed counts them."""
    async with open_store(place) as store:
        for key in ("config/db/host", "config/db/port", "service/olt-1"):
            await store.put(key, b"1")
        notebook = await frontend.open([explorer(place)], app=app)
        await notebook.run(0)
        view = WidgetView(notebook)
        await view.wait_header("LIVE")
        await view.wait_row("service/")
        assert await view.names() == ["config/", "service/"]
        await view.press("ArrowRight")
        await view.wait_row("db/")
        await view.press("j", "l")
        await view.wait_row("port")
        await view.press("j")
        await view.wait_cursor("host")
        await store.put("config/db/host", b"2")
        await view.row("host").locator(".ks-mark", has_text="~").wait_for()
        await view.press("h", "h")
        await view.row("host").wait_for(state="detached")
        await store.put("config/db/port", b"2")
        await view.row("db/").locator(".ks-below", has_text="±1").wait_for()
        await view.row("service/").locator(".ks-icon").click()
        await view.wait_row("olt-1")
        await view.row("service/").dblclick()
        await view.row("olt-1").wait_for(state="detached")
        assert await view.root.locator("[role=tree]").count() == 1
        assert await view.row("config/").get_attribute("aria-expanded") == "true"
        assert notebook.console.errors == []


async def test_wide_level_is_scrolled(frontend: Frontend, shared_etcd: EtcdServer, place: str, prefix: str) -> None:
    """Pages are read on the way; the end is reached at once; rows in the document stay few."""
    shared_etcd.put_keys(f"{prefix[1:]}k{number:05}" for number in range(MANY))
    notebook = await frontend.open([explorer(place)])
    await notebook.run(0)
    view = WidgetView(notebook)
    await view.wait_row("k00000")
    await view.press("End")
    await view.wait_row(f"k{MANY - 1:05}")
    assert await view.rows().count() < MAX_ROWS
    await view.press("Home")
    await view.wait_row("k00000")
    await view.pane().locator(".ks-scroller").hover()
    for _ in range(40):
        await view.page.mouse.wheel(0, 600)
        await view.page.wait_for_function("() => new Promise(done => requestAnimationFrame(() => done(true)))")

    async def is_further() -> bool:
        return min(await view.names(), default="") > "k00400"

    await eventually(is_further, "rows further down are shown")
    assert await view.rows().count() < MAX_ROWS
    async with open_store(place) as store:
        top = (await view.names())[0]
        for number in range(20):
            await store.put(f"a{number:02}", b"1")
        await view.wait_header("LIVE")
        assert (await view.names())[0] == top


async def test_server_kernel_and_page_come_and_go(frontend: Frontend, own_etcd: EtcdServer) -> None:
    """Nothing is taken for live without a server or a kernel; both views and a reloaded page go on."""
    own_etcd.put_keys(["a/1", "b"])
    place = f"etcd://{own_etcd.address}/"
    notebook = await frontend.open([explorer(place), "explorer"])
    await notebook.run_all()
    first, second = WidgetView(notebook), WidgetView(notebook, 1)
    await first.wait_header("LIVE")
    await second.wait_header("LIVE")
    await first.press("l")
    await second.wait_row("1")
    own_etcd.kill()
    await first.wait_header("DISCONNECTED")
    await second.wait_header("DISCONNECTED")
    await asyncio.to_thread(own_etcd.start)
    await first.wait_header("LIVE")
    own_etcd.put_keys(["a/2"])
    await first.wait_row("2")
    await notebook.save()
    await notebook.reload()
    await first.wait_header("LIVE")
    await first.wait_row("2")
    await first.press("j")
    await first.wait_cursor("1")
    await notebook.restart_kernel()
    await first.wait_header("KERNEL LOST")
    await notebook.run(0)
    await first.wait_header("LIVE")
    await first.wait_row("a/")
    await notebook.run(0)
    await first.wait_row("a/")
    assert await notebook.kernel_value(_OPEN_SESSIONS) == 1


async def test_saved_notebook_has_no_key(frontend: Frontend, place: str) -> None:
    """Not even if the state of widgets is saved; the output without a kernel has names of the top level, escaped."""
    async with open_store(place) as store:
        await store.put("canary-folder/canary-key", b"canary-value")
        await store.put("<img src=x onerror=document.title='canary'>", b"<script>document.title='canary'</script>")
        notebook = await frontend.open([explorer(place, ", write=True")])
        await notebook.set_save_widget_state(on=True)
        await notebook.run(0)
        view = WidgetView(notebook)
        await view.wait_row("canary-folder/")
        await view.press("ArrowDown", "ArrowRight")
        await view.wait_row("canary-key")
        await notebook.save()
        assert notebook.saved_widget_state()
        assert "canary" not in str(notebook.saved_widget_state())
        assert "canary-key" not in notebook.saved_text()
        assert "canary-value" not in notebook.saved_text()
        assert "<img" not in notebook.saved_text()
        assert await view.root.locator("img, script, iframe").count() == 0
        assert await notebook.page.title() != "canary"
