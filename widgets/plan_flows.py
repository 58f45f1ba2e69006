"""Flows of plans: keys are copied, moved, deleted or saved together by a plan that is shown first, as in the app."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from explorer.model.errors import ExplorerError
from explorer.model.format import format_error
from explorer.model.key_text import escape_key
from explorer.model.sanitize import sanitize
from explorer.session.editing.violation_text import override_options, override_question
from explorer.session.results.export import EXPORT_HELP, export_keys, export_name, overwrite_question
from explorer.session.results.plan_makers import (
    NOTHING_MARKED,
    duplicate_name,
    keys_title,
    plan_copy,
    plan_deletion,
    plan_staged,
    stage_deletions,
    target_help,
    unstage,
)
from explorer.session.results.plan_review import PlanPhase
from explorer.session.results.plan_text import NO_PLAN_YET, confirmation_count, plan_progress, plan_stores
from explorer.session.states import Option, Tone
from widgets.dialogs import Dialog
from widgets.edit_flows import Flow, ask_reason
from widgets.plan_calls import settled
from widgets.plan_table import plan_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from widgets.view import View

_QUIET_TIME: Final = 1.0
"""Seconds after which it is shown that something takes long."""
_BUTTONS: Final = ("Apply", "Take back", "Overwrite")


async def copy_to(view: "View", *, is_move: bool = False) -> None:
    """Ask where the marked keys, or the selected one, are copied, and show the plan."""
    session = view.session
    keys = session.targets
    if not keys:
        view.notify(NOTHING_MARKED, "warning")
        return
    word = "Move" if is_move else "Copy"
    start = keys[0] if len(keys) == 1 else session.lookup.new_key_start(None)
    await _copy(view, keys, f"{word} {sanitize(keys_title(keys))} to", start, is_move=is_move)


async def duplicate(view: "View") -> None:
    """Ask for the name of a copy beside the selected key, and show the plan."""
    session, key = view.session, view.session.selected
    if key is not None:
        await _copy(view, [key], f"Duplicate {sanitize(key)} as", duplicate_name(session, key))


async def _copy(view: "View", keys: "Sequence[str]", question: str, start: str, *, is_move: bool = False) -> None:
    text = await _ask_text(view, question, escape_key(start), word="Plan", label="To", help_=target_help(keys))
    if text:
        await _make(view, partial(plan_copy, view.session, keys, text, move=is_move))


async def _ask_text(
    view: "View", question: str, start: str, *, word: str, label: str, help_: str, problem: str = ""
) -> str | None:
    reply = await view.ask(
        Dialog(
            question,
            [Option("Cancel", value=False), Option(word, value=True)],
            has_buttons=True,
            facts=[(help_, Tone.QUIET)],
            label=label,
            text=start,
            problem=problem,
        )
    )
    return reply.text if reply is not None and reply.value and reply.text else None


async def export(view: "View") -> None:
    """Ask for a file on the kernel's machine, and write the marked keys, or the selected one, to it."""
    session, keys = view.session, view.session.targets
    if not keys:
        view.notify(NOTHING_MARKED, "warning")
        return
    title = f"Export {sanitize(keys_title(keys))} to which file?"
    name, problem, is_replacing = export_name(keys, session.tree.separator), "", False
    while True:
        if not is_replacing:
            text = await _ask_text(view, title, name, word="Export", label="File", help_=EXPORT_HELP, problem=problem)
            if text is None:
                return
            name = text
        try:
            view.notify(await export_keys(session, keys, name, overwrite=is_replacing), "information")
        except FileExistsError:
            question, fact = overwrite_question(name)
            options = [Option("Cancel", value=False), Option("Replace", value=True)]
            reply = await view.ask(
                Dialog(question, options, has_buttons=True, facts=[(fact, Tone.PLAIN)], is_dangerous=True)
            )
            problem, is_replacing = "", reply is not None and reply.value
        except ExplorerError as error:
            problem, is_replacing = sanitize(error.message), False
        else:
            return


async def stage_deletion(view: "View") -> None:
    """Stage the deletion of the marked keys, or of the selected one."""
    try:
        view.notify(await stage_deletions(view.session, view.session.targets), "information")
    except ExplorerError as error:
        view.notify(sanitize(f"not staged: {error.message}"), "warning")


