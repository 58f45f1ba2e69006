"""Where editing happens: one edit at a time, with a draft on disk of all that is typed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from explorer.codecs.base import Choice
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, ExplorerError, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.session.aside import Aside
from explorer.session.clock import Clock
from explorer.session.decoder import Decoder
from explorer.session.detail import LoadedValue
from explorer.session.editing.drafts import Draft, DraftError, Drafts
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Conflicted, Drafting, Refused, Saved, Saving, Unknown
from explorer.session.jobs import Jobs, Task
from explorer.session.states import Part

DRAFT_DELAY: Final = 0.4
"""Seconds after a keystroke at which the draft is written, with all that was typed by then."""
_CHECKING: Final = 0.15
"""Seconds that typing has to pause before it is looked whether the text makes a value."""

STILL_SAVING: Final = "the key is still being saved"


class Editor:
    """Opens edits, keeps their drafts, and ends them."""

    def __init__(
        self,
        decoder: Decoder,
        work: Jobs,
        store: Callable[[], Store],
        clock: Clock,
        tell: Callable[[Part], None],
        *,
        folder: Path | None,
    ) -> None:
        """Prepare.

        Args:
            decoder: The codecs.
            work: Where its tasks belong.
            store: Gives the open store, or raises why there is none.
            clock: What drafts are dated by.
            tell: Is told what to draw again.
            folder: Where drafts are kept; None keeps none.
        """
        self.edit: Edit | None = None
        self.store_address = ""
        """The store's address, without secrets."""
        self.drafts: tuple[Draft, ...] = ()
        """Drafts of this store that were found, for the person to go on with or to discard."""
        self._decoder = decoder
        self._work = work
        self._store = store
        self._clock = clock
        self._tell = tell
        self._drafts = None if folder is None else Drafts(folder)
        self._aside = Aside("keyscope-drafts")
        self._writing = False
        self._doubtful: set[Edit] = set()
        """The edits about whose save it is being found out."""
        self._left_in_doubt: dict[Edit, Draft | None] = {}
        """Edits that were left before it was known whether they were saved, and their drafts, which go if they were."""
        self._beginning: Task | None = None
        """What decides into which file the open edit's draft goes."""
        self._kept: str | None = None
        """The text that the draft on disk holds, None while there is none."""

    async def find_drafts(self) -> None:
        """Look which drafts there are for this store."""
        if self._drafts is not None:
            self.drafts = await self._aside.do(self._drafts.list_drafts, self.store_address)
            if self.drafts:
                self._tell(Part.EDIT)

    @property
    def draft_keys(self) -> frozenset[str]:
        """Keys of this store for which a draft is kept, the open edit's included."""
        keys = {draft.key for draft in self.drafts}
        if self.edit is not None and self.edit.is_unsaved and self._drafts is not None:
            keys.add(self.edit.key)
        return frozenset(keys)

    # Opening

    def open(self, reading: LoadedValue) -> Edit:
        """Open an edit of a value as it was read."""
        base = None if reading.deleted else reading.entry
        edit = self._edit(reading.entry.key, base, reading)
        if base is not None and base.ttl is not None:
            edit.expires_at = reading.read_at + base.ttl
        return self._begin(edit)

    async def create(self, key: str, choice: Choice | None = None) -> Edit:
        """Open an edit that creates a key.

        Raises:
            CallNotSupported: A save of the key, of an edit that was left, still goes on.
        """
        self._refuse_while_saving(key)
        document = await self._decoder.open(key, b"", choice)
        return self._begin(Edit(key, None, document, decoder=self._decoder, store=self._store, told=self._told))

    async def resume_draft(self, draft: Draft) -> Edit:
        """Go on with a draft that was found, on the value that it began with: what changed since is a conflict.

        Raises:
            ExplorerError: A save of the key, of an edit that was left, still goes on; or the key could not be read.
        """
        self._refuse_while_saving(draft.key)
        document = await self._decoder.open(draft.key, draft.base or b"", draft.choice)
        base = None
        if draft.base is not None and draft.revision is not None:
            base = Entry(draft.key, draft.base, draft.revision)
        edit = Edit(draft.key, base, document, decoder=self._decoder, store=self._store, told=self._told)
        self._begin(edit, resumed=draft)
        self._kept = draft.text
        self.drafts = tuple(other for other in self.drafts if other.file != draft.file)
        for left, its_draft in self._left_in_doubt.items():
            if its_draft is not None and its_draft.file == draft.file:
                self._left_in_doubt[left] = None  # the file is this edit's now
        edit.set_text(draft.text)
        await self._compare(edit)
        return edit

    async def resync(self) -> None:
        """Compare the open edit with what is stored now: no event tells what was lost with the store's history."""
        if self.edit is not None:
            with suppress(ExplorerError):  # the save finds it out, too
                await self._compare(self.edit)

    async def _compare(self, edit: Edit) -> None:
        """Tell whether the key is still what an edit began with."""
        before = edit.theirs
        try:
            event: Put | Deleted = Put(await self._store().get(edit.key))
        except KeyNotFound:
            event = Deleted(edit.key, None)
        if edit.theirs is before and (edit.base is not None or isinstance(event, Put)):  # else what was heard is newer
            edit.apply(event)

    async def discard(self, draft: Draft) -> None:
        """Remove a draft that was found."""
        self.drafts = tuple(other for other in self.drafts if other.file != draft.file)
        if self._drafts is not None:
            await self._aside.do(self._drafts.discard, draft)
        self._tell(Part.EDIT)

    def _edit(self, key: str, base: Entry | None, reading: LoadedValue) -> Edit:
        return Edit(key, base, reading.document, decoder=self._decoder, store=self._store, told=self._told)

    def _begin(self, edit: Edit, *, resumed: Draft | None = None) -> Edit:
        self.edit, self._kept = edit, None
        self._beginning = self._work.start(self._own(edit.key, resumed), name="begin a draft")
        self._tell(Part.EDIT)
        return edit

    async def _own(self, key: str, resumed: Draft | None) -> None:
        """Have what is typed kept in a file of its own, or in that of the draft that is gone on with."""
        if self._drafts is None:
            return
        if resumed is None:
            await self._aside.do(self._drafts.release, self.store_address, key)
        else:
            await self._aside.do(self._drafts.adopt, resumed)

    # Ending

    async def leave(self, *, keep: bool = False) -> bool:
        """End the edit and throw away what was typed; with `keep`, or while its save has no outcome, the draft stays.

        A save that goes on ends by itself: its draft goes once it is known to be saved.

        Returns:
            False if the edit stays open: its save has no outcome yet, and no draft of it can be kept.
        """
        edit = self.edit
        if edit is None:
            return True
        keep = keep or not edit.is_settled
        if keep:
            await self.flush()
        if not edit.is_settled:
            if edit.is_unsaved and (self._drafts is None or edit.draft_error is not None):
                return False
            self._left_in_doubt[edit] = None
        self.edit = None
        if not keep:
            await self._forget(edit)
        elif self._drafts is not None:
            file = await self._aside.do(self._drafts.release, self.store_address, edit.key)
            self.drafts = await self._aside.do(self._drafts.list_drafts, self.store_address)
            left = next((draft for draft in self.drafts if draft.file == file), None)
            if edit in self._left_in_doubt:
                self._left_in_doubt[edit] = left
            elif left is not None and not edit.is_open:  # found out while the file was released
                await self.discard(left)
        self._tell(Part.EDIT)
        return True

    def is_saving(self, key: str) -> bool:
        """Return whether an edit of a key was left while it was being saved, and that goes on."""
        return any(edit.key == key and isinstance(edit.state, Saving) for edit in self._left_in_doubt)

    def _refuse_while_saving(self, key: str) -> None:
        if self.is_saving(key):
            raise CallNotSupported(STILL_SAVING, key=key)

    async def flush(self) -> None:
        """Write the draft of what is typed now, so that it can be gone on with another day."""
        if self.edit is not None and self.edit.is_unsaved:
            await self._keep(self.edit)

    def close(self) -> None:
        """End the thread that writes, once it is through."""
        self._aside.close(wait=True)

    # While it goes on

    def apply(self, event: Put | Deleted) -> None:
        """Let an edit know of a change of its key."""
        if self.edit is not None and event.key == self.edit.key:
            self.edit.apply(event)

    def _told(self, edit: Edit) -> None:
        self._tell(Part.EDIT)
        work = self._work
        match edit.state:
            case Saved():
                work.start(self._forget(edit), name="remove a draft")
            case Conflicted() | Refused():
                self._left_in_doubt.pop(edit, None)  # it is not saved: a draft like every other
            case Unknown() if edit not in self._doubtful:
                self._doubtful.add(edit)
                work.start(self._resolve(edit), name="find out about a save", caused=False)
            case Drafting(checked=False) if edit is self.edit:
                work.replace(self._check(edit), name="check a text")
        if edit is self.edit and edit.is_unsaved and edit.text != self._kept and not self._writing:
            self._writing = True
            work.start(self._keep_soon(), name="write a draft")

    async def _resolve(self, edit: Edit) -> None:
        try:
            await edit.resolve_outcome()
        finally:
            self._doubtful.discard(edit)

    async def _check(self, edit: Edit) -> None:
        await asyncio.sleep(_CHECKING)
        await edit.validate()

    async def _keep_soon(self) -> None:
        """Write drafts until the one on disk is what was typed."""
        try:
            while (edit := self.edit) is not None and edit.is_unsaved and edit.text != self._kept:
                await asyncio.sleep(DRAFT_DELAY)
                if edit is self.edit and edit.is_unsaved:
                    await self._keep(edit)
        finally:
            self._writing = False

    async def _keep(self, edit: Edit) -> None:
        if self._drafts is None:
            self._kept = edit.text
            return
        draft = Draft(
            store=self.store_address,
            key=edit.key,
            text=edit.text,
            base=None if edit.base is None else edit.base.value,
            revision=None if edit.base is None else edit.base.revision,
            choice=edit.document.choice,
            written_at=self._clock.wall(),
        )
        problem = None
        if self._beginning is not None:
            await asyncio.wait([self._beginning])
        try:
            await self._aside.do(self._drafts.save, draft)
        except DraftError as error:
            problem = str(error)
        self._kept = draft.text
        if problem != edit.draft_error:
            edit.draft_error = problem
            self._tell(Part.EDIT)

    async def _forget(self, edit: Edit) -> None:
        if edit in self._left_in_doubt:
            left = self._left_in_doubt.pop(edit)
            if left is not None:
                await self.discard(left)
            return
        self._kept = None
        if self._drafts is not None:
            await self._aside.do(self._drafts.remove, self.store_address, edit.key)
