"""Completion of the words of `%kv` by Tab, by the completers of the shell."""

import re
import shlex
from contextlib import suppress
from typing import Final, cast

from argcomplete.completers import SuppressCompleter
from argcomplete.finders import CompletionFinder
from argcomplete.lexers import split_line
from IPython.core.completer import (
    CompletionContext,
    MatcherAPIv2,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from explorer.cli.completion import completion_parser
from explorer.magics.kv import CELL_VERBS, USE, KvMagic
from explorer.model.errors import ExplorerError

MATCHER_ID: Final = "keyscope.kv"
_PRIORITY: Final = 1000.0
"""Before the matchers of Python, one of which may take seconds when it is first called."""
_LINE: Final = re.compile(r"\s*(?:\w+\s*=\s*)?%{1,2}kv\s+(.*)")
_LAST_WORD: Final = re.compile(r"""(?:[^\s"'\\]|\\.|\\$|"(?:[^"\\]|\\.)*(?:"|\\?$)|'[^']*(?:'|$))*$""")
"""Last word of a line as it was typed: it may be quoted, and the quotation open."""


def key_matcher(magic: KvMagic) -> MatcherAPIv2:
    """Return the matcher to register."""

    def match(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None:
            return {"completions": []}
        last_word = _LAST_WORD.search(line[1])
        typed = "" if last_word is None else last_word[0]
        words = _complete(magic, line[1]) or [typed]  # without any, names of Python would be offered
        return {
            "completions": [SimpleCompletion(text=word, type="key") for word in words],
            "matched_fragment": typed,
            "suppress": True,
            "ordered": True,
        }

    return cast("MatcherAPIv2", context_matcher(identifier=MATCHER_ID, priority=_PRIORITY)(match))


def _complete(magic: KvMagic, line: str) -> list[str]:
    """Return the completions of the last word of a line, quoted where `%kv` needs it."""
    prefix, words = split_line(line)[1], split_line(line)[3]
    if not words:
        return [verb for verb in (USE, *CELL_VERBS) if verb.startswith(prefix)]
    if words[0] == USE:
        words = ["get", *words[1:]]
    elif words[0] not in CELL_VERBS:
        return []
    else:
        words = list(magic.with_store([*words, prefix])[:-1])
    finder = _WordFinder(completion_parser(words), always_complete_options=False, default_completer=SuppressCompleter())
    with suppress(ExplorerError, OSError):
        finder.rl_complete(shlex.join([*words, prefix]) if prefix else f"{shlex.join(words)} ", 0)
    return [shlex.quote(word) for word in finder.found]


class _WordFinder(CompletionFinder):
    """Finder that leaves the quoting to the caller."""

    found: list[str]

    def quote_completions(
        self, completions: list[str], cword_prequote: str, last_wordbreak_pos: int | None
    ) -> list[str]:
        del cword_prequote, last_wordbreak_pos
        self.found = completions
        return []
