"""The verb `log`."""

from collections import deque
from dataclasses import replace

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.output import Record, preview, value_fields
from explorer.config import MASKED
from explorer.journal import Journal, JournalRecord
from explorer.plans.journal_scope import JournalScope


def log(journal: Journal, scope: JournalScope | None, options: arguments.JournalArguments, console: Console) -> None:
    """Print the changes of the journal, the newest first.

    Args:
        journal: The journal.
        scope: Place whose changes are printed; None for all.
        options: The options of the verb.
        console: Where to print.
    """
    kept: deque[JournalRecord] = deque(maxlen=options.limit)
    for record in journal.records():
        if scope is None:
            kept.append(record)
        elif (here := scope.relative(record)) is not None:  # as it was written, but for what is masked there
            kept.append(replace(record, old=here.old, new=here.new, masked=here.masked))
    for record in reversed(kept):
        if console.json:
            console.print_record(_to_json(record))
        else:
            console.print_line(_line(record))
    if place := journal.damage():
        console.print_note(f"keyscope: the journal was changed by something else at {place}")


def _to_json(record: JournalRecord) -> Record:
    return {
        "time": record.time.isoformat(timespec="milliseconds"),
        "store": record.store,
        **({"profile": record.profile} if record.profile else {}),
        "key": record.key,
        "action": record.action,
        "before": record.before,
        "after": record.after,
        **({} if record.old is None else value_fields(record.old, "old_text", "old_base64")),
        **({} if record.new is None else value_fields(record.new, "new_text", "new_base64")),
        **({"meta": dict(record.meta)} if record.meta else {}),
        **({"masked": True} if record.masked else {}),
        **({"detail": record.detail} if record.detail else {}),
        **({"reason": record.reason} if record.reason else {}),
    }


def _line(record: JournalRecord) -> str:
    revisions = (
        "" if record.before is None and record.after is None else f"  {record.before or '-'} -> {record.after or '-'}"
    )
    old = "" if record.old is None else f"  was {preview(record.old)}"
    masked = MASKED if record.masked else ""
    detail = "".join(f"  ({text})" for text in (record.detail, record.reason, masked) if text)
    time = record.time.astimezone().isoformat(sep=" ", timespec="seconds")[:19]
    return f"{time}  {record.action:6}  {record.store}  {record.key}{revisions}{detail}{old}"
