"""Fixtures of the notebook tests: one Jupyter server and one browser per worker, a context and a kernel per test.

Playwright's objects and the channels of a kernel belong to an event loop, so all coroutines here run on the loop of the
test session.
"""

import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from pytest_asyncio import is_async_test

from tests.notebook.browser import launch_browser
from tests.notebook.frontend import Frontend
from tests.notebook.jupyter_server import JupyterServer
from tests.notebook.kernel import Kernel, KernelPool
from tests.notebook.notebook_page import App
from tests.notebook.page_pool import PagePool
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import (
    own_etcd,
    prefix,
    session_server,
    shared_consul,
    shared_etcd,
    shared_zookeeper,
    show_output,
)

__all__ = ["own_etcd", "prefix", "shared_consul", "shared_etcd", "shared_zookeeper"]

_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the coroutines of this folder on the loop of the session."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture
def etcd_version() -> str:
    """One version will do: what differs is the driver's, and tested there."""
    return "3.5"


@pytest.fixture
def place(shared_etcd: EtcdServer, prefix: str) -> str:
    """The URL of a corner of the server that no other test looks into."""
    return f"etcd://{shared_etcd.address}{prefix}"


@pytest.fixture
def jupyter_server(request: pytest.FixtureRequest) -> Iterator[JupyterServer]:
    """The session's Jupyter server; what it said is shown if the test fails."""
    server = session_server(request, JupyterServer, "jupyter", JupyterServer)
    yield server
    if request.node.stash.get(_FAILED, False):
        show_output(server)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The session's browser."""
    async with launch_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pages(browser: Browser) -> AsyncIterator[PagePool]:
    """The session's pages."""
    async with PagePool(browser) as pages:
        yield pages


@pytest_asyncio.fixture(loop_scope="session")
async def frontend(
    request: pytest.FixtureRequest, pages: PagePool, jupyter_server: JupyterServer, tmp_path: Path
) -> AsyncIterator[Frontend]:
    """Opens notebooks in the browser; a failing test leaves screenshots and the consoles in its `tmp_path`."""
    async with Frontend(pages, jupyter_server) as frontend:
        yield frontend
        if request.node.stash.get(_FAILED, False):
            for notebook in frontend.notebooks:
                notebook.reusable = False
            for file in await frontend.save_failure(tmp_path):
                sys.stdout.write(f"in pytest's temporary folder: {file.relative_to(tmp_path.parents[1])}\n")


@pytest.fixture(params=App, ids=lambda app: app.name.lower())
def app(request: pytest.FixtureRequest) -> App:
    """JupyterLab and Notebook 7 in turn."""
    app: App = request.param
    return app


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kernels() -> AsyncIterator[KernelPool]:
    """The session's kernels: the next one starts while a test uses its own."""
    async with KernelPool() as kernels:
        yield kernels


@pytest_asyncio.fixture(loop_scope="session")
async def kernel(request: pytest.FixtureRequest, kernels: KernelPool) -> AsyncIterator[Kernel]:
    """A kernel that no other test has used; what it wrote to its terminal is shown if the test fails."""
    async with await kernels.take() as kernel:
        yield kernel
        if request.node.stash.get(_FAILED, False):
            sys.stdout.write(f"--- the kernel said:\n{kernel.terminal}\n")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_kernel() -> AsyncIterator[Kernel]:
    """The session's kernel with the extension `explorer`, for tests that leave it as it was."""
    async with Kernel() as kernel:
        await kernel.launch()
        await kernel.connect()
        await kernel.execute("%load_ext explorer")
        yield kernel
        assert kernel.terminal == ""
