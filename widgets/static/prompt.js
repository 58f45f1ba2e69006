// A line at the bottom: for the filter, or for a key to go to.
import {element, setText} from "./dom.js";

const COMPLETION_DELAY = 150; // milliseconds without a key press after which a completion is searched for
const MAX_HISTORY = 100;

export class Prompt {
  // options: sign, label, onInput(text), onSubmit(text), onCancel(), complete(text) -> {text, problem}
  constructor(options) {
    this.options = options;
    this.history = [];
    this.at = 0;
    this.input = element("input", "ks-prompt-input");
    this.input.spellcheck = false;
    this.input.autocomplete = "off";
    this.input.setAttribute("aria-label", options.label);
    this.comment = element("span", "ks-prompt-comment ks-dim");
    this.element = element("div", "ks-prompt", element("span", "ks-prompt-sign", options.sign), this.input, this.comment);
    this.element.hidden = true;
    this.completion = null; // {of, text}
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.onInput());
    this.input.addEventListener("blur", () => { if (this.isOpen) this.close(); });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open(text) {
    this.element.hidden = false;
    this.replace(text);
    this.at = this.history.length;
    this.completion = null;
    setText(this.comment, "");
    this.input.focus({preventScroll: true});
    if (this.options.complete) this.onInput();
  }

  replace(text) {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
  }

  close() {
    clearTimeout(this.timer);
    this.element.hidden = true;
  }

  onInput() {
    this.options.onInput?.(this.input.value);
    if (!this.options.complete) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.complete(), COMPLETION_DELAY);
  }

  async complete() {
    const of = this.input.value;
    if (this.completion?.of === of) return this.completion.text;
    const answer = await this.options.complete(of);
    if (this.input.value !== of || !this.isOpen) return null;
    this.completion = {of, text: answer?.text ?? null};
    setText(this.comment, answer?.problem || (answer?.text ? `${answer.text}  (tab)` : ""));
    return this.completion.text;
  }

  async accept() {
    const text = await this.complete();
    if (text === null || text === undefined) return;
    this.replace(text);
    this.onInput();
  }

  onKey(event) {
    event.stopPropagation();
    if (event.isComposing) return;
    const {key} = event;
    const atEnd = this.input.selectionStart === this.input.value.length;
    if (key === "Enter") {
      this.finish((text) => this.options.onSubmit(text));
    } else if (key === "Escape") {
      this.finish(() => this.options.onCancel());
    } else if (key === "Tab" || (key === "ArrowRight" && atEnd && this.options.complete)) {
      if (this.options.complete) this.accept();
    } else if (key === "ArrowUp" || key === "ArrowDown") {
      const at = this.at + (key === "ArrowUp" ? -1 : 1);
      if (at >= 0 && at <= this.history.length) {
        this.at = at;
        this.replace(this.history[at] ?? "");
        this.onInput();
      }
    } else return;
    event.preventDefault();
  }

  finish(callback) {
    const text = this.input.value;
    if (text) this.history = [...this.history.filter((one) => one !== text), text].slice(-MAX_HISTORY);
    this.close();
    callback(text);
  }
}
