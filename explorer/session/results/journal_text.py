"""Records of the journal as sanitised texts, without layout."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from explorer.config import MASKED
from explorer.journal import JournalRecord
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.results.journal_list import JournalFilter, JournalList
from explorer.session.results.result_list import ResultState
from explorer.session.states import Tone

_SIGNS: Final = {"create": "+", "update": "~", "delete": "-", "delete tree": "-"}
FILTER_QUESTION: Final = "List the changes of which keys?"
FILTER_HELP: Final = "a part of the key, or a pattern of the whole key; empty for all"
NO_VALUE: Final = "the journal has no value of this change that could be brought back"
NOT_OF_THIS_STORE: Final = "this change was made in another store: open that to go to the key"


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A row of the journal."""

    sign: str
    tone: Tone
    time: str
    key: str
    store: str
    """Profile or address; empty if only one store is listed."""
    details: tuple[str, ...]
    """Revisions, reason and what else is known."""


def journal_row(record: JournalRecord, *, with_store: bool) -> JournalRow:
    """Return the row of a record."""
    revisions = (
        ""
        if record.before is None and record.after is None
        else f"{'-' if record.before is None else record.before} → {'-' if record.after is None else record.after}"
    )
    store = f"@{record.profile.removeprefix('@')}" if record.profile else record.store
    sign = _SIGNS.get(record.action, "·")
    return JournalRow(
        sign=sign,
        tone={"+": Tone.GOOD, "-": Tone.BAD}.get(sign, Tone.PLAIN),
        time=f"{record.time.astimezone():%Y-%m-%d %H:%M:%S}",
        key=sanitize(record.key),
        store=sanitize(store) if with_store else "",
        details=tuple(sanitize(text) for text in (revisions, record.reason, record.detail) if text),
    )


def journal_title(wanted: JournalFilter) -> str:
    """Return which records are listed."""
    key = f" of keys with {sanitize(wanted.key)}" if wanted.key else ""
    return f"Your changes{key}, {'in all stores' if wanted.is_everywhere else 'in this store'}"


def journal_progress(journal: JournalList) -> Iterator[tuple[str, Tone]]:
    """Yield how many records there are, and where the journal was changed by something else."""
    match journal.state:
        case ResultState.RUNNING:
            yield "reading the journal …", Tone.QUIET
        case ResultState.FAILED:
            yield f"the journal cannot be read: {sanitize(str(journal.error))}", Tone.BAD
        case _:
            at = "" if journal.moment is None else f" at {journal.moment.astimezone():%H:%M:%S}"
            shown = pluralize(len(journal.items), "change")
            yield f"{shown} of {pluralize(journal.looked_at, 'record')}, read{at}", Tone.QUIET
    if journal.damage:
        yield f"the journal was changed by something else at {sanitize(journal.damage)}", Tone.BAD


def record_facts(record: JournalRecord) -> Iterator[str]:
    """Yield all that is known of a change beside its values."""
    yield sanitize(f"{record.action} of {record.key} in {record.store}")
    if record.reason:
        yield sanitize(f"reason: {record.reason}")
    if record.detail:
        yield sanitize(record.detail)
    if record.masked:
        yield MASKED


def journal_line(record: JournalRecord) -> str:
    """Return a record without its values as a JSON object in one line."""
    fields = {
        "time": record.time.isoformat(timespec="milliseconds"),
        "store": record.store,
        "profile": record.profile,
        "key": record.key,
        "action": record.action,
        "before": record.before,
        "after": record.after,
        "detail": record.detail,
        "reason": record.reason,
    }
    return json.dumps({name: value for name, value in fields.items() if value != ""})
