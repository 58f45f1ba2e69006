"""Flows: sequences of questions that a view asks, as in the terminal app: copy, delete, type, new key, drafts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from explorer.codecs.base import Choice
from explorer.model.errors import Conflict, ExplorerError, SchemaFailed
from explorer.model.format import format_error
from explorer.model.key_text import escape_key, typed_key
from explorer.model.sanitize import sanitize
from explorer.model.write_reason import write_reason
from explorer.session.copy_options import copied_text, copy_command, copy_options, not_copied_text
from explorer.session.editing.deletion import DeletePlan
from explorer.session.editing.deletion_text import (
    MORE_KEYS,
    NOTHING_DELETED,
    changed_options,
    changed_question,
    confirmation_word,
    deletion_facts,
    deletion_failure,
    deletion_outcome,
    deletion_scopes,
    deletion_title,
    deletion_word,
    scope_question,
)
from explorer.session.editing.draft_text import (
    DRAFTS_TITLE,
    NO_DRAFTS,
    draft_deleted_text,
    draft_deletion_facts,
    draft_deletion_question,
    draft_facts,
    draft_question,
    draft_steps,
)
from explorer.session.editing.edit_text import NEW_KEY_HELP, NEW_KEY_TITLE, escape_hint
from explorer.session.states import Option, Tone
from explorer.session.type_options import (
    PATTERN_HELP,
    TYPE_QUESTION,
    MatchingKeys,
    TypeAnswer,
    automatic_option,
    pattern_title,
    rule_outcome,
    scope_options,
    type_options,
    type_scope_question,
)
from widgets.dialogs import Dialog
from widgets.edit_flows import NO_EDITOR, Flow, ask_reason, edit_selected, restore_change, restore_selected, switch_form
from widgets.journal_flows import JOURNAL_FLOWS
from widgets.plan_flows import PLAN_FLOWS, delete_marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from widgets.view import View

_MAX_LISTED_KEYS: Final = 10_000
"""Keys of a deletion that a page lists."""


async def copy(view: "View") -> None:
    """Ask what to copy of the selected key, and copy it."""
    options = copy_options(view.session)
    reply = await view.ask(Dialog("Copy", options, note=sanitize(copy_command(view.session))))
    if reply is None:
        return
    text = reply.value()
    if text is None:
        view.notify(not_copied_text(view.session), "warning")
        return
    view.copy(*copied_text(next(option for option in options if option.value is reply.value), text))


# Deletion


async def delete(view: "View") -> None:
    """Show what deleting the selected row, or all marked, would delete, ask, and delete it."""
    if view.session.marked:
        await delete_marked(view)
        return
    session, key = view.session, view.session.selected
    if key is None:
        return
    scopes = deletion_scopes(session, key)
    scope = scopes[0].value
    if len(scopes) > 1:
        reply = await view.ask(Dialog(scope_question(sanitize(key)), scopes))
        if reply is None:
            view.notify(NOTHING_DELETED, "information")
            return
        scope = reply.value
    try:
        plan = await session.preview_deletion(key, subtree=scope.subtree, with_key=scope.with_key)
    except ExplorerError as error:
        view.notify(deletion_failure(error), "error")
        return
    confirmed = await view.ask(_confirmation(view, plan))
    reason = await ask_reason(view) if confirmed is not None and confirmed.value else None
    if reason is None:
        view.notify(NOTHING_DELETED, "information")
    else:
        with write_reason(reason):
            await _delete(view, plan)


async def _delete(view: "View", plan: DeletePlan) -> None:
    """Delete what was previewed and show the outcome; offer to skip entries that changed since."""
    try:
        count = await view.session.delete(plan)
    except Conflict as error:
        options = changed_options(plan)
        name = sanitize(plan.key or plan.prefix)
        reply = await view.ask(Dialog(changed_question(name), options)) if options else None
        if reply is None or reply.value is None:
            view.notify(deletion_failure(error), "error")
        else:
            await _delete(view, reply.value)
    except ExplorerError as error:
        view.notify(deletion_failure(error), "error")
    else:
        view.notify(deletion_outcome(plan, count), "information")


def _confirmation(view: "View", plan: DeletePlan) -> Dialog[bool]:
    keys = [sanitize(key) for key in plan.keys[:_MAX_LISTED_KEYS]]
    rest = len(plan.keys) - len(keys)
    if plan.truncated or rest:
        keys.append(MORE_KEYS if plan.truncated else f"… and {rest:,} more keys")
    return Dialog(
        deletion_title(plan, sanitize(plan.key or plan.prefix)),
        [Option("Cancel", value=False), Option(deletion_word(plan), value=True)],
        has_buttons=True,
        lines=keys,
        facts=deletion_facts(plan, view.session.address),
        is_dangerous=True,
        typed=confirmation_word(plan, view.session.tree.separator) or "",
    )


# Types


async def choose_type(view: "View") -> None:
    """Ask for the type of the selected value, then for the keys that it applies to."""
    detail = view.session.detail
    key, choices = detail.key, detail.choices

    async def find_more() -> "Sequence[Option[TypeAnswer]]":
        return type_options(detail, await detail.find_choices())

    options = [automatic_option(detail), *type_options(detail, choices or ())]
    reply = await view.ask(Dialog(TYPE_QUESTION, options), find_more if choices is None else None)
    if reply is None or key != detail.key:
        return
    if reply.value == "automatic":
        detail.choose(None)
        return
    choice = reply.value
    scope = await view.ask(Dialog(type_scope_question(choice), scope_options(detail)))
    if scope is None or key != detail.key:
        return
    match scope.value:
        case "key":
            detail.choose(choice)
        case "other":
            await _ask_pattern(view, choice, detail.patterns[0] if detail.patterns else "")
        case MatchingKeys(pattern=pattern):
            problem = await _add_rule(view, choice, pattern)
            if problem:
                await _ask_pattern(view, choice, pattern, problem)


async def _ask_pattern(view: "View", choice: Choice, pattern: str, problem: str = "") -> None:
    text: str | None = pattern if sanitize(pattern) == pattern else ""
    while text is not None:
        reply = await view.ask(
            Dialog(
                pattern_title(choice),
                [Option("Cancel", value=False), Option("Store", value=True)],
                has_buttons=True,
                facts=[(PATTERN_HELP, Tone.QUIET)],
                label="Pattern",
                text=text,
                problem=problem,
            )
        )
        text = reply.text if reply is not None and reply.value and reply.text else None
        if text is not None:
            problem = await _add_rule(view, choice, text)
            text = text if problem else None


async def _add_rule(view: "View", choice: Choice, pattern: str) -> str:
    """Store a rule, and return what is wrong with it; "" if nothing is."""
    try:
        await view.session.detail.add_rule(pattern, choice)
    except SchemaFailed as error:
        return sanitize(format_error(error))
    view.notify(rule_outcome(pattern, choice), "information")
    return ""


# Drafts and new keys


async def new_key(view: "View") -> None:
    """Ask for the name of a new key, and edit its value."""
    if not view.live.has_editor:
        view.notify(NO_EDITOR, "warning")
        return
    lookup = view.session.lookup
    text, problem = escape_key(lookup.new_key_start(view.session.selected)), ""
    while True:
        reply = await view.ask(
            Dialog(
                NEW_KEY_TITLE,
                [Option("Cancel", value=False), Option("Edit", value=True)],
                has_buttons=True,
                facts=[(NEW_KEY_HELP, Tone.QUIET)],
                label="Key",
                text=text,
                problem=problem,
                hint=escape_hint,
            )
        )
        if reply is None or not (reply.value and reply.text):
            return
        text, key = reply.text, typed_key(reply.text)
        problem = sanitize(await lookup.invalid_name_reason(key) or "")
        if not problem:
            await view.session.create(key)
            view.show_editor()
            return


async def choose_draft(view: "View") -> None:
    """List the drafts of this store, ask what to do with one, and do it."""
    session = view.session
    drafts = session.editor.drafts
    if not drafts:
        view.notify(NO_DRAFTS, "information")
        return
    reply = await view.ask(
        Dialog(DRAFTS_TITLE, [Option(sanitize(draft.key), draft, draft_facts(draft)) for draft in drafts])
    )
    if reply is None:
        return
    draft, name = reply.value, sanitize(reply.value.key)
    step = await view.ask(Dialog(draft_question(name), draft_steps(draft)))
    if step is not None and step.value == "open":
        # a draft has the same needs as a new key: connection, writing, no open edit
        reason = session.disabled_reason("new") if view.live.has_editor else NO_EDITOR
        if reason is not None:
            view.notify(sanitize(reason), "warning")
            return
        await view.go(session.lookup.find_nearest(draft.key))
        await session.editor.resume_draft(draft)
        view.show_editor()
    elif step is not None:
        question = Dialog(
            draft_deletion_question(draft, name),
            [Option("Cancel", value=False), Option("Delete", value=True)],
            has_buttons=True,
            facts=draft_deletion_facts(draft, session.address),
            is_dangerous=True,
        )
        confirmed = await view.ask(question)
        if confirmed is not None and confirmed.value:
            await session.editor.discard(draft)
            view.notify(draft_deleted_text(draft), "information")


FLOWS: Final[Mapping[str, Flow]] = MappingProxyType(
    {
        "copy": copy,
        "delete": delete,
        "type": choose_type,
        "form": switch_form,
        "new": new_key,
        "edit": edit_selected,
        "restore": restore_selected,
        "restore-change": restore_change,
        "drafts": choose_draft,
        **JOURNAL_FLOWS,
        **PLAN_FLOWS,
    }
)
"""Flows by the id of their action."""
