// The value, and in its place the editor while an edit is open, and its review or conflict.
import {Comparison} from "./comparison.js";
import {element, setText} from "./dom.js";
import {Editor} from "./editor.js";
import {ValuePane} from "./value.js";

export class ValueSection {
  // options: title, notify(text, severity), act(id), action(id, place), onPlace(), later(callback)
  constructor(channel, options) {
    this.options = options;
    this.value = new ValuePane(channel, options);
    const onShown = () => this.choose();
    this.editor = new Editor(channel, {...options, onShown});
    this.comparison = new Comparison(channel, {...options, onShown});
    this.placeName = element("span", "ks-place"); // in place of the tabs, which are the value's
    options.title?.append(this.placeName);
    this.parts = {edit: this.editor, comparison: this.comparison};
    this.element = element("div", "ks-value-section", this.value.element, this.editor.element, this.comparison.element);
    this.active = null;
    this.choose();
  }

  get place() {
    return this.active.place ?? "value";
  }

  // Name of the pane that actions are for.
  get name() {
    return this.active.name ?? "value";
  }

  get target() {
    return this.active.target;
  }

  choose() {
    const active = this.comparison.isOpen && this.editor.isOpen ? this.comparison : this.editor.isOpen ? this.editor : this.value;
    const isSame = active === this.active && this.shownPlace === active.place;
    if (isSame) return;
    const hadFocus = this.element.contains(this.element.getRootNode().activeElement) || this.options.hasFocus?.();
    this.active = active;
    this.shownPlace = active.place;
    for (const one of [this.value, this.editor, this.comparison]) one.element.hidden = one !== active;
    this.value.tabs.hidden = active !== this.value;
    setText(this.placeName, active === this.value ? "" : active.place);
    if (hadFocus) this.focus();
    this.options.onPlace?.();
  }

  focus() {
    this.target.focus({preventScroll: true});
  }

  perform(action, times) {
    return this.active.perform(action, times);
  }

  close() {
    this.value.close();
  }

  reset() { this.value.reset(); }

  onRows(message) { this.value.onRows(message); }

  onPatch(message) { this.value.onPatch(message); }

  onBody(message, buffers) { this.value.onBody(message, buffers); }

  checkSent(last) { this.value.checkSent(last); }
}
