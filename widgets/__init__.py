"""Notebook widgets on the live state of a store: the same session as in the terminal app.

    from widgets import Explorer
    Explorer("etcd://127.0.0.1:2379/config/")

Importing this package loads no driver, no client library and no widget library; its names do, at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from widgets.explorer import (
        ChangeLog,
        DifferenceList,
        Explorer,
        HitList,
        JournalView,
        KeyTree,
        LockInspector,
        ValueEditor,
        ValueView,
    )

__all__ = [
    "ChangeLog",
    "DifferenceList",
    "Explorer",
    "HitList",
    "JournalView",
    "KeyTree",
    "LockInspector",
    "ValueEditor",
    "ValueView",
]

_LIBRARIES: Final = ("anywidget", "ipywidgets", "traitlets", "IPython")


def __getattr__(name: str) -> object:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    try:
        module = import_module("widgets.explorer")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        message = f"the widgets need {error.name}: pip install 'keyscope[notebook]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    found: object = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return __all__
