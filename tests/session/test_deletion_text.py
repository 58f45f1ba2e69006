"""Questions and answers of a deletion."""

from dataclasses import replace

from explorer.model.entries import Entry
from explorer.model.errors import Denied, KeyModified
from explorer.session.editing.deletion import DeletePlan
from explorer.session.editing.deletion_text import (
    DeletionScope,
    changed_options,
    confirmation_word,
    deletion_facts,
    deletion_failure,
    deletion_outcome,
    deletion_scopes,
    deletion_title,
)
from explorer.session.states import Tone
from tests.session.fixtures import Place, opened

KEY = DeletePlan(
    "a\x1b", subtree=False, entry=Entry("a", b"12", 7, lease="9"), count=1, truncated=False, keys=("a",), revision=7
)
FOLDER = DeletePlan(
    "a/b",
    subtree=True,
    entry=None,
    count=2,
    truncated=False,
    keys=("a/b/1", "a/b/2"),
    revision=7,
    prefix="a/b/",
    revisions=(("a/b/1", 5), ("a/b/2", 6)),
)


async def test_deletion_scopes_ask_only_for_a_key_with_keys_below() -> None:
    place = Place()
    async with place.other() as other:
        for key in ("leaf", "folder/x", "both", "both/x"):
            await other.put(key, b"")
    async with opened(place) as session:
        scopes = {key: [one.value for one in deletion_scopes(session, key)] for key in ("leaf", "folder", "both")}
    below, all_of_it = DeletionScope(subtree=True), DeletionScope(subtree=True, with_key=True)
    assert scopes == {
        "leaf": [DeletionScope(subtree=False)],
        "folder": [below],
        "both": [DeletionScope(subtree=False), below, all_of_it],
    }


def test_confirmation_word_is_the_name_or_a_count() -> None:
    assert confirmation_word(KEY, "/") is None
    assert confirmation_word(FOLDER, "/") == "b"
    assert confirmation_word(replace(FOLDER, key="", prefix="/"), "/") == "/"
    assert confirmation_word(replace(FOLDER, key="n" * 41), "/") == "2"
    assert confirmation_word(FOLDER, "/", measure=lambda text: 41 * len(text)) == "2"


def test_deletion_title_and_facts() -> None:
    assert deletion_title(KEY, "NAME") == "Delete this key?"
    assert deletion_facts(KEY, "etcd://h/") == [
        ("2 B, rev 7", Tone.PLAIN),
        ("attached to lease 9", Tone.WARNING),
        ("in etcd://h/", Tone.QUIET),
        ("The key is deleted only if it has not changed since.", Tone.QUIET),
    ]
    assert deletion_title(FOLDER, "NAME") == "Everything below NAME: 2 entries"
    truncated = replace(FOLDER, entry=KEY.entry, truncated=True)
    assert deletion_title(truncated, "NAME") == "NAME and everything below it: more than 2 entries"
    conditions = [deletion_facts(plan, "")[-1][0] for plan in (FOLDER, replace(FOLDER, one_by_one=()))]
    assert conditions[0].startswith("Nothing is deleted if")
    assert conditions[1].startswith("This store deletes key by key")


def test_deletion_after_a_conflict_can_skip_what_changed() -> None:
    assert changed_options(KEY) == []
    assert [one.value for one in changed_options(FOLDER)] == [None, FOLDER.as_one_by_one()]
    assert changed_options(replace(FOLDER, one_by_one=FOLDER.revisions)) == []


def test_deletion_failure_and_outcome() -> None:
    assert deletion_failure(KeyModified("it\nchanged")) == "Nothing was deleted: it\\nchanged"
    assert deletion_failure(Denied("no", hint="ask")) == "no (ask)"
    assert deletion_outcome(FOLDER, 2) == "deleted 2 entries"
    assert deletion_outcome(FOLDER, 1) == "deleted 1 entry; 1 entry changed or deleted meanwhile"
    assert deletion_outcome(replace(FOLDER, truncated=True), 1) == "deleted 1 entry"
