import gc
from inspect import CORO_CLOSED, getcoroutinestate

import pytest

from explorer.session.jobs import Jobs


async def _nothing() -> None:
    pass


@pytest.mark.parametrize("on_failure", [None, lambda _error, _name: None], ids=["raising", "reporting"])
async def test_job_replaced_before_it_began_is_closed(on_failure: None) -> None:
    """Python would write to the terminal that it was never awaited."""
    jobs = Jobs(on_failure)
    first, second = _nothing(), _nothing()
    async with jobs.task_group():
        jobs.replace(first, name="read")
        jobs.replace(second, name="read")
        await jobs.join()
    assert getcoroutinestate(first) == getcoroutinestate(second) == CORO_CLOSED
    gc.collect()
