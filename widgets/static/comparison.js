// The review of a change as a diff, and a conflict with base, theirs and mine.
import {element, setAttributes, setText} from "./dom.js";
import {PaneText} from "./pane_text.js";
import {TextRows, breaks, drawParts, slice} from "./text_rows.js";

const SIGNS = {"+": "good", "-": "bad", "@": "key", "\\": "marked"};
const NARROW = 72; // characters of a row below which the three versions are one below the other
const LABELS = ["base   ", "theirs ", "mine   "];
const BUTTONS = {
  review: ["back", "stage", "save"],
  conflict: ["use-merged", "take-theirs", "keep-mine", "compare-again", "back"],
};

const textOf = (parts) => parts.map(([, text]) => text).join("");
const styled = (parts, style, marked) => parts.map(([text, isMarked]) => [isMarked ? marked : style, text]);

class DiffLines {
  constructor(lines) {
    this.lines = lines.map(([sign, parts]) => {
      const style = SIGNS[sign] ?? "";
      const drawn = styled(parts, style, `${style} ks-t-mark`);
      return {sign, style, parts: drawn, text: textOf(drawn)};
    });
    this.differences = this.lines.flatMap(({sign}, at) => (sign === "@" ? [at] : []));
  }

  get count() {
    return this.lines.length;
  }

  rowsOf(index, width) {
    return breaks(this.lines[index].text, width - 1).length + 1;
  }

  draw(made, index, row, width) {
    const {sign, style, parts, text} = this.lines[index];
    const places = [0, ...breaks(text, width - 1), text.length];
    drawParts(made, [[style, row ? " " : sign], ...slice(parts, places[row], places[row + 1])]);
  }

  styleOf(index) {
    const {style} = this.lines[index];
    return style === "good" || style === "bad" ? `ks-diff-${style}` : "";
  }
}

class VersionLines {
  constructor(rows) {
    this.rows = rows.map(({side, cells, omitted}) => {
      if (omitted) return {omitted};
      return {side, cells: cells.map(([differs, parts]) => {
        const drawn = parts === null ? null : styled(parts, "", "mark");
        return {differs, parts: drawn, text: drawn === null ? "" : textOf(drawn)};
      })};
    });
    this.differences = this.rows.flatMap(({side}, at) => {
      const isChange = side && side !== "unchanged";
      return isChange && this.rows[at - 1]?.side !== side ? [at] : [];
    });
  }

  get count() {
    return this.rows.length;
  }

  // Width of the text of one version.
  each(width) {
    return width < NARROW ? width - LABELS[0].length - 2 : Math.floor(width / 3) - 3;
  }

  // Rows as [index of the version, index of the row in it].
  layout(row, width) {
    const each = this.each(width);
    const counts = row.cells.map(({text}) => breaks(text, each).length + 1);
    if (width >= NARROW) return Array.from({length: Math.max(...counts)}, (_, at) => [null, at]);
    if (row.side === "unchanged") return Array.from({length: counts[0]}, (_, at) => [0, at]);
    return row.cells.flatMap(({differs}, version) => {
      return version === 0 || differs ? Array.from({length: counts[version]}, (_, at) => [version, at]) : [];
    });
  }

  rowsOf(index, width) {
    const row = this.rows[index];
    return row.omitted ? 1 : this.layout(row, width).length;
  }

  draw(made, index, at, width) {
    const row = this.rows[index];
    if (row.omitted) {
      drawParts(made, [["dim", row.omitted]]);
      return;
    }
    const each = this.each(width);
    const [version, line] = this.layout(row, width)[at];
    if (version !== null) {
      const label = row.side === "unchanged" || line ? " ".repeat(LABELS[0].length) : LABELS[version];
      drawParts(made, [["dim", label], ...this.cellParts(row, version, line, each)]);
      return;
    }
    made.replaceChildren(...row.cells.map((_, one) => {
      const cell = element("span", "ks-cell");
      cell.style.width = `${each + 3}ch`;
      drawParts(cell, this.cellParts(row, one, line, each));
      return cell;
    }));
  }

  cellParts(row, version, line, each) {
    const {differs, parts, text} = row.cells[version];
    const isConflict = row.side === "conflict";
    const sign = !differs ? ["", "  "] : isConflict ? ["bad", "! "] : ["mark-sign", "~ "];
    if (parts === null) return [line ? ["", "  "] : sign, ["dim", line || !differs ? "" : "(no such line)"]];
    const places = [0, ...breaks(text, each), text.length];
    return [line ? ["", "  "] : sign, ...slice(parts, places[line] ?? text.length, places[line + 1] ?? text.length)];
  }

