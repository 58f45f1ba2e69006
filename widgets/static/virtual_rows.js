// Rows of any number, of which only those in sight are in the page. More rows than a browser can scroll are scaled.
import {element, setText} from "./dom.js";

const MAX_HEIGHT = 4_000_000; // pixels of an element that every browser can scroll; more rows are scaled to it
const MARGIN = 3; // rows that stay in sight above and below the cursor

export class VirtualRows {
  // A subclass has `drawRow(element, index)`.
  constructor(rowHeight = 20) {
    this.rowHeight = rowHeight;
    this.total = 0;
    this.top = 0; // first row in sight, with a fraction
    this.direction = 1; // in which rows are prefetched
    this.step = 0; // in which a person scrolled last, until it was sent
    this.elements = [];
    this.notice = element("div", "ks-notice");
    this.notice.hidden = true;
    this.layer = element("div", "ks-rows");
    this.spacer = element("div", "ks-spacer");
    this.scroller = element("div", "ks-scroller", this.layer, this.spacer);
    this.scroller.tabIndex = 0;
    this.element = element("div", "ks-list", this.notice, this.scroller);
    this.scrolledTo = 0;
    this.scroller.addEventListener("scroll", () => this.onScroll());
    this.scroller.addEventListener("wheel", (event) => this.onWheel(event), {passive: false});
    this.observer = new ResizeObserver(() => this.onResize());
    this.observer.observe(this.scroller);
  }

  close() {
    this.observer.disconnect();
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

  // Show a text instead of rows; "" shows the rows.
  setNotice(text, isProblem = false) {
    setText(this.notice, text);
    this.notice.hidden = !text;
    this.notice.classList.toggle("ks-problem", Boolean(isProblem));
    this.scroller.classList.toggle("ks-empty", Boolean(text));
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
    this.step = this.direction = top >= this.top ? 1 : -1;
    this.top = top;
    this.schedule();
  }

  onWheel(event) {
    if (this.scale === 1 || event.ctrlKey) return; // the browser scrolls, by pixels
    const pixels = event.deltaMode === 1 ? event.deltaY * this.rowHeight : event.deltaMode === 2 ? event.deltaY * this.scroller.clientHeight : event.deltaY;
    event.preventDefault();
    this.scrollTo(this.top + pixels / this.rowHeight);
    this.step = Math.sign(pixels);
  }

  onResize() {
    this.schedule();
  }

  // Drawing

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    const first = Math.floor(this.top);
    const count = this.notice.hidden ? Math.max(0, Math.min(this.height + 2, this.total - first)) : 0;
    while (this.elements.length < count) {
      const made = element("div", "ks-row");
      made.style.height = `${this.rowHeight}px`;
      this.elements.push(made);
      this.layer.append(made);
    }
    while (this.elements.length > count) this.elements.pop().remove();
    this.layer.style.transform = `translateY(${-Math.round((this.top - first) * this.rowHeight)}px)`;
    for (let line = 0; line < count; line += 1) {
      const made = this.elements[line];
      made.style.top = `${line * this.rowHeight}px`;
      this.drawRow(made, first + line);
    }
  }
}
