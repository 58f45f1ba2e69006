"""Texts about the open edit: title, state, conflict, and its questions; all sanitised.

Keys are named by the function `key`, which returns the one that runs an action in the view.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Literal, NamedTuple, TypeAlias

from explorer.model.errors import ExplorerError
from explorer.model.events import Deleted, Put
from explorer.model.format import format_duration
from explorer.model.key_text import typed_key
from explorer.model.keys import encode
from explorer.model.line_diff import DiffLine, LinePart, remark
from explorer.model.sanitize import pluralize, sanitize
from explorer.plans.entry_meta import meta_text
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Refused, Reviewing, Saved, Saving, Unknown
from explorer.session.editing.violation_text import violation_lines
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Option, Tone

KeyName: TypeAlias = Callable[[str], str]
"""Returns the key that runs an action, by the action's id."""

Severity: TypeAlias = Literal["information", "warning", "error"]

NOTHING_CHANGED: Final = "nothing was changed"
NEW_KEY_TITLE: Final = "New key"
NEW_KEY_HELP: Final = "enter opens the editor; the key is created when you save"
EXPIRY_TOLERANCE: Final = 2.0
"""Seconds by which a key may be deleted before its TTL ends, as stores round TTLs."""
_MAX_NOTES: Final = 2
_MAX_VIOLATIONS: Final = 3
"""Lines of broken constraints below the text."""
_MAX_LISTED_CONFLICTS: Final = 6
"""Conflicting places that are listed above the three versions."""
_LONGER_TTLS: Final = (60.0, 3600.0)
"""Seconds that are offered besides the TTL that the key had."""
_SAME_TEXT: Final = DiffLine(" ", (LinePart(" (the text is unchanged; only its bytes differ)"),))
_NOT_MODIFIED: Final = "nothing to save: not modified"
_EMPTY_VALUE: Final = DiffLine(" ", (LinePart(" (an empty value)"),))


class EditLine(NamedTuple):
    """A line about an edit."""

    text: str
    tone: Tone = Tone.PLAIN
    is_strong: bool = False


# The editor


def edit_title(edit: Edit, now: float | None) -> str:
    """Return key, revision, time left and type.

    Args:
        edit: The edit.
        now: Moment of the time left, in seconds of the session's clock; None leaves it out.
    """
    left = "" if now is None else _time_left(edit, now)
    base = "new key" if edit.base is None else f"from rev {sanitize(str(edit.base.revision))}{left}"
    return f"{sanitize(edit.key)}  ({base}, {sanitize(edit.document.title)})"


def _time_left(edit: Edit, now: float) -> str:
    """Return the time until the key expires, as far as it is known: the lease may be renewed."""
    if edit.expires_at is None or edit.theirs is not None:
        return ""
    left = edit.expires_at - now
    return f", expires in {format_duration(left)} unless renewed" if left > 0 else ", expired unless renewed"


def saving_text(seconds: float | None, key: KeyName) -> str:
    """Return the duration of a save so far, unless it is None, and the key that leaves."""
    duration = "" if seconds is None else f" {format_duration(seconds)}"
    return f"saving …{duration}; {key('back')} leaves, and the save goes on"


def edit_lines(
    session: Session, edit: Edit, key: KeyName, *, since: float | None, limit: str = ""
) -> Iterator[EditLine]:
    """Yield the lines about an edit's state.

    Args:
        session: The session of the edit.
        edit: The edit.
        key: Returns the key of an action.
        since: When the edit got into its state, in seconds of the session's clock; None leaves durations out.
        limit: Why the text cannot be edited in this view; "" if it can.
    """
    for note in edit.document.notes[:_MAX_NOTES]:
        yield EditLine(sanitize(f"▪ {note}"), Tone.WARNING)
    if limit:
        yield EditLine(f"▪ {limit}", Tone.WARNING, is_strong=True)
    yield from _state_lines(session, edit, key, since)
    if edit.theirs is not None and not isinstance(edit.state, Conflicted):
        is_invalid = isinstance(edit.state, Drafting) and edit.state.error is not None
        how = "" if is_invalid else f"; {key('save')} shows both versions"
        text = sanitize(f"! {_their_change(session, edit, edit.theirs)}{how}")
        yield EditLine(text, Tone.WARNING, is_strong=True)
    if edit.draft_error:
        yield EditLine(sanitize(f"! {edit.draft_error}"), Tone.WARNING)


