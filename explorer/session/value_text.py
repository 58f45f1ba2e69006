"""Texts about the selected key's value: facts, notes, metadata, and what stands in place of a value; all sanitised."""

from dataclasses import dataclass
from typing import Final

from explorer.model.errors import ExplorerError
from explorer.model.format import format_bytes, format_duration
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.detail import Detail, LoadedValue
from explorer.session.keytree.tree import Tree
from explorer.session.states import Empty, Failed, Loading, Ready

LOADING_NOTICE_DELAY: Final = 0.4
"""Seconds for which the previous value stays, under its own key, while the next one is read."""
ONE_FORM: Final = "this value has only one form"
_PLAIN_TYPE: Final = "string"
"""Type of a value that is shown as it is stored."""
VALUE_SIGNS: Final = (
    ("rev 12", "Revision of the store at which the value was written."),
    ("v3", "Version: number of writes since the key was created."),
    ("left", "Time until the key expires, unless its lease is renewed."),
    ("▪", "A note on the value; notes that do not fit here are in the metadata."),
)
"""The signs above the value and their meanings."""


def more_notes(count: int) -> str:
    """Return that there are more notes than are shown above the value."""
    return f"{pluralize(count, 'more note')} in the metadata"


@dataclass(frozen=True, slots=True)
class ValueText:
    """A value, with a warning if it may be old; or an error or a notice in its place."""

    loaded: LoadedValue | None = None
    warning: str = ""
    """Why the value may be old; "" if it is current."""
    error: ExplorerError | None = None
    """Error in place of a value."""
    notice: str = ""
    """Text in place of a value, on one or more lines."""
    is_loading: bool = False
    """True if the notice is that the value is being read."""


def value_text(detail: Detail, tree: Tree, now: float) -> ValueText | None:
    """Return what to show of the selected key; None while the previous value stays.

    Args:
        detail: The selected key.
        tree: The tree of the key.
        now: Moment, in seconds of the session's clock.
    """
    match detail.state:
        case Loading(since=since):
            return None if now - since < LOADING_NOTICE_DELAY else ValueText(notice="reading …", is_loading=True)
        case Empty(reason=reason):
            node = None if detail.key is None else tree.node(detail.key)
            is_folder = node is not None and node.has_children
            text = "a folder without a value of its own" if is_folder else sanitize(reason)
            return ValueText(notice=f"{sanitize(detail.key or '')}\n\n{text}".strip())
        case Failed(error=error, stale=stale):
            if stale is None:
                return ValueText(error=error)
            return ValueText(stale, sanitize(f"as of {stale.time.astimezone():%H:%M:%S}: {error.message}"))
        case Ready(value=loaded):
            return ValueText(loaded, "deleted; this is its last value" if loaded.deleted else "")


def value_facts(loaded: LoadedValue, now: float | None) -> list[str]:
    """Return revision, version, size, and time left or lease of a value, as far as there are any.

    Args:
        loaded: The value.
        now: Moment of the time left, in seconds of the session's clock; None leaves it out.
    """
    entry = loaded.entry
    facts = [f"rev {sanitize(str(entry.revision))}"]
    if entry.version is not None:
        facts.append(f"v{entry.version}")
    facts.append(format_bytes(len(entry.value or b"")))
    if now is not None and (time_left := loaded.ttl_left(now)) is not None:
        facts.append(f"{format_duration(time_left)} left" if time_left > 0 else "expires now unless renewed")
    elif entry.lease and entry.ttl is None:
        facts.append(sanitize(f"lease {entry.lease}"))
    return facts


def type_text(loaded: LoadedValue) -> str:
    """Return how a value is read and why, after its type in the store if that has several, such as Redis."""
    kind, document = loaded.entry.meta.get("type", _PLAIN_TYPE), loaded.document
    return sanitize(f"{'' if kind == _PLAIN_TYPE else f'{kind} as '}{document.title}: {document.reason}")


def value_notes(loaded: LoadedValue) -> list[str]:
    """Return why a value cannot be edited, if it cannot, the constraints that it breaks, and the notes on it."""
    document = loaded.document
    reason = [f"cannot be edited: {document.read_only_reason}"] if document.read_only_reason else []
    return [sanitize(note) for note in (*reason, *_broken(loaded), *document.notes)]


def _broken(loaded: LoadedValue) -> list[str]:
    return [f"breaks the rule {violation}" for violation in loaded.violations]


def metadata(loaded: LoadedValue, now: float | None) -> list[str]:
    """Return everything that is known of an entry beside its value, one line per fact.

    Args:
        loaded: The value.
        now: Moment of the time left, in seconds of the session's clock; None leaves it out.
    """
    entry, document = loaded.entry, loaded.document
    time_left = None if now is None else loaded.ttl_left(now)
    rows: list[tuple[str, object]] = [
        ("key", entry.key),
        ("revision", entry.revision),
        ("created", entry.created),
        ("version", entry.version),
        ("size", pluralize(len(entry.value or b""), "byte")),
        ("lease", entry.lease),
        ("time left", None if time_left is None else format_duration(time_left)),
        *((name, value) for name, value in entry.meta.items()),
        ("read as", document.title),
        ("reason", document.reason),
        ("read at", f"{loaded.time.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("editing", document.read_only_reason or "possible"),
    ]
    lines = [f"{sanitize(str(name))}: {sanitize(str(value))}" for name, value in rows if value is not None]
    return lines + [f"note: {sanitize(note)}" for note in (*_broken(loaded), *document.notes)]
