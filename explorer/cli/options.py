"""Positional arguments and options of the verbs."""

import os
from argparse import ArgumentParser, _ActionsContainer
from pathlib import Path
from typing import Final

from explorer.cli.argument_types import key, non_negative_seconds, positive_int, revision, revision_or_time, seconds

_SUBJECTS: Final = {
    "KEY": "key as the store has it, relative to the URL's path",
    "PREFIX": "prefix as the store has it, relative to the URL's path; '' is the whole store",
}


def add_subject(verb: ArgumentParser, subject: str, *, is_optional: bool) -> None:
    """Add the key or prefix of a verb, and `--escaped`."""
    verb.add_argument(
        subject.lower(),
        metavar=subject,
        type=key,
        nargs="?" if is_optional else None,
        default="",
        help=_SUBJECTS[subject],
    )
    verb.add_argument(
        "--escaped",
        action="store_true",
        help=rf"read {subject} and print keys with escapes, as the app copies them: \x00, \xff, \u{{202e}}, \\",
    )


def add_ls_options(ls: ArgumentParser) -> None:
    """Add the options of `ls`."""
    ls.add_argument("--recursive", "-r", action="store_true", help="list everything below the prefix")
    ls.add_argument("--values", action="store_true", help="with --recursive: print values too")
    ls.add_argument("--limit", metavar="N", type=positive_int, help="stop after N keys")
    add_json_option(ls)


def add_get_options(get: ArgumentParser) -> None:
    """Add the options of `get`."""
    forms = get.add_mutually_exclusive_group()
    forms.add_argument(
        "--as",
        dest="form",
        choices=("raw", "text", "json", "textproto", "hex"),
        help="raw: the bytes unchanged; text: safe for a terminal (default); json: indented JSON, also of a message; "
        "textproto: text format of a message; hex: hex dump",
    )
    add_json_option(forms)
    get.add_argument("--type", metavar="MESSAGE", help="message type of the value; overrides the rules")
    get.add_argument("--stale", action="store_true", help="allow an answer that may be out of date")
    add_schema_options(get)


def add_history_options(history: ArgumentParser) -> None:
    """Add the options of `history`."""
    history.add_argument("--limit", metavar="N", type=positive_int, help="stop after N revisions")
    add_json_option(history)


def add_put_options(put: ArgumentParser) -> None:
    """Add the options of `put`."""
    source = put.add_mutually_exclusive_group()
    source.add_argument("--value", metavar="S", type=os.fsencode, help="the value (default: read from standard input)")
    source.add_argument("--file", metavar="F", type=Path, help="read the value from a file")
    guard = put.add_mutually_exclusive_group()
    guard.add_argument(
        "--if-revision", metavar="R", type=revision, help="replace only if the key is still at this revision"
    )
    guard.add_argument("--create", action="store_true", help="create only if the key does not exist (default)")
    guard.add_argument("--force", action="store_true", help="write unconditionally")
    put.add_argument("--ttl", metavar="S", type=seconds, help="time to live in seconds (default: keep that of the key)")
    put.add_argument("--type", metavar="MESSAGE", help="parse the value as text of this message type, store its bytes")
    put.add_argument(
        "--form", choices=("text", "json"), help="with --type: text is protobuf's text format (default), json its JSON"
    )
    _add_override_option(put)
    _add_reason_option(put)
    add_json_option(put)
    add_schema_options(put)


def add_rm_options(rm: ArgumentParser) -> None:
    """Add the options of `rm`."""
    rm.add_argument("--recursive", "-r", action="store_true", help="delete everything below KEY; KEY itself stays")
    rm.add_argument(
        "--if-revision", metavar="R", type=revision, help="delete only if nothing changed since this revision"
    )
    _add_reason_option(rm)
    rm.add_argument("--yes", "-y", action="store_true", help="do not ask for confirmation")
    add_json_option(rm)


def add_watch_options(watch: ArgumentParser) -> None:
    """Add the options of `watch`."""
    watch.add_argument("--since", metavar="R", type=revision, help="start after this revision (default: now)")
    watch.add_argument("--count", metavar="N", type=positive_int, help="stop after N puts and deletes")
    watch.add_argument("--duration", metavar="S", type=seconds, help="stop after S seconds")
    add_json_option(watch)


def add_find_options(find: ArgumentParser) -> None:
    """Add the options of `find`."""
    find.add_argument("--key", metavar="P", help="part of a key, or a glob of the whole key as in 'app/*/port'")
    find.add_argument("--value", metavar="P", help="part of a value's text; of a message, of its fields")
    find.add_argument("--regex", action="store_true", help="the patterns are regular expressions")
    find.add_argument("--ignore-case", "-i", action="store_true", help="upper and lower case are the same")
    find.add_argument("--limit", metavar="N", type=positive_int, help="stop after N matches")
    add_json_option(find)
    add_schema_options(find)


def add_check_options(check: ArgumentParser) -> None:
    """Add the options of `check`."""
    add_json_option(check)
    add_schema_options(check)


def add_replace_options(replace: ArgumentParser) -> None:
    """Add the texts and the options of `replace`."""
    replace.add_argument("old", metavar="OLD", help="text to replace")
    replace.add_argument("new", metavar="NEW", help="text that takes its place")
    replace.add_argument(
        "--regex", action="store_true", help=r"OLD is a regular expression; NEW may have groups, as \1"
    )
    replace.add_argument(
        "--field",
        metavar="PATH",
        help="replace in this field only of messages, JSON and YAML, as spec.image or ports[*].name; OLD is its whole "
        "text (with --regex any part): of a string what it says, of anything else its JSON",
    )
    _add_plan_option(replace)
    _add_apply_options(replace)


