// A list of any number of rows, of which only those in sight are in the page. The kernel sends a window of rows and
// then what changes in it.
import {element, seconds, setAttributes} from "./dom.js";
import {VirtualRows} from "./virtual_rows.js";

const MAX_ROWS = 500;

export class VirtualList extends VirtualRows {
  // options: role of the list and its rows, label, rowHeight, draw(element, row, list), onGesture(row, gesture, event)
  constructor(channel, pane, options) {
    super(options.rowHeight);
    this.channel = channel;
    this.pane = pane;
    this.options = {role: "listbox", rowRole: "option", ...options};
    this.generation = 0;
    this.seq = 0;
    this.isWaiting = false;
    this.isUnknown = false;
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

  // Ask for everything again, as after a reconnection.
  reset() {
    this.rows = [];
    this.isWaiting = false;
    this.isUnknown = true; // nothing was asked for yet
    this.request();
  }

  request(always = false) {
    if (this.isWaiting || !this.scroller.clientHeight) return;
    const first = Math.floor(this.top);
    const visible = this.height + 2;
    const ahead = Math.ceil(visible / 2);
    const from = Math.max(0, this.direction < 0 ? first - ahead : first);
    const to = Math.min(this.total, first + visible + (this.direction > 0 ? ahead : 0));
    const has = from >= this.start && to <= this.start + this.rows.length;
    if (has && !always && !this.isUnknown) return;
    this.isUnknown = false;
    const count = Math.min(MAX_ROWS, 3 * visible);
    const start = Math.max(0, first - (this.direction > 0 ? Math.floor(visible / 2) : count - visible - Math.floor(visible / 2)));
    this.generation += 1;
    this.isWaiting = true;
    this.channel.send("window", {pane: this.pane, generation: this.generation, start, count, height: this.height});
  }

  onRows(message) {
    if (message.generation !== this.generation) return;
    this.isWaiting = false;
    this.seq = 0;
    const at = seconds();
    this.rows = message.rows.map((row) => ({...row, at}));
    this.take(message);
  }

  onPatch(message) {
    if (message.generation !== this.generation) return;
    if (message.seq !== this.seq + 1) { // one is missing: what is shown may be wrong
      this.isWaiting = false;
      this.request(true);
      return;
    }
    this.seq = message.seq;
    const first = Math.floor(this.top);
    const anchor = this.rows[first - this.start];
    this.rows.length = Math.min(this.rows.length, message.length);
    const at = seconds();
    for (const [index, row] of message.changes) this.rows[index] = {...row, at};
    const index = anchor ? this.rows.findIndex((row) => row.id === anchor.id) : -1;
    if (this.top > 0 && index >= 0) this.top += message.start + index - first;
    this.take(message);
  }

  take(message) {
    Object.assign(this, {start: message.start, total: message.total, cursor: message.cursor});
    this.head = {...message.head, at: seconds()};
    const isRevealed = message.reveals !== this.reveals;
    this.reveals = message.reveals;
    this.layout();
    if (isRevealed) this.reveal(this.cursor);
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
