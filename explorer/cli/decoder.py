"""Decoding and encoding of messages for `get` and `put`; protobuf is loaded when it is first needed."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from explorer.cli.arguments import GetArguments, PutArguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import UsageError
from explorer.codecs.options import CodecOptions, limit_problems
from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError

if TYPE_CHECKING:
    from explorer.codecs.base import Form
    from explorer.codecs.codecs import Codecs
    from explorer.codecs.constraints.constraint import Violation

_OTHER_FORM: "Final[Mapping[Form, str]]" = {"json": "textproto", "text": "json"}
"""Form that may show what a form cannot."""


class ValueDecoder:
    """Decodes and encodes values by the options, the settings and the schema of the store."""

    def __init__(self, store: Store, options: CodecOptions, console: Console) -> None:
        self._store = store
        self._options = options
        self._console = console

    async def decode(self, get: GetArguments, value: bytes) -> str | None:
        """Return a message's text in the form of `--as`, or None if the value is not known to be a message.

        Raises:
            ExplorerError: The value is not such a message, or this form cannot show all of it.
            SchemaFailed: A schema or the file of rules is invalid.
        """
        from explorer.codecs.base import KUBERNETES_MAGIC, Choice  # noqa: PLC0415 - loaded only to decode a value

        is_kubernetes = value.startswith(KUBERNETES_MAGIC)
        can_have_rule = bool(self._store.messages) or self._options.is_configured
        if get.type is None and not can_have_rule and not is_kubernetes:
            return None  # do not load protobuf and yaml to find no rule
        from explorer.codecs.codecs import mismatch  # noqa: PLC0415 - loaded only to decode a value

        codecs = await load_codecs(self._store, self._options, self._console)
        rule = codecs.rule(get.key)
        known = Choice("protobuf", get.type) if get.type else rule.choice if rule else None
        if known is None and is_kubernetes:
            known = Choice("k8s")
        if known is None or (known.type is None and known.codec != "k8s"):
            return None
        form: Form = "json" if get.form == "json" else "text"
        document = codecs.open(get.key, value, Choice(known.codec, known.type, form, known.schema))
        if document.choice.type is None:
            raise ExplorerError(mismatch(document), hint="use --as text", key=get.key)
        if document.choice.form != form:
            raise ExplorerError(document.notes[0], hint=f"use --as {_OTHER_FORM[form]}", key=get.key)
        if document.read_only_reason is not None:
            raise ExplorerError(document.read_only_reason, hint="use --as raw", key=get.key)
        return document.text

    async def encode(self, put: PutArguments, message: str, text: bytes) -> bytes:
        """Return the bytes of a message given as text.

        Raises:
            InvalidText: The text is not such a message; the error has the place.
            SchemaFailed: A schema or the file of rules is invalid.
            UsageError: No schema has the message, or the text is not UTF-8.
        """
        from explorer.codecs.base import Choice  # noqa: PLC0415 - loaded only where a value is encoded
        from explorer.codecs.codecs import mismatch  # noqa: PLC0415 - as above

        codecs = await load_codecs(self._store, self._options, self._console)
        choice = Choice("protobuf", message, "json" if put.form == "json" else "text")
        if codecs.schemas.find(message) is None:
            raise UsageError(mismatch(codecs.open(put.key, b"", choice)), hint="name its schema with --proto")
        try:
            encoded = codecs.encode_new(put.key, text.decode(), choice)
        except UnicodeDecodeError as error:
            raise UsageError(f"the text of the message is not UTF-8 (byte {error.start})") from error
        for note in encoded.notes:
            self._console.print_note(f"keyscope: {note}")
        return encoded.value

    async def violations(self, put: PutArguments, value: bytes) -> tuple["Violation", ...]:
        """Return what breaks the constraints of the key that is written.

        Raises:
            SchemaFailed: A schema or the file of rules is invalid.
        """
        if not self._options.has_constraints:
            return ()  # do not load protobuf and yaml to find none
        codecs = await load_codecs(self._store, self._options, self._console)
        return await asyncio.to_thread(codecs.violations, put.key, value)


async def load_codecs(store: Store, options: CodecOptions, console: Console) -> "Codecs":
    """Return the codecs of a store; problems of schemas and rules are printed.

    Raises:
        SchemaFailed: A schema or the file of rules is invalid.
    """
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - loaded only where a value is decoded

    codecs = await asyncio.to_thread(codecs_for, store, options)
    for problem in limit_problems(codecs.problems):
        console.print_note(f"keyscope: {problem}")
    return codecs
