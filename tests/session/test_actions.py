"""One registry: every action is named, explained, keyed without ambiguity, and off for a reason that is told."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from explorer.model.capabilities import Capability
from explorer.model.errors import InvalidAddress
from explorer.session.action_context import ActionContext
from explorer.session.actions import Action, Actions, Need, Place
from explorer.session.commands import ACTIONS

AMBIGUOUS = {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+left_square_bracket"}
"""Keys that many terminals send for backspace, tab, enter and escape."""


def test_action_ids_are_unique_words() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in ids)


def test_keys_mean_one_action_in_each_place() -> None:
    assert list(ACTIONS.clashes()) == []


def test_with_keys_clash_is_refused() -> None:
    with pytest.raises(InvalidAddress, match=r"'e' means both edit and delete in the tree"):
        ACTIONS.with_keys({"delete": ["e"]})


def test_keys_exclude_those_that_terminals_confuse() -> None:
    assert not AMBIGUOUS & {key for action in ACTIONS for key in action.keys}


def test_keys_in_the_editor_are_no_characters() -> None:
    for action in ACTIONS.at(Place.EDITOR):
        assert all(len(key) > 1 for key in action.keys_at(Place.EDITOR))
        assert action.keys_at(Place.EDITOR), action.id


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_action_has_title_help_and_group(action: Action) -> None:
    assert action.title[0].isupper() or action.title[0] == "$"
    assert len(action.title.split()) <= 3
    assert action.help.endswith(".")
    assert len(action.help) <= 80
    assert action.group


def test_footer_is_ordered_by_priority() -> None:
    """The footer shows the most important action first in every place."""
    for place in Place:
        footer = ACTIONS.footer(place)
        assert footer
        assert all(one.priority >= other.priority for one, other in pairwise(footer))
        assert all(action.keys_at(place) for action in footer)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_action_is_enabled_in_some_context(action: Action) -> None:
    browsing = ActionContext(selected="key", has_marks=True)
    editing = ActionContext(selected="key", open_edit="key", in_conflict=True, outcome_unknown=True)
    assert None in (action.disabled_reason(browsing), action.disabled_reason(editing))


@pytest.mark.parametrize(
    ("name", "context", "reason"),
    [
        ("edit", ActionContext(selected=None), "no key is selected"),
        (
            "edit",
            ActionContext(selected="key", read_only_reason="read-only: w unlocks writing"),
            "read-only: w unlocks writing",
        ),
        ("edit", ActionContext(selected="key", unreadable_reason="no value is shown"), "no value is shown"),
        ("edit", ActionContext(selected="key", uneditable_reason="it is too large"), "it is too large"),
        ("edit", ActionContext(selected="key", open_edit="other"), "other is being edited: save or close it first"),
        ("edit", ActionContext(selected="key", unreachable_reason="not connected: refused"), "not connected: refused"),
        (
            "edit",
            ActionContext(selected="key", store_capabilities=~Capability.ATOMIC),
            "not supported by this store (atomic)",
        ),
        ("new", ActionContext(selected=None), None),
        ("unmark", ActionContext(selected="key"), "no key is marked"),
        (
            "delete",
            ActionContext(selected="key", read_only_reason="read-only: w unlocks writing"),
            "read-only: w unlocks writing",
        ),
        ("new", ActionContext(selected="key", unreachable_reason="not connected: refused"), "not connected: refused"),
        ("go", ActionContext(unreachable_reason="not connected: refused"), None),
        ("copy", ActionContext(selected=None), "no key is selected"),
        ("save", ActionContext(selected="key"), "no edit is open"),
        ("keep-mine", ActionContext(selected="key", open_edit="key"), "there is no conflict"),
        ("look-again", ActionContext(selected="key", open_edit="key"), "the outcome of the last save is known"),
        (
            "quit",
            ActionContext(
                unreachable_reason="not connected: refused",
                read_only_reason="read-only: w unlocks writing",
                selected=None,
            ),
            None,
        ),
    ],
)
def test_disabled_reason_names_the_missing_need(name: str, context: ActionContext, reason: str | None) -> None:
    assert ACTIONS[name].disabled_reason(context) == reason


def test_disabled_reason_read_only_covers_all_writes() -> None:
    writing = {action.id for action in ACTIONS if Need.WRITABLE in action.needs}
    assert writing == {
        *("edit", "edit-outside", "new", "delete", "restore", "restore-change", "save", "keep-mine", "bring-back"),
        *("reason", "apply"),
    }


def test_with_keys_replaces_and_removes_keys() -> None:
    chosen = ACTIONS.with_keys({"edit": ["f2"], "zoom": []})
    assert chosen["edit"].keys == ("f2",)
    assert chosen["zoom"].keys == ()
    assert chosen["new"] == ACTIONS["new"]
    assert ACTIONS["edit"].keys == ("e",)


def test_with_keys_unknown_action_is_refused() -> None:
    with pytest.raises(InvalidAddress, match="there is no action 'edti'") as raised:
        ACTIONS.with_keys({"edti": ["e"]})
    assert "edit" in raised.value.hint


def test_table_lists_every_action_with_a_key() -> None:
    table = ACTIONS.table().splitlines()
    assert table[:2] == ["| keys | what | where | id |", "|---|---|---|---|"]
    assert len(table) == 2 + len([action for action in ACTIONS if action.keys])
    assert "| `←` `h` | Close the folder, or go to its parent. | tree | `close` |" in table
    assert "| `q` `ctrl+q` | Quit; unsaved text is kept as a draft. | everywhere | `quit` |" in table


def test_keys_page_has_the_table_of_the_registry() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    table = page.partition("<!-- keys: made from the registry of actions -->\n")[2].partition("<!-- /keys -->")[0]
    assert table == ACTIONS.table()


def test_table_escapes_a_bar() -> None:
    table = Actions([ACTIONS["zoom"]]).with_keys({"zoom": ["|"]}).table()
    assert r"| `\|` |" in table
