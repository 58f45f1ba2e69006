"""Writes the table of what each store can do into docs/library.md, from the drivers: `make capabilities`."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from explorer.drivers.base import Store
from explorer.drivers.registry import DRIVERS, driver
from explorer.model import capabilities
from explorer.model.address import parse
from explorer.model.capabilities import Capability

PAGE = Path(__file__).with_name("library.md")
_LAYOUTS = {
    "bolt flat": "bolt:///file.db?layout=cn-infra",
    "file": "file:///folder?layout=folder",
    "file FileDB": "file:///file.json?layout=filedb",
    "file document": "file:///file.json?layout=document",
}
"""Layouts of files, each with its own class; in a flat one of BoltDB all keys are in one bucket."""
_BLOCK = re.compile(r"(?s)(<!-- capabilities[^\n]*\n).*(<!-- /capabilities)")


def stores() -> dict[str, type[Store]]:
    """Return the classes of the stores by scheme, and by layout; `demo:` is `memory:` with data."""
    urls = {scheme: f"{scheme}://host/" for scheme in DRIVERS if scheme not in ("demo", "file")}
    found = {name: driver(parse(url)) for name, url in sorted({**urls, **_LAYOUTS}.items())}
    return {scheme: kind for scheme, kind in found.items() if isinstance(kind, type) and issubclass(kind, Store)}


def meanings() -> dict[str, str]:
    """Return what each capability means, by its name: the first sentence of its docstring, without the full stop."""
    (flag,) = ast.parse(inspect.getsource(capabilities.Capability)).body
    body = flag.body if isinstance(flag, ast.ClassDef) else []
    found = {}
    for assignment, docstring in pairwise(body):
        match assignment, docstring:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split(". ")[0].removesuffix(".").split())
    return found


def table() -> str:
    """Return the table of the capabilities by store, and a second one with the reasons for what is missing."""
    return "\n".join([*_rows(), "", *_reasons(), ""])


def _rows() -> Iterator[str]:
    kinds, explained = stores(), meanings()
    yield f"| `Capability` | | {' | '.join(map(_title, kinds))} |"
    yield "|---|---|" + "---|" * len(kinds)
    for capability in sorted(Capability, key=lambda each: each.name or ""):
        cells = ("yes" if capability in kind.capabilities else "no" for kind in kinds.values())
        yield f"| `{capability.name}` | {explained[capability.name or '']} | {' | '.join(cells)} |"
    limits = (str(kind.max_operations or "no limit") for kind in kinds.values())
    has_transactions = (Capability.TRANSACTIONS in kind.capabilities for kind in kinds.values())
    cells = (limit if has else "no" for limit, has in zip(limits, has_transactions, strict=True))
    yield f"| `max_operations` | Operations that fit into a transaction | {' | '.join(cells)} |"
    layouts = (", ".join(kind.lock_layouts) or "no" for kind in kinds.values())
    yield f"| `lock_layouts` | Layouts in which a lock can be taken | {' | '.join(layouts)} |"


def _reasons() -> Iterator[str]:
    yield "| store | lacks | because |"
    yield "|---|---|---|"
    for scheme, kind in stores().items():
        for capability, reason in sorted(kind.unsupported_reasons.items(), key=lambda item: item[0].name or ""):
            yield f"| {_title(scheme)} | `{capability.name}` | {reason} |"


def _title(name: str) -> str:
    scheme, _, layout = name.partition(" ")
    return f"`{scheme}:` {layout}".rstrip()


def page() -> str:
    """Return the page with the table as it has to be."""
    return _BLOCK.sub(lambda found: found[1] + table() + found[2], PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
