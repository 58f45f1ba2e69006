"""ZooKeeper's four-letter words (administrators' commands), each sent on its own connection.

A server answers only those that its configuration lists (4lw.commands.whitelist; by default `srvr` alone).
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.common.tls import ssl_context
from explorer.drivers.zookeeper.settings import ZooKeeperSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, Forbidden, NotReachable
from explorer.model.sanitize import sanitize

_NOT_IN_WHITELIST: Final = "is not in the whitelist"
_NO_QUORUM: Final = "not currently serving requests"
_MAX_ANSWER: Final = 2**24
"""Bytes of an answer that are read; no ZooKeeper server sends more."""


@dataclass(frozen=True, slots=True)
class FourLetterWords:
    """Sends commands to the servers of an address."""

    settings: ZooKeeperSettings

    async def send(self, word: str) -> dict[Host, str | ExplorerError]:
        """Return the answer or error of each server."""
        return await gather_results(self.settings.hosts, lambda host: self.send_to(host, word))

    async def get_admin(self, command: str) -> list[str]:
        """Return the JSON answers of those servers that have an AdminServer, on its own port (`?admin=`)."""
        answers = await gather_results(self.settings.hosts, lambda host: self._get_admin_from(host, command))
        return [answer for answer in answers.values() if isinstance(answer, str) and answer]

    async def _get_admin_from(self, host: Host, command: str) -> str:
        request = f"GET /commands/{command} HTTP/1.0\r\nHost: {host.name}\r\n\r\n"
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                answer = await _exchange(host.name, self.settings.admin, request.encode())
        except (OSError, TimeoutError):
            return ""
        head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
        return body if " 200 " in head.partition("\r\n")[0] else ""

    async def send_to(self, host: Host, word: str) -> str:
        """Return the answer of one server.

        Raises:
            NotReachable: The server does not answer, or has no quorum.
            Forbidden: The server does not permit the command.
        """
        access = self.settings.access
        tls: ssl.SSLContext | None = None
        if self.settings.address.tls:
            tls = ssl_context(access)
        name = (access.server_name or host.name) if tls else None
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                answer = sanitize(await _exchange(host.name, host.port, word.encode(), tls, name), multiline=True)
        except (OSError, TimeoutError) as error:
            raise NotReachable(os.strerror(error.errno) if error.errno else "no answer") from error
        if _NOT_IN_WHITELIST in answer:
            raise Forbidden(
                f"the server does not permit {word!r}", hint=f"its administrator can: 4lw.commands.whitelist={word}"
            )
        if _NO_QUORUM in answer:
            raise NotReachable("the server has no quorum")
        return answer


async def _exchange(
    host: str, port: int | None, request: bytes, tls: ssl.SSLContext | None = None, name: str | None = None
) -> bytes:
    """Return the answer to a request on a new connection."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
    try:
        writer.write(request)
        await writer.drain()
        answer = bytearray()
        while len(answer) < _MAX_ANSWER and (chunk := await reader.read(_MAX_ANSWER)):
            answer += chunk
        return bytes(answer)
    finally:
        writer.transport.abort()
