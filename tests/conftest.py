"""Shared configuration of all tests: marks, hypothesis profile, and the capabilities that contract tests need."""

import gc
import re
import signal
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.scale import LONG, examples

# How long an example takes, or takes to be made, is for the machine to say. The short form tries the same examples each
# time, so that what it says of a change is due to the change; the long form looks for new ones.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=examples(100, 5_000),
    derandomize=not LONG,
)
settings.load_profile("patient")


_SERVER_FIXTURE: Final = re.compile(
    r"\b(own|shared)_(etcd|etcd2|consul|zookeeper|redis|valkey|server)\b|\w+_cluster\b|\b(browser|jupyter_server|kernels|shared_kernel)\b"
)
"""The fixtures that start a server, a browser or a kernel."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server, and what has a long form: properties, and the modules that choose their figures.

    Tests that let time pass are left out where a class of the contract says so: another one runs them.
    """
    untimed = [item for item in items if not getattr(getattr(item, "cls", None), "run_timed", True)]
    left_out = {item for item in untimed if item.get_closest_marker("timed")}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if _SERVER_FIXTURE.search(" ".join(getattr(item, "fixturenames", ()))):
            item.add_marker("servers")
        test = item.obj if isinstance(item, pytest.Function) else None
        if (
            getattr(test, "is_hypothesis_test", False)
            or {"figure", "examples"} & vars(getattr(item, "module", None) or item).keys()
        ):
            item.add_marker("long")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a background job; what is started here inherits it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "needs(*capabilities): the store declares all of these, else the test is skipped"
    )
    config.addinivalue_line("markers", "timed: lets time pass, which a real store takes in full")
    config.addinivalue_line("markers", "lacks(capability): the store does not declare this, else the test is skipped")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exclude modules and collected tests from garbage collections: they stay, and there are many of them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Collect once, so that warnings of unreachable objects come; pytest would search the whole heap five times."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
