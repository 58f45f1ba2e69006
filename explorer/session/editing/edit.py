"""State machine of one edit: drafted, reviewed, saved by compare-and-swap, resolved.

Every save replaces only the entry that the person saw: the one that was opened or, after a conflict, theirs. It sends
the bytes that were reviewed. What the store keeps beside the value (a lease) stays as it is; a key that is created
again gets the flags and access control list that it had, where they are known.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from explorer.codecs.base import Document
from explorer.drivers.base import Store
from explorer.drivers.common.retry import Backoff
from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import Conflict, ExplorerError, KeyNotFound, NotReachable, OutcomeUnknown, Timeout
from explorer.model.events import Deleted, Put
from explorer.model.sanitize import sanitize
from explorer.model.write_reason import override_reason, write_reason
from explorer.plans.entry_meta import CreatedMeta, restored_meta
from explorer.session.decoder import Decoder
from explorer.session.editing.edit_states import (
    Conflicted,
    Drafting,
    Expired,
    Refused,
    Reviewing,
    Saved,
    Saving,
    State,
    Unknown,
)
from explorer.session.editing.text_change import TextChange
from explorer.session.internal_errors import as_failure

_LOG: Final = logging.getLogger(__package__)

_MIN_CHECK_DELAY: Final = 0.5
_MAX_CHECK_DELAY: Final = 5.0
"""Seconds before another check of an unknown outcome; they double with each."""


class Edit:
    """An open edit of one key. Its methods are called one after the other; its attributes may be read at any time."""

    def __init__(
        self,
        key: str,
        base: Entry | None,
        document: Document,
        *,
        decoder: Decoder,
        get_store: Callable[[], Store],
        on_change: Callable[["Edit"], None],
    ) -> None:
        """Open an edit.

        Args:
            key: Key to edit.
            base: Entry as it was read; None to create the key.
            document: Decoded value of the entry, or the initial value of a new key.
            decoder: Encodes and decodes.
            get_store: Returns the connected store, or raises why there is none.
            on_change: Called with the edit after each change of it.
        """
        self.key = key
        self.base = base
        self.document = document
        self.text = document.text
        self.state: State = Drafting()
        self.theirs: Put | Deleted | None = None
        """Change of the key by another client since the edit began."""
        self.expires_at: float | None = None
        """Moment at which the key expires unless its lease is renewed; None without a TTL."""
        self.draft_error: str | None = None
        """Why no draft of the text is kept."""
        self.reason = ""
        """Reason of the save, for the journal."""
        self.overridden: frozenset[str] = frozenset()
        """Names of the constraints that the text may break."""
        self.meta: Meta | None = NO_META if base is None else base.meta
        """Metadata that the key had, which it is created with if it is gone; None if what it had is not known."""
        self.is_staged = False
        """True if the text was reviewed, and is kept as a draft to be saved together with others."""
        self._decoder = decoder
        self._get_store = get_store
        self._on_change = on_change
        self._sent: tuple[bytes, float | None] | None = None
        """Value and TTL of the last save."""
        self._expected: Entry | None = base
        """Entry that the next save may replace."""
        self._ttl: float | None = None
        """TTL that was chosen for a key that has expired."""

    @property
    def is_unsaved(self) -> bool:
        """True if text would be lost without this edit."""
        return self.is_open and self.text != self.document.text

    @property
    def is_open(self) -> bool:
        """True if the edit is not saved yet."""
        return not isinstance(self.state, Saved)

    @property
    def is_settled(self) -> bool:
        """True if no save is under way: the text may be changed and the edit closed."""
        return not isinstance(self.state, Saving | Unknown)

    # Text

    def set_text(self, text: str) -> None:
        """Replace the text; without effect while a save is under way."""
        if text == self.text or not self.is_settled:
            return
        self.text = text
        self.overridden, self._ttl, self.is_staged = frozenset(), None, False
        self._set_state(Drafting())

    def replace_text(self, text: str) -> None:
        """Adopt a text of another editor, from then on with escapes for what an editor may alter."""
        self.set_document(*self.document.adopt(text))

    def set_document(self, document: Document, text: str) -> None:
        """Go on with the same value in another form, and a text in that form."""
        if self.is_settled:
            self.document = document
            self.set_text(text)

    async def change_form(self) -> None:
        """Convert the text to the document's other form.

        Raises:
            InvalidText: There is no other form, the text cannot be encoded, or its value has no such form.
        """
        change = self._change
        document, text, is_changed = await change.convert(self._decoder)
        if self.is_settled and self._is_current(change):
            self.document, self.text = document, text
            self._set_state(Drafting(changed=is_changed))

    async def validate(self) -> None:
        """Check whether the text can be encoded, and set the state to the result."""
        text, before = self.text, self.state
        if not isinstance(before, Drafting):
            return
        state = await self._change.validate(self._decoder)
        if self.state is before and text == self.text:
            self._set_state(state)

    # Review and save

    async def save(self) -> None:
        """Show what saving would change; once that is shown, save it unless it breaks a constraint."""
        match self.state:
            case Reviewing(encoded=encoded) as state:
                if not state.blocking(self.overridden):
                    await self._send(encoded.value, self._ttl)
                elif self.theirs is not None:
                    await self._review()  # shows the conflict: after it another text may be saved
            case Unknown() if self._sent is not None:
                await self._send(*self._sent)
            case _ if self.is_settled:
                await self._review()

    @property
    def blocking(self) -> tuple[str, ...]:
        """Names of the constraints to override before the reviewed text is saved."""
        is_conflict = self.theirs is not None
        return self.state.blocking(self.overridden) if isinstance(self.state, Reviewing) and not is_conflict else ()

    def override(self, constraints: Iterable[str]) -> None:
        """Allow the reviewed text to break constraints, by their names; a change of the text takes that back."""
        self.overridden |= frozenset(constraints)

    async def _review(self) -> None:
        """Show what saving would change, or a conflict with another client's change.

        A text that cannot be encoded, or changes nothing, sets the state that says so.
        """
        change = self._change
        state = await change.review(self._decoder, replaces_base=self._expected is self.base)
        is_outdated = (
            isinstance(state, Reviewing)
            and self.theirs is not None
            and self._is_current(change)
            and await self._is_outdated(state.encoded.value)
        )
        if not self.is_settled:
            return
        if not self._is_current(change):
            await self._review()  # the text was changed meanwhile, and nothing is saved that was not shown
        elif not is_outdated:
            self._set_state(state)

    @property
    def _change(self) -> TextChange:
        """The change as it is now."""
        return TextChange(self.key, self.base, self.document, self.text)

    def _is_current(self, change: TextChange) -> bool:
        return (change.document, change.text) == (self.document, self.text)

    async def _is_outdated(self, value: bytes) -> bool:
        """Read the key; return whether another entry is stored, which then is the state: a conflict, or an error."""
        change = self._change
        try:
            current = await self._read_current()
        except ExplorerError as error:
            self._set_state(Refused(error))
            return True
        if _is_same(current, self._expected):
            self.theirs = None
            return False
        if self._is_current(change):  # else the text is reviewed again
            await self._resolve_against(current, value)
        return True

    @property
    def created(self) -> CreatedMeta:
        """Metadata that the key is created with if it is gone; NotReachable without a connection."""
        return restored_meta(self.meta or NO_META, self._get_store())

    async def _send(self, value: bytes, ttl: float | None) -> None:
        """Write a value if the stored entry is the expected one."""
        self._sent = value, ttl
        self._set_state(Saving())
        try:
            with write_reason(self.reason), write_reason(override_reason(self.overridden)):
                meta = self.created.meta if self._expected is None else NO_META
                entry = await self._get_store().atomic_put(self.key, value, self._expected, ttl=ttl, meta=meta)
        except Conflict as error:
            await self._on_conflict(error, value)
        except (OutcomeUnknown, Timeout) as error:
            self._set_state(Unknown(error.message))
        except ExplorerError as error:
            self._set_state(Refused(error))
        except Exception as error:
            self._set_state(Unknown(as_failure(error).message))
            raise
        else:
            self._set_state(Saved(entry))

    async def _on_conflict(self, error: ExplorerError, value: bytes) -> None:
        try:
            current = await self._read_current()
            await self._resolve_against(current, value)
        except ExplorerError:
            self._set_state(Refused(error))
        except Exception as defect:
            self._set_state(Unknown(as_failure(defect).message))
            raise

    async def _read_current(self) -> Entry | None:
        """Return the stored entry; None if there is none."""
        try:
            return await self._get_store().get(self.key)
        except KeyNotFound:
            return None

    async def _resolve_against(self, theirs: Entry | None, value: bytes) -> None:
        """Compare the edit with the stored entry: it is saved if that is what was sent, else in conflict.

        Args:
            theirs: Stored entry; None if there is none.
            value: The edit's text, encoded.
        """
        if theirs is not None and self._sent is not None and theirs.value == self._sent[0] == value:
            self._set_state(Saved(theirs))
            return
        change = self._change
        conflict = await change.conflict_with(theirs, value, self._decoder)
        self.theirs = Deleted(self.key, None) if theirs is None else Put(theirs)
        if self._is_current(change):  # else the text is reviewed again
            self._set_state(conflict)

    def on_store_answered(self) -> None:
        """Note that a save that could not be sent can be tried again."""
        if isinstance(self.state, Refused) and isinstance(self.state.error, NotReachable) and not self.state.is_over:
            self._set_state(replace(self.state, is_over=True))

    # Conflict

    async def compare_again(self) -> None:
        """Read the key again and compare the edit with it."""
        if not isinstance(self.state, Conflicted):
            return
        value = self.state.value
        try:
            current = await self._read_current()
        except ExplorerError as error:
            self._set_state(Refused(error))
            return
        await self._resolve_against(current, value)

    async def use_merged(self) -> None:
        """Go on with the merge of both changes, based on the stored entry."""
        if not isinstance(self.state, Conflicted) or self.state.merge is None:
            return
        merge = self.state.merge
        self.base = self._expected = self.state.theirs
        self.document, self.text, self.theirs = merge.document, merge.text, None
        self.overridden, self._ttl, self.is_staged = frozenset(), None, False
        self._set_state(Drafting())

    async def keep_mine(self) -> None:
        """Save this edit in place of theirs as it was shown; if it changed again, that is another conflict.

        One that breaks a constraint is shown for review first.
        """
        if not isinstance(self.state, Conflicted):
            return
        if self.state.theirs is None and self.base is not None and self.base.ttl is not None:
            self._set_state(Expired(self.state, self.base.ttl))
            return
        await self._overwrite(self.state, None)

    async def keep_mine_for(self, ttl: float | None) -> None:
        """Create the expired key again.

        Args:
            ttl: Seconds until it expires; None for no expiry.
        """
        if isinstance(self.state, Expired):
            await self._overwrite(self.state.conflict, ttl)

    def cancel_ttl_choice(self) -> None:
        """Go back from the choice of a TTL to the conflict."""
        if isinstance(self.state, Expired):
            self._set_state(self.state.conflict)

    async def _overwrite(self, conflict: Conflicted, ttl: float | None) -> None:
        self._expected, self.theirs = conflict.theirs, None
        violations = await self._decoder.check(self.key, conflict.value)
        if {one.constraint for one in violations} <= self.overridden:
            await self._send(conflict.value, ttl)
        else:
            self._ttl = ttl
            await self._review()

    # Unknown outcome

    async def check_outcome(self) -> None:
        """Read the key to find out whether a save took effect."""
        if not self._is_unknown() or self._sent is None:
            return
        value, _ = self._sent
        try:
            current = await self._read_current()
        except ExplorerError as error:
            self._set_state(Unknown(f"the key cannot be read: {error.message}"))
            return
        if not self._is_unknown():
            return
        if current is not None and current.value == value:
            self._set_state(Saved(current))
        elif _is_same(current, self._expected):
            self._set_state(Unknown("not stored so far; saving again is safe"))
        else:
            await self._resolve_against(current, value)

    async def resolve_outcome(self) -> None:
        """Check again and again until the outcome of a save is known."""
        backoff = Backoff(_MIN_CHECK_DELAY, _MAX_CHECK_DELAY, jitter=False)
        while self._is_unknown():
            await backoff.pause()
            await self.check_outcome()

    def _is_unknown(self) -> bool:
        return isinstance(self.state, Unknown)

    # Changes by others

    def on_event(self, event: Put | Deleted) -> None:
        """Note a change of the key."""
        self.theirs = None if isinstance(event, Put) and self._is_known(event.entry) else event
        self._on_change(self)

    def _is_known(self, entry: Entry) -> bool:
        """Return whether an entry is the one that was opened, or that this edit stored."""
        match self.state:
            case Saved(entry=saved) if entry.revision == saved.revision:
                return True
            case Saving() | Unknown() if self._sent is not None and entry.value == self._sent[0]:
                return True
            case _:
                return self.base is not None and entry.revision == self.base.revision

    def _set_state(self, state: State) -> None:
        if type(state) is not type(self.state):
            _LOG.info("edit of %s: %s", sanitize(self.key), type(state).__name__.lower())
        self.state = state
        self._on_change(self)


def _is_same(current: Entry | None, expected: Entry | None) -> bool:
    if current is None or expected is None:
        return current is expected
    return current.revision == expected.revision
