"""JSON as tokens, for its indented layout."""

import re
from typing import Final

from explorer.codecs.text.syntax import check_json
from explorer.codecs.text.token_layout import VALUE, Tokens

JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_SIGNS: Final = frozenset("[]{},:")


def json_tokens(text: str) -> Tokens:
    """Cut JSON into tokens.

    Raises:
        InvalidText: It is not JSON.
    """
    check_json(text)
    texts: list[str] = []
    gaps: list[str] = []
    end = 0
    for found in JSON_TOKEN.finditer(text):
        gaps.append(text[end : found.start()])
        texts.append(found[0])
        end = found.end()
    gaps.append(text[end:])
    return Tokens(texts, [text if text in _SIGNS else VALUE for text in texts], gaps)
