"""Finder: searches keys and values in the background, and keeps what it found."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from explorer.model.errors import InvalidText, KeyNotFound
from explorer.model.keys import directory
from explorer.plans.search import Search, SearchHit, SearchQuery, count_keys, searched_text
from explorer.plans.side import PlanSide
from explorer.session.decoder import ValueCodecs
from explorer.session.results.result_list import ResultHost, ResultList

NOTHING_TO_FIND: Final = "type a part of a key, or of a value"


@dataclass(frozen=True, slots=True)
class FindRequest:
    """Request of a search.

    Args:
        key: Part of a key, or a glob of the whole key, or with `regex` a regular expression; empty for any key.
        value: Part of a value's text, or with `regex` a regular expression; empty for any value.
        regex: Whether these are regular expressions.
        prefix: Folder to search below; empty for everything.
        ignore_case: Whether upper and lower case are the same; None for each text that has no upper-case letter.
    """

    key: str = ""
    value: str = ""
    regex: bool = False
    prefix: str = ""
    ignore_case: bool | None = None

    @property
    def query(self) -> SearchQuery:
        """The patterns."""
        return SearchQuery(self.key or None, self.value or None, self.regex, self.ignore_case)

    def problem(self) -> str:
        """Return why this cannot be searched for; empty if it can."""
        if not (self.key or self.value):
            return NOTHING_TO_FIND
        try:
            self.query.key_pattern()
            self.query.value_pattern()
        except InvalidText as error:
            return error.message
        return ""


class Finder(ResultList[SearchHit]):
    """Finds keys by their names and values by their texts; a message is searched by its fields.

    Args:
        host: The session.
        codecs: Decodes values.
        is_masked: Returns whether the value of a key is not searched.
    """

    job_name = "find"

    def __init__(
        self,
        host: ResultHost,
        *,
        codecs: ValueCodecs,
        is_masked: Callable[[str], bool],
    ) -> None:
        super().__init__(host)
        self._codecs = codecs
        self._is_masked = is_masked
        self.request = FindRequest()
        """The request of the last search."""

    def find(self, request: FindRequest) -> None:
        """Start a search in place of the present one.

        Raises:
            InvalidText: There is nothing to find, or a pattern is no regular expression.
        """
        if problem := request.problem():
            raise InvalidText(problem)
        self.request = request
        self._start()

    async def _pages(self) -> AsyncGenerator[Sequence[SearchHit], None]:
        store = self._get_store()
        side = PlanSide(store, directory(self.request.prefix, store.separator))
        search = Search(side, self.request.query, partial(searched_text, self._codecs), self._is_masked)
        with suppress(KeyNotFound):  # nothing is there
            self.total = await count_keys(side)
            async with aclosing(search.pages()) as pages:
                async for page in pages:
                    self.looked_at, self.left_out = search.looked_at, search.left_out
                    yield page
