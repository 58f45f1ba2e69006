"""Questions and answers of a deletion as sanitised texts; a view passes the `name` of a key, shortened to its width."""

from collections.abc import Callable
from typing import Final, NamedTuple

from explorer.model.capabilities import Capability
from explorer.model.errors import Conflict, ExplorerError
from explorer.model.format import format_bytes, format_error
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.editing.deletion import DeletePlan
from explorer.session.session import Session
from explorer.session.states import Option, Tone

NOTHING_DELETED: Final = "nothing was deleted"
MORE_KEYS: Final = "… and more keys, which were not counted"
_ALL_OR_NOTHING: Final = "Nothing is deleted if a key below it changes before."
_ONE_BY_ONE: Final = "This store deletes key by key: keys that change before their turn stay, and so do new ones."
_ONE_KEY: Final = "The key is deleted only if it has not changed since."
_MAX_TYPED_WIDTH: Final = 40
"""Width of a name that has to be typed; for a longer one the number of entries has to be."""


class DeletionScope(NamedTuple):
    """Part of a folder to delete, see `Session.preview_deletion`."""

    subtree: bool
    """True if the keys below it are deleted."""
    with_key: bool = False
    """True if the folder's own key is deleted, too."""


def deletion_scopes(session: Session, key: str) -> list[Option[DeletionScope]]:
    """Return what of a key can be deleted; there is something to ask if there is more than one option."""
    node = session.tree.node(key)
    has_children = node is not None and node.has_children
    if node is None or not node.has_value or not has_children:
        return [Option("All keys below it" if has_children else "The key", DeletionScope(subtree=has_children))]
    options = [
        Option("All keys below it", DeletionScope(subtree=True), "the key itself stays"),
        Option(
            "The key and all keys below it",
            DeletionScope(subtree=True, with_key=True),
            "the key last",
        ),
    ]
    if Capability.DIRECTORIES not in session.store_capabilities:  # these cannot delete a node with children
        options.insert(0, Option("Only the key", DeletionScope(subtree=False), "the keys below it stay"))
    return options


def scope_question(name: str) -> str:
    """Return the question for one of the scopes."""
    return f"What of {name} should be deleted?"


def deletion_title(plan: DeletePlan, name: str) -> str:
    """Return what would be deleted, with the number of entries of a folder."""
    if not plan.subtree:
        return "Delete this key?"
    count = f"{'more than ' if plan.truncated else ''}{pluralize(plan.count, 'entry', 'entries')}"
    below = f"Everything below {name}" if plan.entry is None else f"{name} and everything below it"
    return f"{below}: {count}"


def deletion_facts(plan: DeletePlan, address: str) -> list[tuple[str, Tone]]:
    """Return what is to be known before a confirmation beside the keys: facts of a single key, store, condition."""
    facts: list[tuple[str, Tone]] = []
    entry = None if plan.subtree else plan.entry
    if entry is not None:
        revision = sanitize(str(entry.revision))
        facts.append((f"{format_bytes(len(entry.value or b''))}, rev {revision}", Tone.PLAIN))
        if entry.lease:
            facts.append((sanitize(f"attached to lease {entry.lease}"), Tone.WARNING))
    return [*facts, (sanitize(f"in {address}"), Tone.QUIET), (deletion_condition(plan), Tone.QUIET)]


def deletion_condition(plan: DeletePlan) -> str:
    """Return what happens to keys that change after the preview."""
    if not plan.subtree:
        return _ONE_KEY
    return _ALL_OR_NOTHING if plan.one_by_one is None else _ONE_BY_ONE


def confirmation_word(plan: DeletePlan, separator: str, *, measure: Callable[[str], int] = len) -> str | None:
    """Return what has to be typed to delete a folder: its name, or the number of entries; None for a single key.

    Args:
        plan: The deletion.
        separator: The separator of the store's keys.
        measure: Returns the width of a text.
    """
    if not plan.subtree:
        return None
    name = sanitize(plan.key.rpartition(separator)[2] or plan.prefix)  # some have the empty name
    return name if measure(name) <= _MAX_TYPED_WIDTH else str(plan.count)


def changed_question(name: str) -> str:
    """Return the question what to do with a folder that changed since the preview."""
    return f"{name} changed since the preview; nothing was deleted"


def deletion_word(plan: DeletePlan) -> str:
    """Return the word of the button that deletes."""
    return "Delete all" if plan.subtree else "Delete"


def changed_options(plan: DeletePlan) -> list[Option[DeletePlan | None]]:
    """Return the options after a conflict: None deletes nothing, a plan the rest; no options if there is no choice."""
    rest = plan.as_one_by_one() if plan.subtree and plan.one_by_one is None else None
    if rest is None:
        return []
    return [
        Option("Delete nothing", None),
        Option("Delete the previewed entries one by one", rest, "new and changed ones stay"),
    ]


def deletion_failure(error: ExplorerError) -> str:
    """Return why a deletion failed."""
    text = sanitize(format_error(error))
    return f"Nothing was deleted: {text}" if isinstance(error, Conflict) else text


def deletion_outcome(plan: DeletePlan, count: int) -> str:
    """Return how many entries were deleted, and how many of the preview were not."""
    skipped = 0 if plan.truncated else plan.count - count
    rest = f"; {pluralize(skipped, 'entry', 'entries')} changed or deleted meanwhile" if skipped else ""
    return f"deleted {pluralize(count, 'entry', 'entries')}{rest}"
