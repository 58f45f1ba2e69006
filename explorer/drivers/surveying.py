"""Asking every endpoint of a store how it is; that one does not answer is an answer too."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from explorer.model.address import Host
from explorer.model.errors import ExplorerError

Answer = TypeVar("Answer")

PATIENCE: Final = 2.0
"""Seconds that each endpoint has to say how it is; all are asked at once, so a dead one delays the answer once."""


async def everywhere(
    hosts: Iterable[Host], ask: Callable[[Host], Awaitable[Answer]]
) -> dict[Host, Answer | ExplorerError]:
    """Ask all endpoints the same, and give what each answered or failed with."""

    async def answer(host: Host) -> Answer | ExplorerError:
        try:
            return await ask(host)
        except ExplorerError as error:
            return error

    async with asyncio.TaskGroup() as group:
        asked = {host: group.create_task(answer(host)) for host in hosts}
    return {host: task.result() for host, task in asked.items()}
