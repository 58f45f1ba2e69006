"""The lists of results of a session: found keys, differences, the journal, and the plan under review."""

from collections.abc import Callable
from pathlib import Path

from explorer.journal import Journal
from explorer.session.decoder import Decoder, ValueCodecs
from explorer.session.results.comparison import Comparison
from explorer.session.results.finder import Finder
from explorer.session.results.journal_list import JournalList
from explorer.session.results.other_side import Connect
from explorer.session.results.plan_review import PlanReview
from explorer.session.results.result_list import ResultHost


class Results:
    """The lists of results of a session.

    Args:
        host: The session.
        codecs: Decodes values that are searched.
        decoder: Decodes, compares and checks values.
        connect: Returns the store of a URL or `@PROFILE`, not yet connected; None if there are no others.
        is_masked: Returns whether the value of a key is left out.
        journal: This person's journal; None if none is kept.
        plans: Folder of applied plans; None applies none.
    """

    def __init__(
        self,
        host: ResultHost,
        codecs: ValueCodecs,
        decoder: Decoder,
        *,
        connect: Connect | None,
        is_masked: Callable[[str], bool],
        journal: Journal | None,
        plans: Path | None,
    ) -> None:
        self.finder = Finder(host, codecs=codecs, is_masked=is_masked)
        """Found keys."""
        self.comparison = Comparison(host, decoder=decoder, connect=connect, is_masked=is_masked)
        """Differences to another side."""
        self.journal_list = JournalList(host, decoder=decoder, journal=journal)
        """This person's changes."""
        self.plan_review = PlanReview(host, decoder=decoder, connect=connect, folder=plans, is_masked=is_masked)
        """The plan that was made last."""