  styleOf(index) {
    const {side} = this.rows[index];
    return side === "conflict" ? "ks-diff-bad" : side && side !== "unchanged" ? "ks-diff-changed" : "";
  }
}

export class Comparison {
  name = "comparison";

  // options: onShown(), act(id of an action), title(id)
  constructor(channel, options) {
    this.channel = channel;
    this.options = options;
    this.kind = "";
    this.heading = element("div", "ks-edit-heading");
    this.facts = element("div", "ks-comparison-facts");
    this.names = element("div", "ks-version-names");
    this.text = new TextRows("Review");
    this.buttons = element("div", "ks-buttons");
    this.element = element("div", "ks-comparison", this.heading, this.facts, this.names, this.text.element, this.buttons);
    this.pane = new PaneText(channel, this.name, (head, body) => this.show(head, body));
    this.buttons.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && !button.disabled) options.act(button.dataset.action);
    });
    this.current = -1;
    this.text.onColumns = () => this.drawNames();
  }

  get isOpen() {
    return this.kind !== "";
  }

  get place() {
    return this.kind;
  }

  get target() {
    return this.text.scroller;
  }

  close() {
    this.pane.close();
    this.text.close();
  }

  reset() { this.pane.reset(); }

  onRows(message) { this.pane.onRows(message); }

  onPatch(message) { this.pane.onPatch(message); }

  onBody(message, buffers) { this.pane.onBody(message, buffers); }

  checkSent(last) { this.pane.checkSent(last); }

  // Perform an action here in the page; return false if it is the kernel's.
  perform(action, times = 1) {
    if (action === "save") this.channel.send("save", {edit: this.head.edit, base: 0, review: this.head.body});
    else if (action === "next-difference") this.go(this.current + 1);
    else if (action === "previous-difference") this.go(this.current - 1);
    else return this.text.move(action, times);
    return true;
  }

  go(number) {
    const {differences} = this.lines;
    if (!differences.length) return;
    this.current = Math.max(0, Math.min(number, differences.length - 1));
    this.text.goTo(differences[this.current], this.kind === "conflict" ? 2 : 0);
    this.drawFacts();
  }

  show(head, body) {
    this.head = head;
    this.kind = head.kind;
    if (this.kind) {
      setText(this.heading, head.heading);
      if (body.version !== this.version) {
        this.version = body.version;
        const lines = JSON.parse(body.texts.join(""));
        this.lines = this.kind === "review" ? new DiffLines(lines) : new VersionLines(lines);
        this.current = -1;
        this.text.show(this.lines);
        if (this.kind === "conflict") this.options.later(() => this.go(0));
      }
      this.drawFacts();
      this.drawNames();
      this.drawButtons();
    }
    this.options.onShown();
  }

  drawFacts() {
    const {store, notes, reason, warning} = this.head;
    const count = this.lines.differences.length;
    const place = this.current < 0 ? `${count}` : `${this.current + 1} of ${count}`;
    const lines = [
      ["ks-dim", store ?? ""],
      ["", reason ?? ""],
      ...notes.map((note) => [this.kind === "review" ? "ks-tone-warning" : "", note]),
      ["ks-dim", count > 1 || this.kind === "conflict" ? this.head.difference.replace("{number}", place) : ""],
      ["ks-warning", warning ?? ""],
    ];
    this.facts.replaceChildren(...lines.filter(([, text]) => text).map(([style, text]) => element("div", style, text)));
  }

  drawNames() {
    const isShown = this.kind === "conflict";
    this.names.hidden = !isShown;
    if (!isShown) return;
    const isWide = this.text.columns >= NARROW;
    const width = this.lines.each(this.text.columns) + 3;
    this.names.replaceChildren(...this.head.names.map((name) => {
      const made = element("span", isWide ? "ks-cell" : "", isWide ? `  ${name}` : name);
      if (isWide) made.style.width = `${width}ch`;
      return made;
    }));
  }

  drawButtons() {
    const {disabled = {}, save} = this.head;
    this.buttons.replaceChildren(...BUTTONS[this.kind].map((id) => {
      const {title, key} = this.options.action(id, this.kind);
      const button = element("button", "ks-button", `${id === "save" ? save : title} (${key})`);
      button.type = "button";
      button.tabIndex = -1; // its key does the same
      button.dataset.action = id;
      button.disabled = Boolean(disabled[id]);
      setAttributes(button, {title: disabled[id] || null});
      return button;
    }));
  }
}
