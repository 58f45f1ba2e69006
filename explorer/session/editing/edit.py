"""One edit of one key: from what was opened to a save that overwrites nothing unseen.

Every save is a compare-and-swap on the entry that the person saw: the one opened, or, after a conflict, theirs. What
the store keeps beside the value (its lease) stays as it is.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from explorer.codecs.base import Document
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import (
    Conflict,
    ExplorerError,
    InvalidText,
    KeyNotFound,
    NotReachable,
    OutcomeUnknown,
    Timeout,
)
from explorer.model.events import Deleted, Put
from explorer.model.sanitize import sanitize
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
from explorer.session.internal_errors import as_failure

_LOG: Final = logging.getLogger(__package__)

_STORED_IN_ONE_LINE: Final = "shown indented; the layout that is stored is kept"
_LOOKS: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds between looks at a key whose save is in doubt; the last is kept."""


class Edit:
    """An edit under way. It can be read at any time; it is moved by one call after the other."""

    def __init__(
        self,
        key: str,
        base: Entry | None,
        document: Document,
        *,
        decoder: Decoder,
        store: Callable[[], Store],
        told: Callable[["Edit"], None],
    ) -> None:
        """Open an edit.

        Args:
            key: What is edited.
            base: The entry as it was read; None to create the key.
            document: Its value, or for a new key what it starts with.
            decoder: The codecs.
            store: Gives the open store, or raises why there is none.
            told: Is called with this at every change of it.
        """
        self.key = key
        self.base = base
        self.document = document
        self.text = document.text
        self.state: State = Drafting()
        self.theirs: Put | Deleted | None = None
        """What somebody else did to the key while it was edited."""
        self.expires_at: float | None = None
        """When the TTL that the key had ends, by the session's clock, unless somebody renews it; None without one."""
        self.draft_error: str | None = None
        """Why no draft is kept of what is typed."""
        self._decoder = decoder
        self._store = store
        self._told = told
        self._sent: bytes | None = None
        self._previous: Entry | None = base
        """The entry that the next save may replace."""

    @property
    def is_unsaved(self) -> bool:
        """Whether there is something typed that would be lost without this edit."""
        return self.is_open and self.text != self.document.text

    @property
    def is_open(self) -> bool:
        """Whether it is not saved yet."""
        return not isinstance(self.state, Saved)

    @property
    def is_settled(self) -> bool:
        """Whether no answer is waited for: text may be typed, or the edit left."""
        return not isinstance(self.state, Saving | Unknown)

    # Typing

    def set_text(self, text: str) -> None:
        """Take over what was typed."""
        if text == self.text or not self.is_settled:
            return
        self.text = text
        self._become(Drafting())

    def replace_text(self, text: str) -> None:
        """Go on with a text from outside; what an editor would alter is escaped from then on."""
        self.set_document(*self.document.adopt(text))

    def set_document(self, document: Document, text: str) -> None:
        """Go on with the same value in another form, and a text in that form."""
        if self.is_settled:
            self.document = document
            self.set_text(text)

    async def change_form(self) -> None:
        """Go on in the document's other form, with what was typed.

        Raises:
            InvalidText: There is no other form, the text makes no value, or that value has no such form.
        """
        document, text = self.document, self.text
        choice = document.alternative()
        if choice is None:
            raise InvalidText("this value has only one form")
        encoded = await self._decoder.encode(document, text)
        other = await self._decoder.open(self.key, document.value, choice)
        typed = (await self._decoder.open(self.key, encoded.value, choice)).text if encoded.changed else other.text
        again = await self._decoder.encode(other, typed)
        if again.value != encoded.value:
            raise InvalidText("this text cannot be shown in the other form")
        if self.is_settled and (document, text) == (self.document, self.text):
            self.document, self.text = other, typed
            self._become(Drafting(changed=encoded.changed))

    async def validate(self) -> None:
        """Find out whether what was typed makes a value, and tell."""
        text, before = self.text, self.state
        if not isinstance(before, Drafting):
            return
        try:
            encoded = await self._decoder.encode(self.document, text)
        except InvalidText as error:
            state = Drafting(error, changed=True, checked=True)
        else:
            changed = encoded.changed or self.base is None
            state = Drafting(changed=changed, notes=encoded.notes, checked=True)
        if self.state is before and text == self.text:
            self._become(state)

    async def review(self) -> None:
        """Show what saving would change, or both sides where somebody else was first already.

        A text that makes no value, or changes nothing, says so instead.
        """
        if not self.is_settled:
            return
        document, text = self.document, self.text
        before = "" if self.base is None else document.text
        try:
            encoded = await self._decoder.encode(document, text)
        except InvalidText as error:
            state: State = Drafting(error, changed=True, checked=True)
        else:
            if not encoded.changed and self.base is not None and self._previous is self.base:
                state = Saved(self.base, written=False)
            else:
                diff, laid_out = await self._decoder.compare(document, before, text)
                indented = (_STORED_IN_ONE_LINE,) if laid_out or document.indented else ()
                state = Reviewing(diff, (*encoded.notes, *indented))
        if (document, text) != (self.document, self.text):
            await self.review()  # it was typed on meanwhile, and nothing is saved that was not shown
        elif not isinstance(state, Reviewing) or self.theirs is None or not await self._is_outdated():
            self._become(state)

    async def _is_outdated(self) -> bool:
        """Compare this edit with what somebody else stored, if that can be seen; return whether it is another entry."""
        text = self.text
        try:
            found = await self._now()
        except ExplorerError as error:
            self._become(Refused(error))
            return True
        if _same(found, self._previous):
            self.theirs = None
            return False
        if text == self.text:  # else it is typed on, and asked again
            await self._meet(found)
        return True

    # Saving

    def on_store_answered(self) -> None:
        """Take note that the store answers again: what it could not be asked to save can be saved now."""
        match self.state:
            case Refused(NotReachable() as error, is_over=False):
                self._become(Refused(error, is_over=True))
            case _:
                pass

    async def save(self) -> None:
        """Write it, if the key still is what was seen; a new key, if there is none."""
        if isinstance(self.state, Saving):
            return
        try:
            encoded = await self._decoder.encode(self.document, self.text)
        except InvalidText as error:
            self._become(Drafting(error, changed=True, checked=True))
            return
        if not encoded.changed and self.base is not None and self._previous is self.base:
            self._become(Saved(self.base, written=False))
            return
        await self._write(encoded.value)

    async def _write(self, value: bytes, *, ttl: float | None = None) -> None:
        self._sent = value
        self._become(Saving())
        try:
            await self._send(value, ttl)
        except Exception as error:
            if isinstance(self.state, Saving):  # nobody would ever be told how it ended
                self._become(Unknown(as_failure(error).message))
            raise

    async def _send(self, value: bytes, ttl: float | None) -> None:
        try:
            entry = await self._store().atomic_put(self.key, value, self._previous, ttl=ttl)
        except Conflict as error:
            await self._lose(error)
        except (OutcomeUnknown, Timeout) as error:
            self._become(Unknown(error.message))
        except ExplorerError as error:
            self._become(Refused(error))
        else:
            self._win(entry)

    def _win(self, entry: Entry) -> None:
        self._become(Saved(entry))

    async def _lose(self, error: ExplorerError) -> None:
        """Find out what somebody else stored."""
        try:
            found = await self._now()
        except ExplorerError:
            self._become(Refused(error))
            return
        await self._meet(found)

    async def _now(self) -> Entry | None:
        try:
            return await self._store().get(self.key)
        except KeyNotFound:
            return None

    async def _meet(self, theirs: Entry | None) -> None:
        """Compare this edit with what is stored now."""
        if theirs is not None and theirs.value == self._sent:
            self._win(theirs)
            return
        merge, reason = None, "the key is gone"
        if self.base is None:
            reason = "the key was created by somebody else" if theirs is not None else "there was no key"
        elif theirs is not None:
            try:
                merge = await self._decoder.merge(self.document, self.text, theirs.value or b"")
            except InvalidText as error:
                reason = error.message
        base, their_text = "" if self.base is None else self.document.text, ""
        if theirs is not None:
            choice = replace(self.document.choice, indented=self.document.indented)
            document = (
                merge.document if merge is not None else await self._decoder.open(self.key, theirs.value or b"", choice)
            )
            their_text = document.text
        rows = await self._decoder.compare_three(base, their_text, self.text)
        self.theirs = Deleted(self.key, None) if theirs is None else Put(theirs)
        self._become(Conflicted(self.base, self.text, theirs, merge, "" if merge else reason, rows))

    # After a conflict

    async def compare_again(self) -> None:
        """Read what is stored now, and compare this edit with that."""
        if not isinstance(self.state, Conflicted):
            return
        try:
            found = await self._now()
        except ExplorerError as error:
            self._become(Refused(error))
            return
        await self._meet(found)

    async def use_merged(self) -> None:
        """Go on with both changes put together, on what is stored now."""
        if not isinstance(self.state, Conflicted) or self.state.merge is None:
            return
        merge = self.state.merge
        self.base = self._previous = self.state.theirs
        self.document, self.text = merge.document, merge.text
        self.theirs = None
        self._become(Drafting())

    async def keep_mine(self) -> None:
        """Write this edit in place of theirs, as they were shown: if they changed again, that is another conflict."""
        if not isinstance(self.state, Conflicted):
            return
        if self.state.theirs is None and self.base is not None and self.base.ttl is not None:
            self._become(Expired(self.state, self.base.ttl))
            return
        await self._overwrite(self.state.theirs, None)

    async def keep_mine_for(self, ttl: float | None) -> None:
        """Create the key anew after its TTL ran out, to live for so many seconds; None lets it live for ever."""
        if isinstance(self.state, Expired):
            await self._overwrite(None, ttl)

    def cancel_ttl_choice(self) -> None:
        """Go back to the conflict without saving."""
        if isinstance(self.state, Expired):
            self._become(self.state.conflict)

    async def _overwrite(self, theirs: Entry | None, ttl: float | None) -> None:
        try:
            encoded = await self._decoder.encode(self.document, self.text)
        except InvalidText as error:
            self._become(Drafting(error, changed=True, checked=True))
            return
        self._previous = theirs
        self.theirs = None
        await self._write(encoded.value, ttl=ttl)

    # After a lost answer

    async def check_outcome(self) -> None:
        """Read the key and find out what became of a save in doubt."""
        if not isinstance(self.state, Unknown):
            return
        try:
            found = await self._now()
        except ExplorerError as error:
            self._become(Unknown(f"cannot be found out yet: {error.message}"))
            return
        if not isinstance(self.state, Unknown):
            return
        if found is not None and found.value == self._sent:
            self._win(found)
        elif _same(found, self._previous):
            self._become(Unknown("not stored so far; saving once more is safe"))
        else:
            await self._meet(found)

    async def resolve_outcome(self) -> None:
        """Look again and again until it is known what became of a save in doubt."""
        looks = 0
        while isinstance(self.state, Unknown):
            await asyncio.sleep(_LOOKS[min(looks, len(_LOOKS) - 1)])
            looks += 1
            await self.check_outcome()

    # What somebody else does

    def apply(self, event: Put | Deleted) -> None:
        """Take in a change of the key."""
        self.theirs = None if isinstance(event, Put) and self._known(event.entry) else event
        self._told(self)

    def _known(self, entry: Entry) -> bool:
        """Tell whether an entry is what was opened, or what this edit made of it."""
        match self.state:
            case Saved(entry=saved) if entry.revision == saved.revision:
                return True
            case Saving() | Unknown() if entry.value == self._sent:
                return True
            case _:
                return self.base is not None and entry.revision == self.base.revision

    def _become(self, state: State) -> None:
        if type(state) is not type(self.state):
            _LOG.info("edit of %s: %s", sanitize(self.key), type(state).__name__.lower())
        self.state = state
        self._told(self)


def _same(found: Entry | None, previous: Entry | None) -> bool:
    if found is None or previous is None:
        return found is previous
    return found.revision == previous.revision
