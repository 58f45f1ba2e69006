"""Builds Consul's HTTP requests with py-consul, which sends nothing.

py-consul's API takes an HTTP client. The client here returns each request as a value: so py-consul's knowledge of
Consul's requests is used, and nothing of its timeouts, redirects or environment. `answers` parses the answers, because
py-consul does not check them.
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
    """A request, with the function that parses its answer."""

    method: str
    path: str
    parameters: tuple[tuple[str, object], ...]
    body: bytes | None
    read: Callable[[http.Response], Read_co]

    def to_http(self, scope: Mapping[str, str]) -> http.Request:
        """Return the HTTP request, with the parameters of a scope such as the datacenter."""
        query = urlencode([*self.parameters, *scope.items()])
        path = quote(self.path, safe="/:")
        return http.Request(self.method, f"{path}?{query}" if query else path, self.body)


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A request as py-consul builds it, without a parser for its answer."""

    method: str
    path: str
    parameters: tuple[tuple[str, object], ...]
    body: bytes | None = None

    def with_reader(self, read: Callable[[http.Response], Read_co]) -> ApiRequest[Read_co]:
        """Return the request with the function that parses its answer."""
        return ApiRequest(self.method, self.path, self.parameters, self.body, read)


class RequestBuilder(base.HTTPClient):  # type: ignore[misc] # py-consul has no types
    """An HTTP client for py-consul that returns the requests instead of sending them."""

    def get(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Return a GET request."""
        return RequestDraft("GET", path, tuple(params or ()))

    def put(
        self, _read: object, path: str, params: Parameters | None = None, data: str | bytes = "", **_: object
    ) -> RequestDraft:
        """Return a PUT request."""
        return RequestDraft("PUT", path, tuple(params or ()), data.encode() if isinstance(data, str) else data)

    def delete(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Return a DELETE request."""
        return RequestDraft("DELETE", path, tuple(params or ()))

    def post(self, _read: object, path: str, params: Parameters | None = None, **_: object) -> RequestDraft:
        """Return a POST request; the key-value API has none, but py-consul's base class asks for the method."""
        return RequestDraft("POST", path, tuple(params or ()))

    def close(self) -> None:
        """Do nothing: there is no connection."""


class RequestApi(base.Consul):  # type: ignore[misc] # py-consul has no types
    """py-consul's API over `RequestBuilder`. The token and the datacenter are added when a request is sent."""

    def __init__(self) -> None:
        super().__init__("agent", 0, scheme="http", verify=True)
        self.token = None  # py-consul has read it from a variable

    def http_connect(self, *_: object, **__: object) -> RequestBuilder:
        """Return the client."""
        return RequestBuilder()


API: Final = RequestApi()
"""Builds all requests; has no state."""
