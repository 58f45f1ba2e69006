"""Diffs of stored values in the output of the verbs for many keys."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from explorer.cli.console import Console
from explorer.cli.decoder import load_codecs
from explorer.codecs.options import CodecOptions
from explorer.config import MASKED, Profile
from explorer.drivers.base import Store
from explorer.opener import open_profile
from explorer.session.editing.comparison_text import visible_parts

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.codecs import Codecs
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
        self._has_constraints: dict[str, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for decoder in self._decoders.values():
            decoder.close()

    async def print(
        self, store: Store | None, key: str, before: bytes | None, after: bytes | None, *, masked: bool = False
    ) -> None:
        """Print the lines of a diff, indented.

        Args:
            store: The store whose rules and schemas are used; None for those of the command line.
            key: The key, relative to its address.
            before: The one value.
            after: The other.
            masked: Whether they are not shown; nor are those of a key that the store's profile masks.
        """
        if self._console.json:
            return
        if masked or (store is not None and store.profile is not None and store.profile.masks(key)):
            self._console.print_line(f"    {MASKED}")
            return
        for line in await (await self._decoder(store)).compare_values(key, before, after):
            self._console.print_line(f"    {line.sign}{''.join(text for text, _ in visible_parts(line))}")

    async def violations(self, store: Store, key: str, value: bytes) -> Sequence["Violation"]:
        """Return what breaks the constraints of a key of a store if a value is stored."""
        name = store.redacted
        if name not in self._has_constraints:
            self._has_constraints[name] = self._options.or_of(store.profile or Profile("")).has_constraints
        if not self._has_constraints[name]:
            return ()
        return await (await self._decoder(store)).check(key, value)

    async def codecs(self, store: Store) -> "Codecs":
        """Return the codecs of a store.

        Raises:
            SchemaFailed: A schema or the file of rules is invalid.
        """
        return await load_codecs(store, self._options.or_of(store.profile or Profile("")), self._console)

    async def _decoder(self, store: Store | None) -> "Decoder":
        from explorer.session.decoder import Decoder  # noqa: PLC0415 - imports protobuf and yaml

        name = "" if store is None else store.redacted
        if name not in self._decoders:
            used = open_profile(Profile("memory:")) if store is None else store
            self._decoders[name] = Decoder(await self.codecs(used))
        return self._decoders[name]
