// A list of options: by arrow keys and mouse, a few by their number, many by typing words of them.
import {element, setAttributes, setText} from "./dom.js";

const MAX_NUMBERED = 9; // options that are chosen by their number; more of them are filtered by typing
const MAX_SHOWN = 200;
let lists = 0;

export class ChoiceList {
  // options: {title, details}; onChoose(index)
  constructor(options, {onChoose, isSearching = false, isFiltered = options.length > MAX_NUMBERED || isSearching}) {
    this.onChoose = onChoose;
    this.isFiltered = isFiltered;
    this.prefix = `ks-choice-${(lists += 1)}-`;
    this.cursor = 0;
    this.input = element("input", "ks-input");
    this.list = element("div", "ks-choices");
    this.rest = element("div", "ks-dim");
    this.element = element("div", "ks-choice-list", ...(isFiltered ? [this.input] : []), this.list, this.rest);
    this.target = isFiltered ? this.input : this.list; // has the focus
    setAttributes(this.input, {placeholder: "type to filter", "aria-label": "Filter", role: "combobox", "aria-expanded": "true", spellcheck: "false", autocomplete: "off"});
    this.list.setAttribute("role", "listbox");
    this.list.id = `${this.prefix}list`;
    if (isFiltered) this.input.setAttribute("aria-controls", this.list.id);
    else this.list.tabIndex = 0;
    this.target.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.filter());
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) this.onChoose(Number(row.dataset.index));
    });
    this.setOptions(options, isSearching);
  }

  setOptions(options, isSearching = false) {
    this.options = options;
    this.isSearching = isSearching;
    this.filter(true);
  }

  filter(keepCursor = false) {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const texts = this.options.map((option) => `${option.title} ${option.details}`.toLowerCase());
    this.found = this.options.map((_, index) => index).filter((index) => words.every((word) => texts[index].includes(word)));
    if (!keepCursor) this.cursor = 0;
    this.draw();
  }

  draw() {
    const shown = this.found.slice(0, MAX_SHOWN);
    this.cursor = Math.max(0, Math.min(this.cursor, shown.length - 1));
    this.list.replaceChildren(...shown.map((index, at) => {
      const {title, details, isDisabled} = this.options[index];
      const number = this.isFiltered ? "" : `${index + 1} `;
      const row = element("div", `ks-choice ${isDisabled ? "ks-dim" : ""}`, element("span", "ks-dim", number), element("span", "ks-choice-title", title), element("span", "ks-choice-details ks-dim", details));
      row.dataset.index = index;
      setAttributes(row, {role: "option", id: this.prefix + at, "aria-selected": String(at === this.cursor)});
      return row;
    }));
    const rest = this.found.length - shown.length;
    const none = this.found.length || this.isSearching ? "" : "no match: backspace to change the text, esc to go back";
    setText(this.rest, this.isSearching ? "… searching for more" : rest > 0 ? `… ${rest.toLocaleString("en")} more: type to filter` : none);
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === this.cursor)));
    this.list.children[this.cursor]?.scrollIntoView({block: "nearest"});
    setAttributes(this.target, {"aria-activedescendant": this.found.length ? this.prefix + this.cursor : null});
  }

  onKey(event) {
    const steps = {ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10};
    const count = this.list.childElementCount;
    if (event.key in steps) this.cursor = Math.max(0, Math.min(this.cursor + steps[event.key], count - 1));
    else if (event.key === "Enter" || (event.key === " " && !this.isFiltered)) {
      if (count) this.onChoose(this.found[this.cursor]);
    } else if (!this.isFiltered && /^[1-9]$/.test(event.key)) {
      if (Number(event.key) <= count) this.onChoose(Number(event.key) - 1);
    } else return;
    event.preventDefault();
    this.mark();
  }
}
