// A long text in rows that fit the width: lines are wrapped, never cut off, and only rows in sight are in the page.
import {element} from "./dom.js";
import {VirtualRows} from "./virtual_rows.js";

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{M}/u;
const NOT_ASCII = /[^\x20-\x7e]/;
const TAB_SIZE = 4;
const STEPS = {
  up: -1, down: 1, "page-up": -1, "page-down": 1, "read-on": 1, "half-page-up": -0.5, "half-page-down": 0.5,
  top: -Infinity, bottom: Infinity,
};

// Tabs as spaces, so that each character has its place in a row.
export function expandTabs(text) {
  if (!text.includes("\t")) return text;
  let column = 0;
  return text.replace(/\t|[^\t]+/g, (part) => {
    const shown = part === "\t" ? " ".repeat(TAB_SIZE - (column % TAB_SIZE)) : part;
    column += shown.length;
    return shown;
  });
}

// Indexes at which the rows of a line begin, after the first: behind a space in the second half of a row, if there is one.
export function breaks(text, width) {
  const found = [];
  if (text.length <= width && !NOT_ASCII.test(text)) return found;
  let start = 0;
  let space = 0; // index behind the last space
  let cells = 0;
  let cellsAtSpace = 0;
  let at = 0;
  const isAscii = !NOT_ASCII.test(text);
  for (const character of text) {
    const size = isAscii ? 1 : MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
    if (cells + size > width && cells > 0) {
      const isAtSpace = space > start && cellsAtSpace * 2 >= width;
      start = isAtSpace ? space : at;
      cells = isAtSpace ? cells - cellsAtSpace : 0;
      found.push(start);
    }
    cells += size;
    at += character.length;
    if (character === " ") {
      space = at;
      cellsAtSpace = cells;
    }
  }
  return found;
}

// Parts of a line, [style, text], between two indexes.
export function slice(parts, start, stop) {
  const found = [];
  let at = 0;
  for (const [style, text] of parts) {
    const part = text.slice(Math.max(0, start - at), Math.max(0, stop - at));
    if (part) found.push([style, part]);
    at += text.length;
    if (at >= stop) break;
  }
  return found;
}

export function drawParts(target, parts) {
  target.replaceChildren(...parts.map(([style, text]) => (style ? element("span", `ks-t-${style}`, text) : text)));
}

export class TextRows extends VirtualRows {
  // lines: {count, rowsOf(index, width), draw(element, index, row, width)}
  constructor(label) {
    super();
    this.lines = {count: 0};
    this.columns = 0;
    this.starts = new Uint32Array(1); // first row of each line, and the number of all rows
    this.scroller.classList.add("ks-text");
    this.scroller.setAttribute("role", "document");
    this.scroller.setAttribute("aria-label", label);
    this.probe = element("span", "ks-probe", "0".repeat(100));
    this.element.append(this.probe);
  }

  // Show other lines; with `keep` the line at the top stays there.
  show(lines, {keep = false} = {}) {
    this.lines = lines;
    this.measure(keep ? this.anchor() : {line: 0, offset: 0});
  }

  // More lines at the end, or other lines in the same places.
  update() {
    this.measure(this.anchor());
  }

  get width() { // characters of a row
    const each = this.probe.getBoundingClientRect().width / 100;
    const style = getComputedStyle(this.scroller);
    const room = this.scroller.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return each > 0 ? Math.max(8, Math.floor(room / each) - 1) : 0;
  }

  onResize() {
    const width = this.width;
    if (width && width !== this.columns) this.measure(this.anchor());
    this.schedule();
  }

  anchor() {
    const row = Math.min(this.total, Math.floor(this.top));
    const line = this.lineOf(row);
    return {line, offset: this.top - (this.starts[line] ?? 0)};
  }

  measure({line, offset}) {
    this.columns = this.width || this.columns || 80;
    const {count} = this.lines;
    this.starts = new Uint32Array(count + 1);
    for (let at = 0; at < count; at += 1) this.starts[at + 1] = this.starts[at] + this.lines.rowsOf(at, this.columns);
    this.total = this.starts[count];
    const at = Math.min(line, Math.max(0, count - 1));
    this.onColumns?.();
    this.top = Math.max(0, Math.min((this.starts[at] ?? 0) + (line < count ? offset : 0), this.maxTop));
    this.layout();
    this.schedule();
  }

  lineOf(row) {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high - 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  // Scroll a line to the top, with some lines above it.
  goTo(line, above = 2) {
    this.scrollTo(Math.max(0, (this.starts[line] ?? 0) - above));
  }

  // Perform an action of moving; return false if it is another.
  move(action, times = 1) {
    const step = STEPS[action];
    if (step === undefined) return false;
    const isPage = action.includes("page") || action === "read-on";
    this.scrollTo(Math.abs(step) === Infinity ? (step > 0 ? this.maxTop : 0) : this.top + step * times * (isPage ? this.height - 1 : 1));
    return true;
  }

  drawRow(made, row) {
    const line = this.lineOf(row);
    const style = `ks-row ks-text-row${this.lines.styleOf ? ` ${this.lines.styleOf(line)}` : ""}`;
    if (made.className !== style) made.className = style;
    this.lines.draw(made, line, row - this.starts[line], this.columns);
  }
}

const MAX_LINE = 4096; // characters of a line that are highlighted together

// Lines of a text that comes in parts.
export class PlainLines {
  constructor(highlight) {
    this.highlight = highlight;
    this.texts = [];
    this.rest = ""; // a line that is not complete yet
  }

  get count() {
    return this.texts.length;
  }

  add(text, isLast) {
    const all = this.rest + text;
    let start = 0;
    for (let end = all.indexOf("\n"); end >= 0; end = all.indexOf("\n", start)) {
      this.addLine(all.slice(start, end));
      start = end + 1;
    }
    this.rest = all.slice(start);
    if (isLast && (this.rest || !this.texts.length)) {
      this.addLine(this.rest);
      this.rest = "";
    }
  }

  addLine(text) {
    const line = expandTabs(text);
    let start = 0;
    while (line.length - start > MAX_LINE) {
      let stop = start + MAX_LINE;
      if (/[\udc00-\udfff]/.test(line[stop])) stop -= 1; // not between the halves of a character
      this.texts.push(line.slice(start, stop));
      start = stop;
    }
    this.texts.push(line.slice(start));
  }

  rowsOf(index, width) {
    return breaks(this.texts[index], width).length + 1;
  }

  draw(made, index, row, width) {
    const text = this.texts[index];
    const places = [0, ...breaks(text, width), text.length];
    drawParts(made, slice(this.highlight(text), places[row], places[row + 1]));
  }
}
