"""Texts about drafts."""

from datetime import UTC, datetime

from explorer.session.editing.draft_text import draft_facts, draft_options
from explorer.session.editing.drafts import Draft


def test_draft_options_delete_a_draft_only_if_it_is_the_only_one() -> None:
    draft = Draft("store", "a", "text", b"", 1, None, datetime(2026, 1, 1, tzinfo=UTC))
    assert [one.value for one in draft_options([draft])] == [draft, "stored", "discard"]
    assert draft_options([draft])[0].details == f"of {draft_facts(draft)}"
    assert draft_facts(draft).endswith(", 4 characters")
    assert [one.value for one in draft_options([draft, draft])] == [draft, draft, "stored"]
