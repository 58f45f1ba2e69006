"""Front end: the ES modules and the stylesheet in `static/`, put together into what a notebook loads.

A notebook loads one module per widget. So the modules are sent as texts, and each becomes a blob URL in the page before
the modules that import it: they stay plain ES modules, which a browser runs and a debugger shows file by file.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("static")
_ENTRY: Final = "main.js"
_IMPORT: Final = re.compile(r'^import .*"\./(.+)";$', re.MULTILINE)
_LOADER: Final = """\
const sources = %s;
const urls = {};
for (const [name, source] of sources) {
  const text = source.replace(/^(import .*)"\\.\\/(.+)";$/gm, (_, start, path) => `${start}"${urls[path]}";`);
  urls[name] = URL.createObjectURL(new Blob([text, `\\n//# sourceURL=keyscope/${name}`], {type: "text/javascript"}));
}
const entry = await import(urls["%s"]);
for (const url of Object.values(urls)) URL.revokeObjectURL(url);
export default entry.default;
"""


@cache
def module_text() -> str:
    """Return one ES module with all modules in it, each after those that it imports."""
    ordered: dict[str, str] = {}

    def add(name: str) -> None:
        if name in ordered:
            return
        source = (_FOLDER / name).read_text(encoding="utf-8")
        for imported in _IMPORT.findall(source):
            add(imported)
        ordered[name] = source

    add(_ENTRY)
    return _LOADER % (json.dumps(list(ordered.items())), _ENTRY)


@cache
def stylesheet() -> str:
    """Return the stylesheet."""
    return (_FOLDER / "keyscope.css").read_text(encoding="utf-8")
