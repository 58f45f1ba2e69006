"""Optional dependencies: an error that names the extra, and the progress bar of tqdm."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from explorer.model.errors import ExtraNotInstalled

if TYPE_CHECKING:
    from tqdm import tqdm

PROGRESS_DELAY: Final = 1.0
"""Seconds before a bar is shown."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra is missing if the imports in the block fail.

    Raises:
        ExtraNotInstalled: One of them is missing.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "a module").partition(".")[0]
        raise ExtraNotInstalled(
            f"{package} is not installed: pip install 'keyscope[{name}]'", hint=f"pip install 'keyscope[{name}]'"
        ) from error


@contextmanager
def progress_bar(description: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield the function that counts items done.

    Args:
        description: Activity, at the left of the bar.
        unit: Name of the items in the plural.
    """
    bar_type = _bar_type()
    if bar_type is None:
        yield lambda _: None
        return
    with bar_type(desc=description, unit=f" {unit}", delay=PROGRESS_DELAY, leave=False) as bar:
        yield bar.update


def _bar_type() -> "Callable[..., tqdm[NoReturn]] | None":
    """Return the bar of a notebook or a terminal, or None if there is neither, or no tqdm."""
    if not _is_visible():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets a notebook's bar is text
        try:
            from tqdm.auto import tqdm  # noqa: PLC0415 - optional
        except ImportError:
            return None
    return tqdm


def _is_visible() -> bool:
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if get_shell is not None and hasattr(get_shell(), "kernel"):
        return True
    return sys.stderr is not None and sys.stderr.isatty()
