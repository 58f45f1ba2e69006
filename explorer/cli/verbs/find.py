"""The verb `find`."""

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.output import key_formatter
from explorer.codecs.base import KUBERNETES_MAGIC
from explorer.codecs.lazy import LazyCodecs
from explorer.codecs.options import CodecOptions
from explorer.config import Profile
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.plans.search import Search, SearchHit, SearchQuery, left_out_texts, searched_text, value_text
from explorer.plans.side import PlanSide

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.codecs import Codecs


def message_decoder(store: Store, options: CodecOptions) -> Callable[[Entry], str]:
    """Return a function that returns the text of a value: of a message its fields, of any other its bytes.

    Protobuf is loaded for the first value that may be a message.
    """
    can_have_rule = bool(store.messages) or options.is_configured
    codecs = LazyCodecs(partial(_load_codecs, store, options))

    def decode(entry: Entry) -> str:
        if can_have_rule or (entry.value or b"").startswith(KUBERNETES_MAGIC):
            return searched_text(codecs, entry)
        return value_text(entry)

    return decode


def _load_codecs(store: Store, options: CodecOptions) -> "Codecs":
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - loaded only where a value is decoded

    return codecs_for(store, options)


async def find(store: Store, options: arguments.FindArguments, console: Console, decode: Callable[[Entry], str]) -> int:
    """Print what matches while the search runs, then how much was looked at; the exit code is 3 if nothing was found.

    Args:
        store: The store.
        options: The options of the verb.
        console: Where to print.
        decode: Returns the text of a value to search in; called in a thread.

    Raises:
        UsageError: There is no pattern.
        InvalidText: A pattern is no regular expression.
    """
    if options.key is None and options.value is None:
        raise UsageError("find needs --key or --value", hint="as in: find URL config/ --value localhost")
    query = SearchQuery(options.key, options.value, options.regex, options.ignore_case)
    side = PlanSide(store, directory(options.prefix, store.separator))
    search = Search(side, query, decode, (store.profile or Profile("")).masks)
    count = 0
    try:
        async with aclosing(search.hits()) as hits:
            async for hit in hits:
                _print(hit, options, console)
                count += 1
                if count == options.limit:
                    break
    except KeyNotFound:
        search.is_complete = True
    rest = "" if search.is_complete else "; there may be more"
    console.print_note(f"{pluralize(count, 'match', 'matches')} in {pluralize(search.looked_at, 'key')}{rest}")
    for text in left_out_texts(search.left_out):
        console.print_note(f"keyscope: {text}")
    return ExitCode.SUCCESS if count else ExitCode.NOT_FOUND


def _print(hit: SearchHit, options: arguments.FindArguments, console: Console) -> None:
    if console.json:
        console.print_record({"key": hit.key, "where": hit.where, "match": hit.match})
        return
    key = key_formatter(escaped=options.escaped)(hit.key)
    console.print_line(key if hit.where == "key" else f"{key}: {hit.match}")
    console.flush()
