"""Texts about the tree of keys: its title, and what stands in place of its rows; all sanitised."""

from dataclasses import dataclass

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.keytree.nodes import LevelState
from explorer.session.keytree.tree import Tree
from explorer.session.session import Session
from explorer.session.states import LivenessStatus


@dataclass(frozen=True, slots=True)
class TreeNotice:
    """A text, or an error, in place of rows."""

    text: str = ""
    error: ExplorerError | None = None
    """Error that a view shows with its hint."""


def tree_title(tree: Tree) -> str:
    """Return the progress of the filter, or the number of loaded rows; "" if there is nothing to count."""
    if tree.filter.progress is not None:
        return str(tree.filter.progress)
    return f"{pluralize(tree.rows.loaded, 'row')} loaded" if tree.rows.loaded else ""


def tree_notice(session: Session) -> TreeNotice | None:
    """Return what stands in place of rows; None if there are rows.

    The first call for a store without keys starts the search for keys nearby.
    """
    tree, error = session.tree, session.connection.error
    progress = tree.filter.progress
    is_unread = not tree.rows.loaded and tree.rows.root.load_state is not LevelState.LOADED
    if is_unread and error is not None:
        return TreeNotice(error=error)
    if is_unread and session.liveness.status is LivenessStatus.DISCONNECTED:
        return TreeNotice("connecting …")
    if len(tree.rows):
        return None
    if progress is not None:
        return TreeNotice(progress.notice)
    if is_unread:
        return TreeNotice("reading …")
    session.find_nearby_keys()
    how = _how_to_create(session)
    if session.lookup.nearby is None:
        return TreeNotice(f"No keys here. {how}".rstrip())
    text = sanitize(f"Nothing is stored below {session.address}, but {session.lookup.nearby}.")
    return TreeNotice(text if session.writable else f"{text} {how}".rstrip())


def _how_to_create(session: Session) -> str:
    """Return how a key is created, with the keys of this person; "" where nothing can be written."""
    create = session.actions["new"].key_hint(Place.TREE)
    if session.writable:
        return f"{create or 'The command New'} creates one."
    if not session.is_lockable:
        return ""
    unlock = session.actions["writing"].key_hint(Place.TREE)
    return f"{unlock or 'The command Writing'} unlocks writing, then {create or 'the command New'} creates one."
