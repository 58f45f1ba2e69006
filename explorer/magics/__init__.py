"""IPython extension `%load_ext explorer`: the command in a cell, as `%kv`, and plans as tables."""

from IPython.core.interactiveshell import InteractiveShell

from explorer.magics.key_matcher import MATCHER_ID, key_matcher
from explorer.magics.kv import KvMagic
from widgets.plan_table import register as register_plans


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%kv` and `%%kv` with the completion of its words."""
    magic = KvMagic(shell.user_ns)
    shell.magics_manager.register_function(magic.function(), magic_kind="line_cell", magic_name="kv")
    register_plans(shell)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(key_matcher(magic))


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove what was registered."""
    for magics in shell.magics_manager.magics.values():
        magics.pop("kv", None)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != MATCHER_ID]
