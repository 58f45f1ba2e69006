"""The list of found keys, which fills while the search runs."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual.binding import BindingType

from explorer.plans.search import SearchHit, left_out_texts
from explorer.session.actions import Place
from explorer.session.results.result_file import hit_line
from explorer.session.results.result_text import MATCH, find_title, match_parts, progress_text
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import Piece, short_key, shorten_middle
from explorer.tui.flows.result_questions import ask_what_to_find
from explorer.tui.keys import bindings
from explorer.tui.screens.result_screen import ItemRows, ResultScreen
from explorer.tui.type_ahead import release_keys

_MIN_KEY_WIDTH: Final = 16
_KEY_SHARE: Final = 0.5


class HitRows(ItemRows[SearchHit]):
    """Found keys, each with the line of its value that matches."""

    def item_pieces(self, item: SearchHit, width: int) -> list[Piece]:
        """Return a row: the key and the line, with the match marked."""
        if item.where == "key":
            before, found, after = match_parts(item, width)
            return [("", before), ("virtual-list--marked", found), ("", after)]
        key = shorten_middle(short_key(item.key), max(_MIN_KEY_WIDTH, int(width * _KEY_SHARE)))
        number = f"  {item.line}: " if item.line > 1 else "  "
        before, found, after = match_parts(item, width - len(key) - len(number))
        return [
            ("virtual-list--key", key),
            ("virtual-list--dim", number),
            ("", before),
            ("virtual-list--marked", found),
            ("", after),
        ]


class HitsScreen(ResultScreen[SearchHit]):
    """Found keys; enter goes to the key in the tree."""

    place = Place.HITS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.HITS)

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.results.finder)

    def make_rows(self) -> HitRows:
        """Return the list."""
        return HitRows(self.session.results.finder)

    def title_text(self) -> str:
        """Return what is searched for."""
        return f"Find {find_title(self.session.results.finder.request)}"

    def progress(self) -> Iterator[tuple[str, Tone]]:
        """Yield how far the search is, and what was left out."""
        finder = self.session.results.finder
        yield progress_text(finder, self.session.clock.now(), MATCH)
        for text in left_out_texts(finder.left_out):
            yield text, Tone.WARNING

    def key_of(self, item: SearchHit) -> str:
        """Return the key of a hit."""
        return item.key

    def file_lines(self) -> Sequence[str]:
        """Return the hits as the command prints them."""
        return [hit_line(hit) for hit in self.session.results.finder.items]

    async def do_find(self) -> None:
        """Ask again what to find."""
        await ask_what_to_find(self, self.session)
        release_keys()