async def unstage_keys(view: "View") -> None:
    """Take the marked keys, or the selected one, out of the staged changes."""
    view.notify(await unstage(view.session, view.session.targets), "information")


async def delete_marked(view: "View") -> None:
    """Show what deleting the marked keys would delete."""
    keys = view.session.targets
    if keys:
        await _make(view, partial(plan_deletion, view.session, keys))
    else:
        view.notify(NOTHING_MARKED, "warning")


async def save_staged(view: "View") -> None:
    """Show what saving all staged changes would change."""
    await _make(view, partial(plan_staged, view.session))


async def _make(view: "View", make: Callable[[], None]) -> None:
    try:
        make()
    except ExplorerError as error:
        view.notify(sanitize(format_error(error)), "warning")
    else:
        await show_plan(view)


async def show_plan(view: "View") -> None:
    """Show the plan that was made last, and do with it what is chosen, until nothing is."""
    review = view.session.results.plan_review
    if not review.was_started:
        view.notify(NO_PLAN_YET, "information")
        return
    choice: str | None = "show"
    while choice is not None:
        await _wait(view)
        reply = await view.ask(await _dialog(view))
        choice = None if reply is None else reply.value
        try:
            match choice:
                case "apply" if await _overridden(view):
                    reason = await ask_reason(view)
                    if reason is not None:
                        review.apply(reason)
                case "take back":
                    review.take_back()
                case "overwrite":
                    review.toggle_overwrite()
        except ExplorerError as error:
            view.notify(sanitize(error.message), "warning")


async def _dialog(view: "View") -> Dialog[str | None]:
    session, review = view.session, view.session.results.plan_review
    plan = review.plan
    facts = [(text, tone) for text, tone in plan_progress(review, session.clock.now(), _BUTTONS) if text]
    if plan is not None and plan.parts:
        facts.append((plan_stores(plan), Tone.QUIET))
    options: list[Option[str | None]] = [Option("Close", None)]
    if review.can_take_back:
        options.append(Option("Take back", "take back"))
    if review.has_choice:
        options.append(Option("Overwrite", "overwrite"))
    reason = review.unready_reason()
    typed = ""
    if plan is not None and reason is None:
        refusal = session.disabled_reason("apply")
        if refusal is None:
            options.append(Option("Apply", "apply"))
            typed = confirmation_count(plan)
        else:
            facts.append((sanitize(f"not applied here: {refusal}"), Tone.WARNING))
    title = review.title if plan is None else plan.title
    return Dialog(
        sanitize(f"Plan: {title}"),
        options,
        has_buttons=True,
        lines=() if plan is None else await plan_lines(review),
        facts=facts,
        is_dangerous=options[-1].value == "apply",
        typed=typed,
    )


async def _overridden(view: "View") -> bool:
    """Ask which broken constraints to override; return whether the plan may be applied."""
    review = view.session.results.plan_review
    names = review.blocking
    if names:
        reply = await view.ask(Dialog(override_question(names), override_options(names), is_dangerous=True))
        if reply is None or reply.value != "override":
            return False
        review.override(names)
    return True


async def _wait(view: "View") -> None:
    """Wait until the plan is made or applied; what takes long shows how far it is, and can be stopped."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_QUIET_TIME):
            await settled(view.session)
    if view.session.results.plan_review.is_running:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(_ask_to_stop(view), name="stop a plan")
            await settled(view.session)  # what is in flight is waited for
            asked.cancel()


async def _ask_to_stop(view: "View") -> None:
    review = view.session.results.plan_review
    word = "Applying" if review.phase is PlanPhase.APPLYING else "Making"
    dialog = Dialog(
        sanitize(f"{word} the plan: {review.title}"),
        [Option("Wait", value=False), Option("Stop", value=True)],
        has_buttons=True,
        facts=list(plan_progress(review, view.session.clock.now(), _BUTTONS)),
    )
    reply = await view.ask(dialog)
    if reply is not None and reply.value:
        review.stop()


PLAN_FLOWS: Final[Mapping[str, Flow]] = MappingProxyType(
    {
        "copy-to": copy_to,
        "move-to": partial(copy_to, is_move=True),
        "duplicate": duplicate,
        "export": export,
        "stage-delete": stage_deletion,
        "unstage": unstage_keys,
        "save-staged": save_staged,
        "plan": show_plan,
    }
)
"""Flows by the id of their action."""
