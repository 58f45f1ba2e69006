"""Values as messages: what `get` shows and what `put` encodes. Protobuf is loaded when it is first needed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import UsageError
from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError, InvalidText

if TYPE_CHECKING:
    from explorer.codecs.base import Document, Form
    from explorer.codecs.codecs import Codecs


_OTHER: "Final[Mapping[Form, str]]" = {"json": "textproto", "text": "json"}


_FEW: Final = 5
"""Problems of schemas and rules that are shown."""


def first_few(lines: Sequence[str]) -> Sequence[str]:
    """Return the first lines, and how many more there are."""
    more = len(lines) - _FEW
    return lines if more <= 1 else (*lines[:_FEW], f"and {more} more problems of schemas or rules")


class Decoding:
    """How values are read in one run, by what was said, the settings and the store itself."""

    def __init__(self, store: Store, reading: arguments.Reading, console: Console) -> None:
        self._store = store
        self._reading = reading
        self._console = console

    async def shown(self, wanted: arguments.Get, value: bytes) -> str | None:
        """Give a value's message in the form that is wanted; None when nothing says that it is one.

        Raises:
            ExplorerError: It is to be a message and is none, or cannot be shown as a whole in this form.
            SchemaFailed: A schema or the file of rules cannot be used.
        """
        from explorer.codecs.base import Choice  # noqa: PLC0415 - loaded only where a value is decoded

        codecs = await self._codecs()
        rule = codecs.rule(wanted.key)
        known = Choice("protobuf", wanted.type) if wanted.type else rule.choice if rule else None
        if known is None or known.type is None:
            return None
        form: Form = "json" if wanted.form == "json" else "text"
        document = codecs.open(wanted.key, value, Choice(known.codec, known.type, form, known.schema))
        if document.choice.type is None:
            raise ExplorerError(_why(document), hint="--as text shows it as it is", key=wanted.key)
        if document.choice.form != form:
            raise ExplorerError(document.notes[0], hint=f"--as {_OTHER[form]} can say all of it", key=wanted.key)
        if document.read_only_reason is not None:
            raise ExplorerError(document.read_only_reason, hint="--as raw gives all of it", key=wanted.key)
        return document.text

    async def encoded(self, wanted: arguments.Put, kind: str, text: bytes) -> bytes:
        """Give the bytes of a message that is written as text.

        Raises:
            InvalidText: It is no such message; the message says where.
            SchemaFailed: A schema or the file of rules cannot be used.
            UsageError: No schema has the message, or the text is not UTF-8.
        """
        from explorer.codecs.base import Choice  # noqa: PLC0415 - loaded only where a value is decoded
        from explorer.codecs.protobuf.fields import missing_fields  # noqa: PLC0415 - as above

        codecs = await self._codecs()
        document = codecs.open(wanted.key, b"", Choice("protobuf", kind, "json" if wanted.form == "json" else "text"))
        if document.choice.type is None:
            raise UsageError(_why(document), hint="name its schema with --proto")
        try:
            encoded = document.encode(text.decode())
        except UnicodeDecodeError as error:
            raise UsageError(f"the text of the message is not UTF-8: byte {error.start}") from error
        made = codecs.schemas.find(kind)
        if not encoded.value and made is not None and (missing := missing_fields(made.parse(b""))):
            raise InvalidText(f"required fields are missing: {', '.join(missing)}", key=wanted.key)
        for note in encoded.notes:
            self._console.note(f"keyscope: {note}")
        return encoded.value

    async def _codecs(self) -> "Codecs":
        from explorer.codecs.load import codecs_for  # noqa: PLC0415 - loaded only where a value is decoded

        said = self._reading
        codecs = await asyncio.to_thread(
            codecs_for, self._store, protos=said.protos, includes=said.includes, file=said.codecs
        )
        for complaint in first_few(codecs.problems):
            self._console.note(f"keyscope: {complaint}")
        return codecs


def _why(document: "Document") -> str:
    """Say why a value is not shown as the message that was named."""
    return document.reason.removeprefix("chosen by hand, but ").partition(";")[0]
