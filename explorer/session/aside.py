"""One thread of a session's own, for work that would hold up everything else; jobs run one after the other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Aside:
    """The thread; it exists from the first job on until `close`."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, act: Callable[Given, Answer], /, *given: Given.args, **named: Given.kwargs) -> Answer:
        """Run a function there; one that has begun runs to its end even if whoever waits is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(act, *given, **named))

    def close(self, *, wait: bool = False) -> None:
        """End the thread once it is through with what it is at.

        Args:
            wait: Let what was asked for be done first, and wait for it; else it is dropped.
        """
        self._threads.shutdown(wait=wait, cancel_futures=not wait)
