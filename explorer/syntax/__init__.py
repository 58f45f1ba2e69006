"""Syntaxes of texts that hold many values: each edits one value and leaves every other byte as it is.

A parser is loaded when a text of its syntax is read.
"""

from explorer.syntax.base import FileSyntax


def syntax_of(path: bytes) -> FileSyntax:
    """Return the syntax of a file by its extension."""
    name = path.lower()
    if name.endswith((b".yaml", b".yml")):
        from explorer.syntax.yaml_syntax import YamlSyntax  # noqa: PLC0415 - loads PyYAML

        return YamlSyntax()
    if name.endswith(b".toml"):
        from explorer.syntax.toml_syntax import TomlSyntax  # noqa: PLC0415 - loads tomlkit

        return TomlSyntax()
    from explorer.syntax.json_syntax import JsonSyntax  # noqa: PLC0415 - as the others

    return JsonSyntax()
