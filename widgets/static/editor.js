// The editor: the text of the open edit, checked by the kernel while it is typed. The kernel has the text of all views.
import {duration, element, seconds, setAttributes, setText} from "./dom.js";
import {PaneText} from "./pane_text.js";

const DELAY = 150; // milliseconds without a key after which the text is sent
const MAX_DELAY = 1000; // milliseconds after which it is sent although more is typed
const INDENT = 4;
const PLAIN = /^[\t\n\x20-\x5b\x5d-\x7e]*$/; // what is pasted as it is, without asking whether it has to be escaped

export class Editor {
  name = "edit";

  place = "editor";

  // options: onShown(), notify(text, severity), offer(text, title): shows a text that was typed and not taken
  constructor(channel, options) {
    this.channel = channel;
    this.options = options;
    this.number = 0;
    this.version = null; // the version that what is shown was typed in; null if the kernel's text replaces it
    this.isDirty = false; // the text has changes that were not sent
    this.inFlight = 0; // texts that were sent and not answered
    this.caret = null; // where the cursor goes once the kernel's text has come
    this.heading = element("div", "ks-edit-heading");
    this.area = element("textarea", "ks-edit-text");
    setAttributes(this.area, {spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "soft", "aria-label": "Value"});
    this.lines = element("div", "ks-edit-lines");
    this.lines.setAttribute("role", "status");
    this.element = element("div", "ks-edit", this.heading, this.area, this.lines);
    this.pane = new PaneText(channel, this.name, (head, body) => this.show(head, body));
    this.area.addEventListener("input", () => this.onInput());
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    // JupyterLab 4.6 waits for this event on whatever has the focus in a cell, and refuses line breaks and undo.
    this.area.addEventListener("beforeinput", (event) => event.stopImmediatePropagation());
    this.area.addEventListener("paste", (event) => this.onPaste(event, event.clipboardData));
    this.area.addEventListener("drop", (event) => this.onPaste(event, event.dataTransfer));
    this.lines.addEventListener("click", (event) => { if (event.target.closest("button")) this.goToError(); });
    this.clock = setInterval(() => this.drawMoments(), 500);
    this.onLeave = (event) => this.warn(event);
    window.addEventListener("beforeunload", this.onLeave);
  }

  get isOpen() {
    return this.number > 0;
  }

  get target() {
    return this.area;
  }

  close() {
    this.flush();
    window.removeEventListener("beforeunload", this.onLeave);
    this.pane.close();
    clearInterval(this.clock);
    clearTimeout(this.timer);
  }

  // Ask for everything again, as after a reconnection; a text that the kernel may not have is sent again.
  reset() {
    this.pane.reset();
    this.flush();
  }

  onRows(message) { this.pane.onRows(message); }

  onPatch(message) { this.pane.onPatch(message); }

  onBody(message, buffers) {
    this.pane.onBody(message, buffers);
    // a body without a head: what was typed here was merged, or not taken
    if (this.head?.body === message.version && this.isNewer(this.pane.body)) this.show(this.head, this.pane.body);
  }

  // Send what the kernel has not answered: it is there again.
  retry() {
    if (this.isUnanswered && !this.inFlight) this.flush();
  }

  // Whether there is text that only this page has.
  get isUnsent() {
    return this.isOpen && (this.isDirty || this.inFlight > 0);
  }

  // Ask whether to leave the page while there is text that the kernel does not have.
  warn(event) {
    this.flush();
    if (this.isUnsent) event.preventDefault();
  }

  checkSent(last) { this.pane.checkSent(last); }

  // Perform an action here in the page; return false if it is the kernel's.
  perform(action) {
    if (action === "save") {
      this.submit("save", {review: 0});
      return true;
    }
    this.flush(); // what is typed comes first
    return false;
  }

  // Text

  onInput() {
    this.isDirty = true;
    this.dirtySince ??= performance.now();
    clearTimeout(this.timer);
    const left = MAX_DELAY - (performance.now() - this.dirtySince);
    this.timer = setTimeout(() => this.flush(), Math.max(0, Math.min(DELAY, left)));
  }

  flush() {
    if (this.isDirty && this.isOpen && this.version !== null) this.submit("text", {});
  }

  async submit(type, fields) {
    if (this.version === null) return; // the kernel's text is on its way
    const text = this.area.value;
    if (text.isWellFormed && !text.isWellFormed()) {
      this.options.notify("not taken: the text has half of a character (a lone surrogate)", "error");
      return;
    }
    clearTimeout(this.timer);
    this.isDirty = false;
    this.dirtySince = undefined;
    this.inFlight += 1;
    this.isUnanswered = false;
    const edit = this.number;
    const answer = await this.channel.ask(type, {edit, base: this.version, ...fields}, text);
    this.inFlight -= 1;
    if (answer?.problem) this.refuse(edit, edit === this.number ? this.area.value : text, answer);
    else if (edit !== this.number) return;
    else if (answer === null) this.isDirty = this.isUnanswered = true; // sent again with the next sign of life
    else {
      this.version = answer.version;
      this.pane.body.version = answer.version;
      this.pane.show();
    }
  }

  // Show the text that the edit has, and offer the one that was typed here.
  refuse(edit, text, {problem, version}) {
    this.options.offer(text, problem);
    if (edit !== this.number) return;
    this.isDirty = false;
    this.version = null;
    this.channel.send("more", {pane: this.name, version, start: 0});
  }

