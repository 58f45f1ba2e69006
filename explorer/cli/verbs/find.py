"""The verb `find`."""

from contextlib import aclosing

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.output import key_formatter
from explorer.drivers.base import Store
from explorer.model.errors import KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.plans.search import Search, SearchHit, SearchQuery
from explorer.plans.side import PlanSide


async def find(store: Store, options: arguments.FindArguments, console: Console) -> int:
    """Print what matches while the search runs, then how much was looked at; the exit code is 3 if nothing was found.

    Raises:
        UsageError: There is no pattern.
        InvalidText: A pattern is no regular expression.
    """
    if options.key is None and options.value is None:
        raise UsageError("find needs --key or --value", hint="as in: find URL config/ --value localhost")
    query = SearchQuery(options.key, options.value, options.regex, options.ignore_case)
    search = Search(PlanSide(store, directory(options.prefix, store.separator)), query)
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
    return ExitCode.SUCCESS if count else ExitCode.NOT_FOUND


def _print(hit: SearchHit, options: arguments.FindArguments, console: Console) -> None:
    if console.json:
        console.print_record({"key": hit.key, "where": hit.where, "match": hit.match})
        return
    key = key_formatter(escaped=options.escaped)(hit.key)
    console.print_line(key if hit.where == "key" else f"{key}: {hit.match}")
    console.flush()
