// The value of the selected key: tabs, facts, type and notes, and the text.
import {duration, element, setAttributes, setText} from "./dom.js";
import {highlighter} from "./highlight.js";
import {PaneText} from "./pane_text.js";
import {PlainLines, TextRows} from "./text_rows.js";

const PREFETCHED_ROWS = 500; // rows before the end of what is loaded at which the next part is asked for

export class ValuePane {
  // options: title, the element above the pane
  constructor(channel, options = {}) {
    this.channel = channel;
    this.pane = new PaneText(channel, "value", (head, body) => this.show(head, body));
    this.tabs = element("div", "ks-tabs");
    this.tabs.setAttribute("role", "tablist");
    this.key = element("div", "ks-value-key");
    this.warning = element("div", "ks-warning");
    this.facts = element("div", "ks-facts ks-dim");
    this.kind = element("div", "ks-dim");
    this.notes = element("div", "ks-notes");
    this.facing = element("div", "ks-value-head", this.key, this.warning, this.facts, this.kind, this.notes);
    this.text = new TextRows("Value");
    this.rest = element("div", "ks-rest ks-dim");
    this.element = element("div", "ks-value", this.facing, this.text.element, this.rest);
    options.title?.append(this.tabs);
    this.tabs.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-tab]");
      if (tab) channel.send("tab", {name: tab.dataset.tab});
    });
    this.text.scroller.addEventListener("scroll", () => this.loadMore());
    this.clock = setInterval(() => this.drawFacts(), 500);
    this.isGoingToEnd = false;
    this.shownNotes = "";
  }

  get target() {
    return this.text.scroller;
  }

  close() {
    this.pane.close();
    this.text.close();
    clearInterval(this.clock);
  }

  reset() {
    this.pane.reset();
  }

  onRows(message) {
    this.pane.onRows(message);
  }

  checkSent(last) {
    this.pane.checkSent(last);
  }

  onPatch(message) {
    this.pane.onPatch(message);
  }

  onBody(message, buffers) {
    this.pane.onBody(message, buffers);
  }

  focus() {
    this.text.scroller.focus({preventScroll: true});
  }

  // Perform an action here in the page; return false if it is the kernel's.
  perform(action, times = 1) {
    this.isGoingToEnd = action === "bottom" && this.pane.body.next !== null;
    const isDone = this.text.move(action, times);
    if (isDone) this.loadMore();
    return isDone;
  }

  show(head, body) {
    const shownAs = `${head.tab} ${head.key}`;
    const isSame = shownAs === this.shownAs;
    this.head = head;
    this.shownAs = shownAs;
    this.drawTabs();
    setText(this.key, head.key);
    this.key.title = head.key;
    setText(this.warning, head.warning ? `! ${head.warning}` : "");
    setText(this.kind, head.kind ?? "");
    this.drawNotes(head.notes ?? []);
    this.drawFacts();
    this.facing.hidden = Boolean(head.notice);
    this.text.setNotice(head.notice, head.problem);
    this.text.scroller.classList.toggle("ks-outdated", Boolean(head.warning));
    this.drawText(head, body, isSame);
  }

  drawText(head, body, isSame) {
    if (body !== this.body || head.language !== this.language) {
      this.body = body;
      this.language = head.language;
      this.lines = new PlainLines(highlighter(head.language));
      this.taken = 0;
      this.addParts();
      this.text.show(this.lines, {keep: isSame});
    } else if (this.taken < body.texts.length) {
      this.addParts();
      this.text.update();
      if (this.isGoingToEnd) this.perform("bottom");
    }
    setText(this.rest, body.next === null || head.notice ? "" : `… ${(head.size - body.next).toLocaleString("en")} more`);
    this.text.schedule();
  }

  addParts() {
    const {texts, next} = this.body;
    for (; this.taken < texts.length; this.taken += 1) {
      this.lines.add(texts[this.taken], next === null && this.taken === texts.length - 1);
      texts[this.taken] = ""; // it is in the lines now
    }
  }

  loadMore() {
    const {text} = this;
    if (this.pane.body.next !== null && text.top + text.height + PREFETCHED_ROWS > text.total) this.pane.more();
  }

  drawTabs() {
    const {tab, tabs} = this.head;
    if (this.tabs.childElementCount !== tabs.length) {
      this.tabs.replaceChildren(...tabs.map((name) => {
        const made = element("span", "ks-tab", name);
        made.dataset.tab = name;
        made.setAttribute("role", "tab");
        return made;
      }));
    }
    for (const made of this.tabs.children) {
      setAttributes(made, {"aria-selected": String(made.dataset.tab === tab)});
    }
  }

  drawNotes(notes) {
    const shown = notes.map((note) => `▪ ${note}`);
    if (this.head.edited) shown.unshift(`▪ ${this.head.edited} is being edited`);
    if (shown.join("\n") !== this.shownNotes) {
      this.shownNotes = shown.join("\n");
      this.notes.replaceChildren(...shown.map((note) => element("div", "ks-note", note)));
    }
  }

  drawFacts() {
    const {head} = this;
    if (!head) return;
    const facts = [...(head.facts ?? [])];
    if (head.expires !== undefined) {
      const left = head.expires - (this.channel.clock.now() - head.at);
      facts.push(left > 0 ? `${duration(left)} left` : "expires now unless renewed");
    }
    setText(this.facts, facts.join(" · "));
  }
}
