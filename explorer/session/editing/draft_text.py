"""Questions and answers about drafts as sanitised texts; a view passes the `name` of a key, shortened to its width."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from explorer.model.sanitize import pluralize, sanitize
from explorer.session.editing.drafts import Draft
from explorer.session.states import Option, Tone

NO_DRAFTS: Final = "no drafts for this store"
DRAFTS_TITLE: Final = "Drafts"
DRAFT_DELETED: Final = "draft deleted"
_UNSTAGED: Final = "unstaged: the key is not deleted"


def continuable_drafts(drafts: Iterable[Draft], key: str | None) -> list[Draft]:
    """Return the drafts of a key that have a text to continue with."""
    return [draft for draft in drafts if draft.key == key and not draft.deletes]


def drafts_question(drafts: Sequence[Draft]) -> str:
    """Return the question which text of a key to begin with."""
    return f"{pluralize(len(drafts), 'draft')} of this key"


def draft_options(drafts: Sequence[Draft]) -> list[Option[Draft | Literal["stored", "discard"]]]:
    """Return the texts to begin with; `discard` deletes the only draft and begins with the stored value."""
    options: list[Option[Draft | Literal["stored", "discard"]]] = [
        Option("Continue the draft", draft, f"of {draft_facts(draft)}") for draft in drafts
    ]
    options.append(Option("Edit the stored value", "stored", "each draft is kept"))
    if len(drafts) == 1:
        options.append(Option("Delete the draft and edit the stored value", "discard"))
    return options


def draft_facts(draft: Draft) -> str:
    """Return the date and the length of a draft."""
    if draft.deletes:
        return f"staged deletion, {draft.written_at.astimezone():%d %b %H:%M}"
    staged = "staged, " if draft.staged else ""
    return f"{staged}{draft.written_at.astimezone():%d %b %H:%M}, {len(draft.text):,} characters"


def draft_question(name: str) -> str:
    """Return the question what to do with a draft."""
    return f"Draft of {name}"


def draft_steps(draft: Draft) -> list[Option[Literal["open", "delete"]]]:
    """Return what can be done with a draft."""
    if draft.deletes:
        return [Option("Unstage", "delete", "the key is not deleted")]
    return [Option("Open", "open", "in the editor"), Option("Delete", "delete")]


def draft_deletion_question(draft: Draft, name: str) -> str:
    """Return the question whether to delete a draft."""
    return f"Unstage the deletion of {name}?" if draft.deletes else f"Delete the draft of {name}?"


def draft_deleted_text(draft: Draft) -> str:
    """Return that a draft was deleted."""
    return _UNSTAGED if draft.deletes else DRAFT_DELETED


def draft_deletion_facts(draft: Draft, address: str) -> list[tuple[str, Tone]]:
    """Return what is to be known before a draft is deleted, in its tones."""
    return [(f"written {draft_facts(draft)}", Tone.PLAIN), (sanitize(f"in {address}"), Tone.QUIET)]
