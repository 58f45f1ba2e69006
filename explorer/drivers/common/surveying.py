"""Asking many at once, such as every endpoint of a store how it is; that one does not answer is an answer too."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Final, TypeVar

from explorer.model.errors import ExplorerError

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")

STATUS_TIMEOUT: Final = 2.0
"""Seconds that each endpoint has to say how it is; all are asked at once, so a dead one delays the answer once."""


async def gather_results(
    those: Iterable[Asked], ask: Callable[[Asked], Awaitable[Answer]]
) -> dict[Asked, Answer | ExplorerError]:
    """Ask all of them the same, and give what each answered or failed with."""

    async def answer(one: Asked) -> Answer | ExplorerError:
        try:
            return await ask(one)
        except ExplorerError as error:
            return error

    async with asyncio.TaskGroup() as group:
        asked = {one: group.create_task(answer(one)) for one in those}
    return {one: task.result() for one, task in asked.items()}


async def gather_bounded(
    those: Iterable[Asked], ask: Callable[[Asked], Awaitable[Answer]], *, limit: int
) -> dict[Asked, Answer]:
    """Return the answer for each, with at most `limit` requests under way at a time.

    Raises:
        ExplorerError: One of the requests failed.
    """
    free = asyncio.Semaphore(limit)

    async def ask_in_turn(one: Asked) -> Answer:
        async with free:
            return await ask(one)

    answers: dict[Asked, Answer] = {}
    for one, answer in (await gather_results(those, ask_in_turn)).items():
        if isinstance(answer, ExplorerError):
            raise answer
        answers[one] = answer
    return answers
