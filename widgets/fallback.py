"""Output without a kernel, such as in a repository's page: counts and names of the top level, escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
from typing import Final

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.keytree.nodes import Node
from explorer.session.session import Session
from widgets.live_session import LiveSession

_MAX_NAMES: Final = 20
"""Maximum number of names that are listed."""
_MAX_VALUE: Final = 80
"""Bytes of a value that are shown."""
_NO_VALUES: Final[Mapping[str, str]] = {}


def html_fallback(live: LiveSession, *, values: bool = False) -> str:
    """Return a plain list of the top level.

    Args:
        live: Session to show.
        values: Whether to show the beginnings of the values, too; they are read now.
    """
    return "<p>The widget is closed.</p>" if live.is_closed else live.run(_html(live.session, values=values))


async def _html(session: Session, *, values: bool) -> str:
    """Return the list; on the session's loop, which changes the tree."""
    tree = session.tree
    level = tree.rows.root.branch
    nodes = [] if level is None else list(islice(level, _MAX_NAMES))
    more = 0 if level is None else len(level) - len(nodes)
    shown = await _values(session, nodes) if values else _NO_VALUES
    count = pluralize(tree.rows.loaded, "key or folder", "keys or folders")
    heading = f"{sanitize(session.address)}: {count} loaded, when this was run"
    items = "".join(f"<li>{_item(node, tree.separator, shown.get(node.name))}</li>" for node in nodes)
    if more:
        items += f"<li>and {more:,} more</li>"
    return f"<div><p>{escape(heading)}. Run the cell to explore the store.</p><ul>{items}</ul></div>"


def _item(node: Node, separator: str, value: str | None) -> str:
    name = escape(sanitize(node.name) + (sanitize(separator) if node.has_children else ""))
    return f"<code>{name}</code>" + ("" if value is None else f" <code>{escape(value)}</code>")


async def _values(session: Session, nodes: Sequence[Node]) -> Mapping[str, str]:
    """Return the beginnings of values by the names of their keys; nothing of those that cannot be read."""
    found: dict[str, str] = {}
    try:
        for node in nodes:
            if node.has_value:
                value = (await session.connection.store.get(session.tree.rows.key(node))).value or b""
                found[node.name] = sanitize(value[:_MAX_VALUE]) + ("…" if len(value) > _MAX_VALUE else "")
    except ExplorerError:
        return found
    return found