def add_restore_options(restore: ArgumentParser) -> None:
    """Add the options of `restore`."""
    restore.add_argument(
        "--to",
        metavar="REVISION|TIME",
        type=revision_or_time,
        required=True,
        help="revision, or a time as '10 minutes ago' or '2026-01-31 12:00': by your journal, see keyscope log",
    )
    _add_plan_option(restore)
    _add_apply_options(restore)


def add_diff_options(diff: ArgumentParser) -> None:
    """Add the options of `diff`."""
    _add_ignore_option(diff)
    diff.add_argument("--keys-only", action="store_true", help="compare which keys there are, not their values")
    add_json_option(diff)
    add_schema_options(diff)


def add_copy_options(copy: ArgumentParser) -> None:
    """Add the options of `copy` and `move`."""
    copy.add_argument("--overwrite", action="store_true", help="replace values that differ in the target")
    _add_ignore_option(copy)
    _add_plan_option(copy)
    _add_apply_options(copy)


def _add_ignore_option(verb: ArgumentParser) -> None:
    verb.add_argument(
        "--ignore",
        dest="ignored",
        metavar="GLOB",
        action="append",
        help="leave out keys that match, as in 'locks/*' (may be repeated)",
    )


def add_export_options(export: ArgumentParser) -> None:
    """Add the options of `export`."""
    export.add_argument(
        "--format",
        dest="form",
        choices=("jsonl", "yaml", "json", "etcdctl", "consul"),
        default="jsonl",
        help="jsonl: lossless JSON lines (default); yaml, json: a readable tree; etcdctl, consul: as those tools print",
    )


def add_import_options(verb: ArgumentParser) -> None:
    """Add the file and the options of `import`."""
    verb.add_argument("file", metavar="FILE", type=Path, help="output of export, etcdctl -w json or consul kv export")
    verb.add_argument(
        "--format", dest="form", choices=("jsonl", "yaml", "json", "etcdctl", "consul"), help="(default: found out)"
    )
    verb.add_argument("--prune", action="store_true", help="delete what the file does not have")
    add_copy_options(verb)


def add_apply_options(apply: ArgumentParser) -> None:
    """Add the file and the options of `apply`."""
    apply.add_argument("plan", metavar="FILE", type=Path, help="file that --plan wrote")
    apply.add_argument("--resume", action="store_true", help="go on where an earlier run stopped")
    _add_override_option(apply)
    _add_apply_options(apply)


def add_undo_options(undo: ArgumentParser) -> None:
    """Add the ID and the options of `undo`."""
    undo.add_argument("id", metavar="ID", nargs="?", help="ID of a plan that was applied (default: the newest)")
    _add_apply_options(undo)


def add_log_options(log: ArgumentParser) -> None:
    """Add the URL and the options of `log`."""
    log.add_argument("url", metavar="URL", nargs="?", help="only changes of this store, or @NAME of a profile")
    log.add_argument("--limit", metavar="N", type=positive_int, help="stop after N changes")
    add_json_option(log)


def _add_plan_option(verb: ArgumentParser) -> None:
    verb.add_argument("--plan", metavar="FILE", type=Path, help="write the plan to a file for review; change nothing")
    _add_override_option(verb)


def _add_reason_option(verb: ArgumentParser) -> None:
    verb.add_argument("--reason", metavar="TEXT", help="why, for the journal; a profile may require it")


def _add_override_option(verb: ArgumentParser) -> None:
    verb.add_argument(
        "--override-rule",
        dest="overrides",
        metavar="NAME",
        action="append",
        help="write values although they break this rule for values; repeatable",
    )


def _add_apply_options(verb: ArgumentParser) -> None:
    """Add the options of the verbs that apply a plan."""
    _add_reason_option(verb)
    verb.add_argument("--dry-run", action="store_true", help="print what would be changed, and change nothing")
    verb.add_argument("--yes", "-y", action="store_true", help="do not ask for confirmation")
    add_json_option(verb)
    add_schema_options(verb)


def add_lock_options(lock: ArgumentParser) -> None:
    """Add the options of `lock`."""
    lock.usage = "keyscope lock [options] URL KEY -- COMMAND..."
    lock.description = (
        "Run a command while holding a lock, and exit with its exit code. "
        "The command gets KEYSCOPE_LOCK_KEY and KEYSCOPE_LOCK_FENCE in its environment."
    )
    lock.add_argument("--ttl", metavar="S", type=seconds, help="seconds until the lock expires if its holder dies")
    lock.add_argument(
        "--wait",
        metavar="S",
        type=non_negative_seconds,
        help="seconds to wait for the lock; 0 tries once (default: no limit)",
    )
    lock.add_argument(
        "--layout",
        metavar="NAME",
        help="layout that another client uses, such as libkv; an unknown name lists the layouts",
    )


def add_schema_options(parser: ArgumentParser) -> None:
    """Add the options of message schemas."""
    group = parser.add_argument_group("schemas")
    group.add_argument(
        "--proto",
        metavar="PATH",
        type=Path,
        action="append",
        dest="protos",
        help=".proto file, descriptor set, *_pb2.py file (parsed, never run), or a folder of them; repeatable",
    )
    group.add_argument(
        "-I",
        metavar="DIR",
        type=Path,
        action="append",
        dest="includes",
        help="folder that imports of .proto files are relative to; repeatable",
    )
    group.add_argument(
        "--codecs",
        metavar="FILE|preset:NAME",
        type=Path,
        action="append",
        help="rules that map keys to messages (default: keyscope/codecs.toml in the settings folder), or a preset of "
        "rules, see keyscope codecs list; repeatable",
    )


def add_json_option(parser: _ActionsContainer) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line")
