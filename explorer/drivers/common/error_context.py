"""Address and key of errors, filled in once at the boundary of a store.

A driver raises errors that say what happened. The public calls of its store add which store and key that was about,
wherever the error does not say so itself.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar, cast

from explorer.model.errors import ExplorerError

PUBLIC_CALLS: Final = (
    "connect",
    "status",
    "ping",
    "get",
    "exists",
    "children",
    "children_before",
    "list",
    "walk",
    "walk_pages",
    "history",
    "put",
    "delete",
    "atomic_put",
    "atomic_delete",
    "transact",
    "delete_tree",
    "watch",
    "watch_tree",
    "lock",
    "locks",
)
"""The methods of a store whose errors get the context. The key, if there is one, is the first argument."""


class Redacted(Protocol):
    """A store or a lock with an address for messages."""

    @property
    def redacted(self) -> str:
        """The address without its secrets."""


Self = TypeVar("Self", bound=Redacted)
Params = ParamSpec("Params")
Result = TypeVar("Result")
Item = TypeVar("Item")


@contextmanager
def error_context(address: str, key: str | None) -> Generator[None, None, None]:
    """Fill in the address and key that an ExplorerError raised in the block lacks."""
    try:
        yield
    except ExplorerError as error:
        error.address = error.address or address
        if error.key is None:
            error.key = key
        raise


def add_error_context(store_type: type[Redacted]) -> None:
    """Wrap the public calls that a class of stores defines, so that their errors have an address and a key."""
    for name in PUBLIC_CALLS:
        if (method := vars(store_type).get(name)) is not None:
            setattr(store_type, name, with_error_context(method))


def with_error_context(
    method: Callable[Concatenate[Self, Params], Result],
) -> Callable[Concatenate[Self, Params], Result]:
    """Return a method whose errors have an address and a key: its first argument, or the key of the object."""
    default = _default_key(method)
    if iscoroutinefunction(method):

        @wraps(method)
        async def call_async(self: Self, *args: Params.args, **kwargs: Params.kwargs) -> object:
            with error_context(self.redacted, _key_of(self, default, *args, **kwargs)):
                return await cast("Callable[..., Awaitable[object]]", method)(self, *args, **kwargs)

        return cast("Callable[Concatenate[Self, Params], Result]", call_async)

    @wraps(method)
    def call(self: Self, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        key = _key_of(self, default, *args, **kwargs)
        with error_context(self.redacted, key):
            result = method(self, *args, **kwargs)
        return cast("Result", _items(result, self.redacted, key)) if isinstance(result, AsyncGenerator) else result

    return cast("Callable[Concatenate[Self, Params], Result]", call)


async def _items(items: AsyncGenerator[Item, None], address: str, key: str | None) -> AsyncGenerator[Item, None]:
    with error_context(address, key):
        async with aclosing(items):
            async for item in items:
                yield item


def _default_key(method: Callable[..., object]) -> str | None:
    """Return the default of a method's first argument, such as the empty prefix of `locks`."""
    for parameter in list(signature(method).parameters.values())[1:2]:
        return parameter.default if isinstance(parameter.default, str) else None
    return None


def _key_of(self: object, default: str | None, *args: object, **kwargs: object) -> str | None:
    key = args[0] if args else kwargs.get("key", kwargs.get("prefix", default))
    if not isinstance(key, str):
        key = getattr(self, "key", None)  # a lock has one
    return key if isinstance(key, str) else None
