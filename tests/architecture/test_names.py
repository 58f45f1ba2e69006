import inspect
from types import ModuleType
from typing import get_args

import pytest

import explorer
from explorer import api
from explorer.model import capabilities, entries, errors, events, locks, operations


def test_public_names_are_sorted_and_unique() -> None:
    assert list(api.__all__) == sorted(set(api.__all__))


@pytest.mark.parametrize("name", api.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(explorer, name) is getattr(api, name)
    assert name in dir(explorer)


@pytest.mark.parametrize("module", [capabilities, entries, errors, events, locks, operations])
def test_every_class_that_a_caller_meets_is_public(module: ModuleType) -> None:
    met = {
        name for name, found in vars(module).items() if inspect.isclass(found) and found.__module__ == module.__name__
    }
    assert met <= set(api.__all__)


def test_every_event_is_public() -> None:
    assert {event.__name__ for event in get_args(events.Event)} <= set(api.__all__)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = explorer.nothing_of_the_kind


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    """The docstring's indentation is the inheritance."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip(" │├└─").split(" ")[0]
        if not isinstance(vars(errors).get(name), type):
            continue
        depth = (len(line) - len(line.lstrip(" │├└─"))) // 4
        path[depth - 1 :] = [name]
        drawn[name] = path[depth - 2] if depth > 1 else "Exception"
    classes = {name: found for name, found in vars(errors).items() if inspect.isclass(found)}
    assert drawn == {name: found.__mro__[1].__name__ for name, found in classes.items() if issubclass(found, Exception)}
