"""py-consul, made to write requests and read answers, and to send nothing.

The library's API takes an HTTP client. The one here hands each request over as a value, with the function that reads
its answer: so what py-consul knows of Consul is used, and nothing of its time limits, redirects or environment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from consul import base

from explorer.drivers import http

Read_co = TypeVar("Read_co", covariant=True)
Parameters: TypeAlias = Sequence[tuple[str, object]]


class Response(NamedTuple):
    """An answer as py-consul reads it."""

    code: int
    headers: Mapping[str, str]
    body: bytes


Reading: TypeAlias = Callable[[Response], Any]
"""py-consul's own ways to read an answer; it says nothing of what they give."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Read_co]):
    """A request, and how its answer is read."""

    method: str
    path: str
    parameters: tuple[tuple[str, object], ...]
    body: bytes | None
    read: Callable[[Response], Read_co]

    def request(self, scope: Mapping[str, str]) -> http.Request:
        """Write it down, with what every request names besides."""
        parameters = urlencode([*self.parameters, *scope.items()])
        path = quote(self.path, safe="/:")
        return http.Request(self.method, f"{path}?{parameters}" if parameters else path, self.body)


class Scribe(base.HTTPClient):  # type: ignore[misc] # py-consul tells no types
    """An HTTP client to py-consul that makes questions of what it would send."""

    def get(self, callback: Reading, path: str, params: Parameters | None = None, **_: object) -> Question[object]:
        """Hand over a question."""
        return Question("GET", path, tuple(params or ()), None, callback)

    def put(
        self, callback: Reading, path: str, params: Parameters | None = None, data: str | bytes = "", **_: object
    ) -> Question[object]:
        """Hand over a request to write."""
        body = data.encode() if isinstance(data, str) else data
        return Question("PUT", path, tuple(params or ()), body, callback)

    def delete(self, callback: Reading, path: str, params: Parameters | None = None, **_: object) -> Question[object]:
        """Hand over a request to delete."""
        return Question("DELETE", path, tuple(params or ()), None, callback)

    def post(self, callback: Reading, path: str, params: Parameters | None = None, **_: object) -> Question[object]:
        """Hand over a request of a kind that Consul's key-value store does not know."""
        return Question("POST", path, tuple(params or ()), None, callback)

    def close(self) -> None:
        """Close nothing: there is no connection."""


class Api(base.Consul):  # type: ignore[misc] # py-consul tells no types
    """py-consul's API over a client that sends nothing. Who asks, and in which datacenter, is added when it is sent."""

    def __init__(self) -> None:
        super().__init__("agent", 0, scheme="http", verify=True)
        self.token = None  # which py-consul has read from a variable

    def http_connect(self, *_: object, **__: object) -> Scribe:
        """Give the client."""
        return Scribe()


API: Final = Api()
"""Writes every request; holds no state."""