def _state_lines(session: Session, edit: Edit, key: KeyName, since: float | None) -> Iterator[EditLine]:
    save = key("save")
    match edit.state:
        case Drafting(error=error) if error is not None:
            yield EditLine(sanitize(f"✗ {error.message}"), Tone.BAD)
        case Drafting(changed=True, notes=notes, violations=violations):
            yield from (EditLine(line, Tone.BAD) for line in violation_lines(violations, _MAX_VIOLATIONS))
            for note in notes[:_MAX_NOTES]:
                yield EditLine(sanitize(f"▪ saving {note}"))
            yield EditLine(f"modified; {save} reviews the change", Tone.QUIET)
        case Drafting(violations=violations):
            yield from (EditLine(line, Tone.BAD) for line in violation_lines(violations, _MAX_VIOLATIONS))
            yield EditLine("not modified", Tone.QUIET)
        case Saving():
            seconds = None if since is None else session.clock.now() - since
            yield EditLine(saving_text(seconds, key), is_strong=True)
        case Unknown(reason=reason):
            text = f"? It is not known whether this was saved: {reason}. {key('look-again')} checks."
            yield EditLine(sanitize(text), Tone.WARNING, is_strong=True)
        case Refused(is_over=True):
            text = f"✗ not saved; the store responds again: {save} saves"
            yield EditLine(text, Tone.WARNING, is_strong=True)
        case Refused(error=error):
            is_live = session.liveness.status is LivenessStatus.LIVE
            retry = f"; the store responds again: {save} retries" if error.retryable and is_live else ""
            details = f" ({error.hint})" if error.hint and not retry else ""
            yield EditLine(sanitize(f"✗ not saved: {error.message}{details}{retry}"), Tone.BAD, is_strong=True)
        case Conflicted():
            text = f"✗ not saved: the key was changed by another client; {save} shows both versions"
            yield EditLine(text, Tone.BAD, is_strong=True)
        case Reviewing():
            yield EditLine(f"{save} reviews the change again", Tone.QUIET)
        case _:
            pass


def _their_change(session: Session, edit: Edit, theirs: Put | Deleted) -> str:
    if isinstance(theirs, Put):
        return f"Another client has changed this key meanwhile (rev {theirs.revision})"
    if edit.expires_at is not None and session.clock.now() >= edit.expires_at - EXPIRY_TOLERANCE:
        return "The lease of this key has expired meanwhile and the key was deleted"
    revision = "" if theirs.revision is None else f" (rev {theirs.revision})"
    return f"Another client has deleted this key meanwhile{revision}"


# The review


def review_question(edit: Edit, name: str) -> str:
    """Return the question whether to save the reviewed change.

    Args:
        edit: The edit.
        name: The sanitised key, shortened to the view.
    """
    return f"{save_word(edit)} {name}?"


def save_word(edit: Edit) -> str:
    """Return the word for what saving does."""
    return "Create" if edit.base is None else "Save"


def reason_text(edit: Edit) -> str:
    """Return the reason of a save; empty without one."""
    return sanitize(f"reason: {edit.reason}") if edit.reason else ""


def review_word(edit: Edit, state: Reviewing) -> str:
    """Return the word for what the review offers: saving, or first an override of what the change breaks."""
    return "Override" if state.violations else save_word(edit)


def review_lines(edit: Edit, state: Reviewing) -> Sequence[DiffLine]:
    """Return the lines of the diff, or one that says why there are none; and what a key is created with besides."""
    return (*(state.diff or (_EMPTY_VALUE if edit.base is None else _SAME_TEXT,)), *map(remark, _created_texts(edit)))


def _created_texts(edit: Edit) -> Iterator[str]:
    if edit.base is not None:
        return
    if edit.meta is None:
        yield "flags or an access control list that it had are not known, and are not brought back"
        return
    with suppress(ExplorerError):  # there is no connection
        if (created := edit.created).meta:
            yield sanitize(f"created with {meta_text(created.meta)}")
        yield from map(sanitize, created.refusals)


REASON_QUESTION: Final = "Why? Your journal keeps it"
REASON_HELP: Final = "a line without secrets; enter takes it, esc goes back"

# The conflict


def conflict_title(edit: Edit, name: str) -> str:
    """Return what another client did to the key.

    Args:
        edit: The edit.
        name: The sanitised key, shortened to the view.
    """
    base = edit.base
    match edit.state:
        case Conflicted(theirs=None) if base is not None and base.lease is not None:
            cause = f"{name} was deleted by another client, or its lease expired"
        case Conflicted(theirs=None):
            cause = f"{name} was deleted by another client"
        case _ if base is None:
            cause = f"{name} already exists: it was created by another client"
        case _:
            cause = f"{name} was changed by another client"
    return f"{cause}; nothing was written."


def version_names(state: Conflicted) -> tuple[str, str, str]:
    """Return the names of base, theirs and mine."""
    base = "did not exist" if state.base is None else f"rev {state.base.revision}"
    theirs = "deleted" if state.theirs is None else f"rev {state.theirs.revision}"
    return sanitize(f"Base: {base}"), sanitize(f"Theirs: {theirs}"), "Mine: not saved"