  async onPaste(event, transfer) {
    const pasted = (transfer?.getData("text/plain") ?? "").replaceAll("\r\n", "\n");
    if (PLAIN.test(pasted) || this.area.readOnly) return; // the browser inserts it
    event.preventDefault();
    const {value, selectionStart, selectionEnd} = this.area;
    const before = value.slice(0, selectionStart);
    const start = [...before].length;
    this.area.readOnly = true; // until it is known whether the whole text gets escapes
    const fields = {edit: this.number, base: this.version ?? 0, start, stop: start + [...pasted].length};
    const answer = await this.channel.ask("paste", fields, before + pasted + value.slice(selectionEnd));
    this.area.readOnly = Boolean(this.head?.readonly);
    if (answer === null || answer.problem) this.options.notify(answer?.problem ?? "not pasted: the kernel does not answer", "warning");
    else if (answer.text === null) {
      this.caret = answer.caret;
      this.options.notify("the text now has escapes: it holds characters that cannot be edited", "information");
    } else {
      this.insert(answer.text);
      if (answer.text !== pasted) this.options.notify("pasted with escapes for characters that cannot be edited", "information");
    }
  }

  insert(text) {
    this.area.focus({preventScroll: true});
    if (!document.execCommand("insertText", false, text)) { // it can be undone, which is why it comes first
      this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    }
    this.onInput();
  }

  onKey(event) {
    if (event.key !== "Tab" || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || this.area.readOnly) return;
    event.preventDefault();
    event.stopPropagation();
    this.indent();
  }

  indent() {
    const column = this.area.selectionStart - this.area.value.lastIndexOf("\n", this.area.selectionStart - 1) - 1;
    this.insert(" ".repeat(INDENT - (column % INDENT)));
  }

  // Type keys that were pressed before the editor was shown.
  insertKeys(keys) {
    let text = "";
    for (const key of keys) {
      if (key !== "Tab") text += key === "Enter" ? "\n" : key;
      else {
        if (text) this.insert(text);
        text = "";
        this.indent();
      }
    }
    if (text) this.insert(text);
  }

  goToError() {
    const {line, column} = this.head.place;
    const text = this.area.value;
    let start = 0;
    for (let at = 1; at < line && start >= 0; at += 1) start = text.indexOf("\n", start) + 1 || text.length;
    const end = text.indexOf("\n", start) < 0 ? text.length : text.indexOf("\n", start);
    const at = start + [...text.slice(start, end)].slice(0, column - 1).join("").length;
    this.area.focus();
    this.area.setSelectionRange(at, Math.min(text.length, at + 1));
  }

  // Drawing

  show(head, body) {
    const isOther = head.edit !== this.number;
    if (isOther && this.isDirty && this.isOpen && this.area.value !== body.texts[0]) {
      this.options.offer(this.area.value, "not typed: the text was closed or replaced in another view");
    }
    this.head = head;
    this.number = head.edit;
    if (isOther) {
      this.isDirty = false;
      this.dirtySince = undefined;
      clearTimeout(this.timer);
    }
    const isTaken = isOther || this.isNewer(body);
    if (isTaken && this.isOpen) this.take(body, isOther);
    this.area.readOnly = Boolean(head.readonly) || this.isAltered;
    setText(this.heading, head.heading ?? "");
    this.drawLines();
    this.drawMoments();
    this.options.onShown();
  }

  // Whether a text of the kernel replaces the one that is shown.
  isNewer(body) {
    return this.version === null || (body.version !== this.version && !this.isDirty && !this.inFlight);
  }

  take(body, isOther) {
    const text = body.texts[0];
    this.version = body.version;
    if (isOther) {
      this.area.value = text;
      const caret = this.caret ?? 0;
      this.caret = null;
      this.area.setSelectionRange(caret, caret);
      if (!caret) this.area.scrollTop = 0;
    } else this.replace(text);
    this.isAltered = this.area.value !== text; // the kernel escapes all that a page would alter
    if (this.isAltered) this.options.notify("read-only here: the text has characters that this page would alter", "error");
  }

  // Replace what differs, and keep the selection.
  replace(text) {
    const before = this.area.value;
    const shorter = Math.min(before.length, text.length);
    let start = 0;
    while (start < shorter && before[start] === text[start]) start += 1;
    let end = 0;
    while (end < shorter - start && before[before.length - 1 - end] === text[text.length - 1 - end]) end += 1;
    if (before !== text) this.area.setRangeText(text.slice(start, text.length - end), start, before.length - end, "preserve");
  }

  drawLines() {
    const {lines = [], place} = this.head;
    const drawn = JSON.stringify([lines, place]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.age = element("span");
    this.lines.replaceChildren(...lines.map((line) => {
      return element("div", `ks-tone-${line.tone}${line.strong ? " ks-strong" : ""}`, line.text);
    }));
    if (place) {
      const button = element("button", "ks-button", `go to line ${place.line}, column ${place.column}`);
      button.type = "button";
      this.lines.append(button);
    }
    this.lines.append(this.age);
  }

  drawMoments() {
    const {head} = this;
    if (!head?.edit) return;
    const passed = seconds() - head.at;
    const left = head.expires === undefined ? null : head.expires - passed;
    const texts = [];
    if (this.channel.isLost && this.isUnsent) texts.push("what was typed last is only in this page");
    if (head.since !== undefined) texts.push(`for ${duration(passed - head.since)}`);
    if (left !== null) texts.push(left > 0 ? `expires in ${duration(left)} unless renewed` : "expired unless renewed");
    setText(this.age, texts.join(" · "));
  }
}
