// The tree of keys: rows with guides, marks of changes with their age, and counts of changes in closed folders.
import {age, element, setAttributes, setText} from "./dom.js";
import {VirtualList} from "./virtual_list.js";

const INDENT = 16; // pixels of a level
const FRESH = 3; // seconds for which a change is fresh
const MARK_CLASSES = {"+": "ks-added", "~": "ks-changed", "-": "ks-deleted"};

export function makeTree(channel, options) {
  return new VirtualList(channel, "tree", {
    role: "tree",
    rowRole: "treeitem",
    label: "Keys",
    draw: drawRow,
    gesture: (row, event, gesture) => {
      if (event.type === "click" && (event.ctrlKey || event.metaKey)) return "mark";
      if (event.type === "dblclick") return row.folder && !event.target.closest(".ks-icon") ? "toggle" : "show";
      return row.folder && event.target.closest(".ks-icon") ? "toggle" : gesture;
    },
    isTicking: (row) => row.mark,
    ...options,
  });
}

function drawRow(target, row, {channel}) {
  if (target.childElementCount !== 6) {
    target.replaceChildren(...["indent", "icon", "name", "hint", "below", "mark"].map((part) => element("span", `ks-${part}`)));
  }
  const [indent, icon, name, hint, below, mark] = target.children;
  indent.style.width = `${row.depth * INDENT}px`;
  setText(icon, (row.folder === "open" ? "▾" : row.folder === "closed" ? "▸" : "") + (row.marked ? "✓" : ""));
  setText(name, row.placeholder || row.name + row.suffix);
  setText(hint, [row.value && row.folder ? "•" : "", row.draft, row.hint].filter(Boolean).join(" "));
  setText(below, row.below ? `±${row.below > 999 ? "999+" : row.below}` : "");
  const since = row.changed === undefined ? null : channel.clock.now() - row.at - row.changed;
  setText(mark, row.mark ? `${row.mark} ${since === null ? "" : age(since)}` : "");
  const style = row.tombstone ? "ks-tombstone" : (MARK_CLASSES[row.mark] ?? "");
  const fresh = row.mark && since !== null && since < FRESH ? " ks-fresh" : "";
  name.className = `ks-name ${row.placeholder ? (row.failed ? "ks-problem" : "ks-dim") : style}${fresh}`;
  mark.className = `ks-mark ${style}${fresh}`;
  setAttributes(target, {
    "aria-level": row.depth + 1,
    "aria-checked": row.marked ? "true" : null,
    "aria-expanded": row.folder ? String(row.folder === "open") : null,
  });
}