def merge_lines(state: Conflicted, key: KeyName) -> list[str]:
    """Return what can be merged, and where the changes conflict."""
    merge = state.merge
    if merge is None:
        return [sanitize(f"The changes cannot be merged: {state.reason}.")]
    if not merge.conflicts:
        return [f"The changes can be merged without a conflict: {key('use-merged')} merges them."]
    listed = merge.conflicts[:_MAX_LISTED_CONFLICTS]
    count = pluralize(len(merge.conflicts), "conflict")
    lines = [f"{count} between the changes: {key('use-merged')} merges them and keeps mine in these places:"]
    lines += [f"  ▪ {sanitize(conflict)}" for conflict in listed]
    if len(merge.conflicts) > len(listed):
        lines.append(f"  ▪ and {len(merge.conflicts) - len(listed)} more")
    return lines


def outdated_text(edit: Edit, state: Conflicted, key: KeyName) -> str:
    """Return a warning if theirs is not what is stored by now; "" if it is."""
    event, theirs = edit.theirs, state.theirs
    if event is None:
        return ""
    if isinstance(event, Deleted):
        change = None if theirs is None else "The key was deleted meanwhile"
    else:
        is_same = theirs is not None and theirs.revision == event.revision
        change = None if is_same else f"The key was changed again (rev {sanitize(str(event.revision))})"
    return "" if change is None else f"! {change}: {key('compare-again')} compares with the stored value."


# Questions


def escape_hint(text: str) -> str:
    """Return how the backslashes of a typed key are read; "" without any."""
    if "\\" not in text:
        return ""
    key = typed_key(text)
    if key == text:
        return "not an escape: the backslash is part of the name"
    return f"read with escapes, {pluralize(len(encode(key)), 'byte')}; type \\\\ for a backslash"


def expired_question(name: str) -> str:
    """Return the question for the TTL of a key whose lease expired while it was edited."""
    return f"The lease of {name} expired and the key is gone"


def ttl_options(ttl: float) -> list[Option[float | Literal["none", "cancel"]]]:
    """Return the TTLs to save an expired key with; `none` saves it without one, `cancel` not at all.

    Args:
        ttl: Seconds that were left when the edit began.
    """
    left = max(1.0, round(ttl))
    options: list[Option[float | Literal["none", "cancel"]]] = [
        Option(f"Save with a TTL of {format_duration(left)}", left, "as left when the edit began")
    ]
    options += [Option(f"Save with a TTL of {format_duration(one)}", one) for one in _LONGER_TTLS if one > left]
    options.append(Option("Save without a TTL", "none", "the key stays until it is deleted"))
    options.append(Option("Do not save", "cancel"))
    return options


def leave_question(name: str) -> str:
    """Return the question what to do with unsaved text."""
    return f"{name} is not saved"


def leave_options() -> list[Option[Literal["stay", "keep", "discard"]]]:
    """Return what can be done with unsaved text."""
    return [
        Option("Continue editing", "stay"),
        Option("Leave and keep the draft", "keep", "offered at the next edit"),
        Option("Leave and discard the text", "discard"),
    ]


# Outcomes


def leave_outcome(*, is_kept: bool) -> str:
    """Return what became of unsaved text."""
    return "the draft is kept" if is_kept else "the text was discarded"


def not_left_text(edit: Edit) -> str:
    """Return why the editor stays open while a save goes on."""
    return f"not left: the save goes on, and {sanitize(edit.draft_error or 'no draft can be kept')}"


def saved_text(state: Saved, name: str) -> str:
    """Return that an edit was saved, or that there was nothing to save."""
    return f"saved {name} (rev {sanitize(str(state.entry.revision))})" if state.written else _NOT_MODIFIED


def staged_text(count: int, key: str) -> str:
    """Return how many changes are staged.

    Args:
        count: Number of staged changes.
        key: Label of the key that shows them together.
    """
    return f"{pluralize(count, 'change')} staged; {key} shows what saving {'it' if count == 1 else 'them'} changes"


def taken_text(edit: Edit) -> str:
    """Return what becomes of an edit that is given up for the stored value."""
    is_kept = edit.is_unsaved and edit.draft_error is None
    return f"kept the stored value{'; your text is kept as a draft' if is_kept else ''}"


def left_text(edit: Edit, name: str) -> tuple[str, Severity]:
    """Return the state of a save whose editor was left, and how grave it is."""
    match edit.state:
        case Saving():
            return f"{name} is still being saved; its draft is kept until then", "information"
        case Unknown():
            return f"it is not known yet whether {name} was saved; its draft is kept until then", "warning"
        case Saved() as state:
            return saved_text(state, name), "information"
        case Refused(error=error):
            reason = sanitize(error.message)
        case _:
            reason = "the key was changed by another client"
    return f"{name} was not saved: {reason}. Its draft is kept.", "error"
