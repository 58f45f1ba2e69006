"""Decoder and encoder of entries for scripts and notebooks; protobuf and yaml are loaded for the first value."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from explorer.codecs.options import CodecNames, CodecOptions, PathName, limit_problems
from explorer.config import Profile
from explorer.model.entries import Entry
from explorer.model.sanitize import sanitize

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.base import Choice, Document, Form
    from explorer.codecs.codecs import Codecs
    from explorer.codecs.constraints.constraint import Violation
    from explorer.codecs.load import StoreInfo


class EntryDecoder:
    """Decodes and encodes the entries of a store by the same schemas and rules as the app and the command.

    Args:
        store: The store; it need not be connected.
        proto: Schemas, as `--proto`; by default those of the profile that the store was opened by.
        import_paths: Folders that imports of schemas are relative to, as `-I`; by default those of the profile.
        codecs: Rule file, `preset:NAME`, or a list of them, as `--codecs`; by default those of the profile, else the
            rule file of the settings folder.
    """

    def __init__(
        self,
        store: "StoreInfo",
        *,
        proto: Sequence[PathName] = (),
        import_paths: Sequence[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> None:
        options = CodecOptions.from_names(proto, import_paths, codecs)
        profile = store.profile or Profile("")
        self._load = partial(_load_codecs, store, options.or_of(profile))
        self._codecs: Codecs | None = None

    def decode(self, entry: Entry) -> object:
        """Return the value of an entry as Python data.

        - A message, or JSON or YAML, is a dict, a list or a scalar. Integers are exact, enums are names, bytes are
          bytes; timestamps and the like are written as in protobuf's JSON.
        - Any other text is a string.
        - Anything else, and a value that is not of the type of its rule, is its bytes.
        - None if the entry has no value.

        Raises:
            SchemaFailed: A schema or the rule file is invalid.
        """
        from explorer.codecs.values import decode_value  # noqa: PLC0415 - imports protobuf and yaml

        if entry.value is None:
            return None
        return decode_value(self._loaded(), entry.key, entry.value)

    def text(self, entry: Entry, *, message: str | None = None, form: "Form | None" = None) -> str:
        """Return the text of a value, as the app shows it to edit it; any bytes have one.

        Args:
            entry: The entry.
            message: Type of the message; by default that of the rule for the key, if there is one.
            form: `text` for protobuf's text format, `json` for JSON.

        Raises:
            SchemaFailed: A schema or the rule file is invalid.
        """
        return self._document(entry, message, form).text

    def encode(self, entry: Entry | str, text: str, *, message: str | None = None, form: "Form | None" = None) -> bytes:
        """Return the value of a text: the way back from `text`.

        Args:
            entry: The entry that was read, whose bytes are kept where the text is not edited; a key for a new value.
            text: The text: of a message, JSON, YAML, or hex, as `text` returns it for such a key.
            message: As for `text`.
            form: As for `text`.

        Raises:
            InvalidText: The text is no such value; the error has the line and the column.
            SchemaFailed: No schema has the message type, or a schema or the rule file is invalid.
        """
        if isinstance(entry, Entry):
            return self._document(entry, message, form).encode(text).value
        return self._loaded().encode_new(entry, text, self._choice(entry, message, form)).value

    def message_text(self, key: str, value: bytes) -> str | None:
        """Return the fields of a message as text, to search in; None if the value of the key is no message."""
        return self._loaded().message_text(key, value)

    def violations(self, entry: Entry | str, value: bytes | None = None) -> "tuple[Violation, ...]":
        """Return what breaks the rules for the values of a key; empty if it has none, or keeps them.

        Args:
            entry: The entry, or a key.
            value: The value to check, such as one that `encode` returned; by default that of the entry.

        Raises:
            SchemaFailed: A schema or the rule file is invalid.
        """
        if isinstance(entry, Entry):
            key, value = entry.key, entry.value if value is None else value
        else:
            key = entry
        return self._loaded().violations(key, value or b"")

    def _document(self, entry: Entry, message: str | None, form: "Form | None") -> "Document":
        return self._loaded().open(entry.key, entry.value or b"", self._choice(entry.key, message, form))

    def _choice(self, key: str, message: str | None, form: "Form | None") -> "Choice | None":
        """Return the codec that the caller asks for; None for that of the rule, or the detected one."""
        from explorer.codecs.base import Choice  # noqa: PLC0415 - imports protobuf and yaml

        rule = self._loaded().rule(key)
        if message is not None:
            return Choice("protobuf", message, form or "text")
        return replace(rule.choice, form=form) if rule and form else None

    def _loaded(self) -> "Codecs":
        if self._codecs is None:
            self._codecs = self._load()
        return self._codecs


def _load_codecs(store: "StoreInfo", options: CodecOptions) -> "Codecs":
    """Return the codecs; problems of schemas and rules are warnings."""
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - imports protobuf and yaml

    codecs = codecs_for(store, options)
    for problem in limit_problems(codecs.problems):
        warnings.warn(sanitize(problem), UserWarning, stacklevel=4)
    return codecs
