// A list of any number of rows, of which only those in sight are in the page. The kernel sends a window of rows and
// then what changes in it.
import {element, seconds, setAttributes} from "./dom.js";
import {VirtualRows} from "./virtual_rows.js";

const MAX_ROWS = 500;
const ANSWER_TIMEOUT = 5; // seconds after which rows are asked for again

export class VirtualList extends VirtualRows {
  // options: role of the list and its rows, label, rowHeight, draw(element, row, list), onGesture(row, gesture, event)
  constructor(channel, pane, options) {
    super(options.rowHeight);
    this.channel = channel;
    this.pane = pane;
    this.options = {role: "listbox", rowRole: "option", ...options};
    this.generation = 0;
    this.seq = 0;
    this.askedAt = -Infinity; // moment of the request without an answer
    this.isUnknown = true;
    this.start = 0;
    this.rows = [];
    this.cursor = -1;
    this.reveals = 0;
    this.head = {title: "", notice: "", problem: false};
    setAttributes(this.scroller, {role: this.options.role, "aria-label": this.options.label});
    this.prefix = `ks-${channel.view}-${pane}-`;
    this.scroller.addEventListener("click", (event) => this.onClick(event));
    this.scroller.addEventListener("dblclick", (event) => this.onClick(event, "show"));
    this.clock = setInterval(() => this.tick(), 1000);
  }

  close() {
    super.close();
    clearInterval(this.clock);
  }

  // Messages

  // Ask for everything again, as after a reconnection; not if the kernel has a request to answer.
  reset() {
    if (this.askedAt >= this.channel.knownAt) return;
    this.rows = [];
    this.ask();
  }

  // Ask again if the kernel has sent more than has come: a message was lost.
  checkSent([generation, seq]) {
    if (generation === this.generation && seq !== this.seq) this.ask();
  }

  ask() {
    this.askedAt = -Infinity;
    this.isUnknown = true; // also if nothing can be asked for now, because the pane is hidden
    this.request();
  }

  request() {
    if (seconds() - this.askedAt < ANSWER_TIMEOUT || !this.scroller.clientHeight) return;
    const first = Math.floor(this.top);
    const visible = this.height + 2;
    const ahead = Math.ceil(visible / 2);
    const from = Math.max(0, this.direction < 0 ? first - ahead : first);
    const to = Math.min(this.total, first + visible + (this.direction > 0 ? ahead : 0));
    const has = from >= this.start && to <= this.start + this.rows.length;
    if (has && !this.isUnknown) return;
    this.isUnknown = false;
    const count = Math.min(MAX_ROWS, 3 * visible);
    const start = Math.max(0, first - (this.direction > 0 ? Math.floor(visible / 2) : count - visible - Math.floor(visible / 2)));
    this.generation += 1;
    this.askedAt = seconds();
    this.channel.send("window", {pane: this.pane, generation: this.generation, start, count, height: this.height, step: this.step});
    this.step = 0;
  }

  onRows(message) {
    if (message.generation !== this.generation) return;
    this.askedAt = -Infinity;
    this.seq = 0;
    const anchor = this.anchor;
    const at = seconds();
    this.rows = message.rows.map((row) => ({...row, at}));
    this.take(message, anchor);
  }

  onPatch(message) {
    if (message.generation !== this.generation) return;
    if (message.seq !== this.seq + 1) { // one is missing: what is shown may be wrong
      this.ask();
      return;
    }
    this.seq = message.seq;
    const anchor = this.anchor;
    this.rows.length = Math.min(this.rows.length, message.length);
    const at = seconds();
    for (const [index, row] of message.changes) this.rows[index] = {...row, at};
    this.take(message, anchor);
  }

  isInSight(row) {
    return row >= Math.floor(this.top) && row < this.top + this.scroller.clientHeight / this.rowHeight;
  }

  get anchor() { // first row in sight, if it is known
    return this.rows[Math.floor(this.top) - this.start];
  }

  // Keep the cursor in its line while rows come and go; if it is out of sight, the first row.
  keepPlace(message, anchor) {
    if (this.isInSight(this.cursor)) {
      if (this.top > 0 || !this.isInSight(message.cursor)) this.top += message.cursor - this.cursor;
    } else if (this.top > 0) {
      const index = anchor ? this.rows.findIndex((row) => row.id === anchor.id) : -1;
      if (index >= 0) this.top += message.start + index - Math.floor(this.top);
    }
    this.top = Math.max(0, this.top);
  }

  take(message, anchor) {
    if (message.reveals === this.reveals) this.keepPlace(message, anchor);
    Object.assign(this, {start: message.start, total: message.total, cursor: message.cursor});
    this.head = {...message.head, at: seconds()};
    const isRevealed = message.reveals !== this.reveals;
    this.reveals = message.reveals;
    this.layout();
    if (isRevealed) {
      this.step = 0; // what was scrolled before does not count any more
      this.reveal(this.cursor);
    }
    this.schedule();
    this.options.onHead?.(this.head, this);
  }

  // Mouse

  onClick(event, gesture = "select") {
    const target = event.target.closest("[data-row]");
    const row = target && this.rows.find((one) => one.id === Number(target.dataset.row));
    if (!row) return;
    const wanted = this.options.gesture?.(row, event, gesture) ?? gesture;
    if (wanted) this.channel.send("click", {pane: this.pane, row: row.id, gesture: wanted});
  }

  // Drawing

  tick() {
    if (this.rows.some((row) => this.options.isTicking?.(row))) this.schedule();
    this.options.onTick?.(this.head, this);
  }

  draw() {
    this.setNotice(this.head.notice, this.head.problem);
    this.request();
    super.draw();
    const first = Math.floor(this.top);
    const inSight = this.cursor >= first && this.cursor < first + this.elements.length;
    setAttributes(this.scroller, {"aria-activedescendant": inSight ? this.prefix + this.cursor : null});
    this.options.onDraw?.(this);
  }

  drawRow(made, index) {
    const row = this.rows[index - this.start];
    made.classList.toggle("ks-cursor", index === this.cursor);
    setAttributes(made, {
      id: this.prefix + index,
      role: this.options.rowRole,
      "data-row": row ? row.id : null,
      "aria-selected": String(index === this.cursor),
      "aria-posinset": index + 1,
      "aria-setsize": this.total,
    });
    if (row) this.options.draw(made, row, this);
    else made.replaceChildren(element("span", "ks-dim", "…"));
  }
}
