"""py-consul, made to write requests and to send nothing.

The library's API takes an HTTP client. The one here hands each request over as a value: so what py-consul knows of
Consul's requests is used, and nothing of its time limits, redirects or environment. Answers are read by `answers`,
because py-consul believes whatever comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from consul import base

from explorer.drivers.common import http

Read_co = TypeVar("Read_co", covariant=True)
Parameters: TypeAlias = Sequence[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[Read_co]):
    """A request, and how its answer is read."""

    method: str
    path: str
    parameters: tuple[tuple[str, object], ...]
    body: bytes | None
    read: Callable[[http.Answer], Read_co]

    def request(self, scope: Mapping[str, str]) -> http.Request:
        """Write it down, with what every request names besides."""
        parameters = urlencode([*self.parameters, *scope.items()])
        path = quote(self.path, safe="/:")
        return http.Request(self.method, f"{path}?{parameters}" if parameters else path, self.body)


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A request as py-consul writes it."""

    method: str
    path: str
    parameters: tuple[tuple[str, object], ...]
    body: bytes | None = None

    def question(self, read: Callable[[http.Answer], Read_co]) -> ApiRequest[Read_co]:
        """Make a question of it, given how its answer is read."""
        return ApiRequest(self.method, self.path, self.parameters, self.body, read)


class RequestBuilder(base.HTTPClient):  # type: ignore[misc] # py-consul tells no types
    """An HTTP client to py-consul that hands over what it would send."""

    def get(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Hand over a request to read."""
        return RequestDraft("GET", path, tuple(params or ()))

    def put(
        self, _read: object, path: str, params: Parameters | None = None, data: str | bytes = "", **_: object
    ) -> RequestDraft:
        """Hand over a request to write."""
        return RequestDraft("PUT", path, tuple(params or ()), data.encode() if isinstance(data, str) else data)

    def delete(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Hand over a request to delete."""
        return RequestDraft("DELETE", path, tuple(params or ()))

    def post(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Hand over a request of a kind that Consul's key-value store does not know."""
        return RequestDraft("POST", path, tuple(params or ()))

    def close(self) -> None:
        """Close nothing: there is no connection."""


class RequestApi(base.Consul):  # type: ignore[misc] # py-consul tells no types
    """py-consul's API over a client that sends nothing. Who asks, and in which datacenter, is added when it is sent."""

    def __init__(self) -> None:
        super().__init__("agent", 0, scheme="http", verify=True)
        self.token = None  # which py-consul has read from a variable

    def http_connect(self, *_: object, **__: object) -> RequestBuilder:
        """Give the client."""
        return RequestBuilder()


API: Final = RequestApi()
"""Writes every request; holds no state."""
