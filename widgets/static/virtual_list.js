// A list of any number of rows, of which only those in sight are in the page. The kernel sends a window of rows and
// then what changes in it.
import {element, seconds, setAttributes, setText} from "./dom.js";

const MAX_HEIGHT = 4_000_000; // pixels of an element that every browser can scroll; more rows are scaled to it
const MAX_ROWS = 500;
const MARGIN = 3; // rows that stay in sight above and below the cursor

export class VirtualList {
  // options: role of the list and its rows, label, rowHeight, draw(element, row, list), onGesture(row, gesture, event)
  constructor(channel, pane, options) {
    this.channel = channel;
    this.pane = pane;
    this.options = {rowHeight: 20, role: "listbox", rowRole: "option", ...options};
    this.rowHeight = this.options.rowHeight;
    this.generation = 0;
    this.seq = 0;
    this.isWaiting = false;
    this.start = 0;
    this.total = 0;
    this.rows = [];
    this.cursor = -1;
    this.reveals = 0;
    this.head = {title: "", notice: "", problem: false};
    this.top = 0; // first row in sight, with a fraction
    this.direction = 1;
    this.elements = [];
    this.notice = element("div", "ks-notice");
    this.notice.hidden = true;
    this.layer = element("div", "ks-rows");
    this.spacer = element("div", "ks-spacer");
    this.scroller = element("div", "ks-scroller", this.layer, this.spacer);
    this.scroller.tabIndex = 0;
    setAttributes(this.scroller, {role: this.options.role, "aria-label": this.options.label});
    this.element = element("div", "ks-list", this.notice, this.scroller);
    this.prefix = `ks-${channel.view}-${pane}-`;
    this.scrolledTo = 0;
    this.scroller.addEventListener("scroll", () => this.onScroll());
    this.scroller.addEventListener("wheel", (event) => this.onWheel(event), {passive: false});
    this.scroller.addEventListener("click", (event) => this.onClick(event));
    this.scroller.addEventListener("dblclick", (event) => this.onClick(event, "show"));
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.scroller);
    this.clock = setInterval(() => this.tick(), 1000);
  }

  close() {
    this.observer.disconnect();
    clearInterval(this.clock);
    cancelAnimationFrame(this.frame);
  }

  get height() { // rows that fit
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight));
  }

  get scale() { // rows of content per row of scrolling
    const height = this.total * this.rowHeight;
    const view = this.scroller.clientHeight;
    return height <= MAX_HEIGHT ? 1 : (height - view) / (MAX_HEIGHT - view);
  }

  get maxTop() {
    return Math.max(0, this.total - this.scroller.clientHeight / this.rowHeight);
  }

  // Messages

  // Ask for everything again, as after a reconnection.
  reset() {
    this.rows = [];
    this.isWaiting = false;
    this.request(true);
  }

  request(always = false) {
    if (this.isWaiting || !this.scroller.clientHeight) return;
    const first = Math.floor(this.top);
    const visible = this.height + 2;
    const ahead = Math.ceil(visible / 2);
    const from = Math.max(0, this.direction < 0 ? first - ahead : first);
    const to = Math.min(this.total, first + visible + (this.direction > 0 ? ahead : 0));
    const has = from >= this.start && to <= this.start + this.rows.length;
    if (has && !always) return;
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

  // Scrolling

  layout() {
    const height = Math.min(MAX_HEIGHT, Math.round(this.total * this.rowHeight));
    const spacer = `${height}px`;
    if (this.spacer.style.height !== spacer) this.spacer.style.height = spacer;
    this.scrollTo(this.top);
  }

  scrollTo(top) {
    const bounded = Math.max(0, Math.min(top, this.maxTop));
    if (bounded !== this.top) this.direction = bounded > this.top ? 1 : -1;
    this.top = bounded;
    const wanted = Math.round((this.top * this.rowHeight) / this.scale);
    if (Math.abs(wanted - this.scroller.scrollTop) >= 1) {
      this.scroller.scrollTop = wanted;
    }
    this.scrolledTo = this.scroller.scrollTop;
    this.schedule();
  }

  reveal(row) {
    if (row < 0) return;
    const height = this.scroller.clientHeight / this.rowHeight;
    const margin = Math.min(MARGIN, Math.floor((height - 1) / 2));
    let top = this.top;
    if (row + margin + 1 > top + height) top = row + margin + 1 - height;
    if (row - margin < top) top = row - margin;
    this.scrollTo(top);
  }

  onScroll() {
    const at = this.scroller.scrollTop;
    if (Math.abs(at - this.scrolledTo) < 1) return; // scrolled by ourselves
    this.scrolledTo = at;
    const top = Math.min(this.maxTop, (at * this.scale) / this.rowHeight);
    this.direction = top >= this.top ? 1 : -1;
    this.top = top;
    this.schedule();
  }

  onWheel(event) {
    if (this.scale === 1 || event.ctrlKey) return; // the browser scrolls, by pixels
    const pixels = event.deltaMode === 1 ? event.deltaY * this.rowHeight : event.deltaMode === 2 ? event.deltaY * this.scroller.clientHeight : event.deltaY;
    event.preventDefault();
    this.scrollTo(this.top + pixels / this.rowHeight);
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

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  tick() {
    if (this.rows.some((row) => this.options.isTicking?.(row))) this.schedule();
    this.options.onTick?.(this.head, this);
  }

  draw() {
    const {notice, problem} = this.head;
    setText(this.notice, notice);
    this.notice.hidden = !notice;
    this.notice.classList.toggle("ks-problem", Boolean(problem));
    this.scroller.classList.toggle("ks-empty", Boolean(notice));
    this.request();
    const first = Math.floor(this.top);
    const count = notice ? 0 : Math.max(0, Math.min(this.height + 2, this.total - first));
    while (this.elements.length < count) {
      const made = element("div", "ks-row");
      setAttributes(made, {role: this.options.rowRole});
      made.style.height = `${this.rowHeight}px`;
      this.elements.push(made);
      this.layer.append(made);
    }
    while (this.elements.length > count) this.elements.pop().remove();
    this.layer.style.transform = `translateY(${-Math.round((this.top - first) * this.rowHeight)}px)`;
    for (let line = 0; line < count; line += 1) {
      const index = first + line;
      const row = this.rows[index - this.start];
      const made = this.elements[line];
      made.style.top = `${line * this.rowHeight}px`;
      made.classList.toggle("ks-cursor", index === this.cursor);
      setAttributes(made, {
        id: this.prefix + index,
        "data-row": row ? row.id : null,
        "aria-selected": String(index === this.cursor),
        "aria-posinset": index + 1,
        "aria-setsize": this.total,
      });
      if (row) this.options.draw(made, row, this);
      else made.replaceChildren(element("span", "ks-dim", "…"));
    }
    const inSight = this.cursor >= first && this.cursor < first + count;
    setAttributes(this.scroller, {"aria-activedescendant": inSight ? this.prefix + this.cursor : null});
  }
}
