"""Diffs of stored values in the output of the verbs for many keys."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from explorer.cli.console import Console
from explorer.cli.decoder import load_codecs
from explorer.codecs.options import CodecOptions
from explorer.config import MASKED, Profile
from explorer.drivers.base import Store
from explorer.session.editing.comparison_text import visible_parts

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.constraints.constraint import Violation
    from explorer.session.decoder import Decoder


class ValueDiff:
    """Prints what differs between two values; a message is compared by its fields.

    Args:
        options: Schemas and rules of the command line.
        console: Where the diffs are printed; nowhere if it prints JSON.
    """

    def __init__(self, options: CodecOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._decoders: dict[str, Decoder] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for decoder in self._decoders.values():
            decoder.close()

    async def print(self, store: Store, key: str, before: bytes | None, after: bytes | None) -> None:
        """Print the lines of a diff, indented.

        Args:
            store: The store whose rules and schemas are used.
            key: The key, relative to its address.
            before: The one value.
            after: The other.
        """
        if self._console.json:
            return
        if store.profile is not None and store.profile.masks(key):
            self._console.print_line(f"    {MASKED}")
            return
        for line in await (await self._decoder(store)).compare_values(key, before, after):
            self._console.print_line(f"    {line.sign}{''.join(text for text, _ in visible_parts(line))}")

    async def violations(self, store: Store, key: str, value: bytes) -> Sequence["Violation"]:
        """Return what breaks the constraints of a key of a store if a value is stored."""
        if not self._options.or_of(store.profile or Profile("")).has_constraints:
            return ()
        return await (await self._decoder(store)).check(key, value)

    async def _decoder(self, store: Store) -> "Decoder":
        from explorer.session.decoder import Decoder  # noqa: PLC0415 - imports protobuf and yaml

        if store.redacted not in self._decoders:
            options = self._options.or_of(store.profile or Profile(""))
            self._decoders[store.redacted] = Decoder(await load_codecs(store, options, self._console))
        return self._decoders[store.redacted]
