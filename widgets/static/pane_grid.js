// The panes of a widget: which has the focus, which are in sight, and how wide they are.
import {element, setAttributes} from "./dom.js";

const MIN_SHARE = 15; // per cent of the width that the tree and the panes beside it keep
const MAX_SHARE = 85;
const STEP = 4;

export class PaneGrid {
  // panes: [{name, view}], views have an element and perhaps focus(); onFocus(name) is called when a pane got the focus
  constructor(prefix, onFocus) {
    this.prefix = prefix;
    this.onFocus = onFocus;
    this.panes = new Map();
    this.current = "";
    this.share = 38; // per cent of the width that the tree has
    this.areSidesHidden = false;
    this.isEditing = false;
    this.tabs = element("div", "ks-pane-tabs");
    setAttributes(this.tabs, {role: "tablist", "aria-label": "Panes"});
    this.element = element("div", "ks-body");
    this.tabs.addEventListener("mousedown", (event) => event.preventDefault()); // the focus goes to the pane itself
    this.tabs.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-tab-of]");
      if (tab) this.focus(tab.dataset.tabOf);
    });
    this.element.addEventListener("focusin", (event) => {
      const name = event.target.closest("[data-pane]")?.dataset.pane;
      if (name) this.show(name);
    });
    this.element.addEventListener("mousedown", (event) => {
      const pane = event.target.closest("[data-pane]");
      if (pane && !event.target.closest("[tabindex], input, textarea, button")) {
        event.preventDefault();
        this.focus(pane.dataset.pane);
      }
    });
  }

  get names() {
    return [...this.panes.keys()];
  }

  // The element of a pane that takes its keys.
  target(name) {
    const pane = this.panes.get(name);
    return pane?.view.target ?? pane?.section.querySelector(".ks-scroller");
  }

  add(name, title, view) {
    const number = this.panes.size + 1;
    const label = element("span", "ks-pane-label");
    const section = element("section", `ks-pane ks-pane-${name}`, element("div", "ks-title-line", label, title), view.element);
    section.dataset.pane = name;
    section.id = `${this.prefix}${name}`;
    section.tabIndex = -1; // it has the focus while it shows nothing that could have it
    const tab = element("button", "ks-pane-tab");
    tab.type = "button";
    tab.tabIndex = -1; // the keys for panes do the same
    tab.dataset.tabOf = name;
    setAttributes(tab, {role: "tab", "aria-controls": section.id});
    this.panes.set(name, {section, view, label, tab, number});
    this.tabs.append(tab);
    this.element.append(section);
    const isMany = this.panes.size > 1;
    this.element.classList.toggle("ks-many", isMany);
    this.tabs.hidden = !isMany;
    if (!this.current) this.show(name);
    if (!this.side && name !== "tree") this.side = name;
    this.mark();
  }

  setLabels(labels) {
    const isMany = this.panes.size > 1;
    for (const [name, {label, tab, number, section}] of this.panes) {
      label.textContent = isMany ? `${number} ${labels[name] ?? name}` : labels[name] ?? name;
      tab.textContent = `${number} ${labels[name] ?? name}`;
      section.setAttribute("aria-label", labels[name] ?? name);
    }
  }

  // Make a pane the current one: it is in sight where not all of them fit.
  show(name) {
    if (!this.panes.has(name)) return;
    const isOther = name !== this.current;
    this.current = name;
    if (name !== "tree") this.side = name;
    this.mark();
    if (isOther) this.onFocus(name);
  }

  // Show a pane beside the tree, where one fits.
  showBeside(name) {
    if (this.panes.has(name) && this.current === "tree") {
      this.side = name;
      this.mark();
    }
  }

  mark() {
    for (const [name, {section, tab}] of this.panes) {
      section.classList.toggle("ks-current", name === this.current);
      section.classList.toggle("ks-beside", name === this.side);
      tab.setAttribute("aria-selected", String(name === this.current));
      tab.classList.toggle("ks-in-sight", name === this.side || name === "tree");
      const target = this.target(name);
      if (target) target.tabIndex = name === this.current ? 0 : -1; // one stop of the tab key for the widget
    }
  }

  focus(name = this.current) {
    if (!this.panes.has(name)) return;
    this.show(name);
    const {section, view} = this.panes.get(name);
    if (view.focus) view.focus();
    else (this.target(name) ?? section).focus({preventScroll: true});
    if (!section.contains(section.getRootNode().activeElement)) section.focus({preventScroll: true});
  }

  cycle(step) {
    const names = this.names;
    const at = names.indexOf(this.current);
    for (let by = 1; by <= names.length; by += 1) {
      const name = names[(at + step * by + names.length * by) % names.length];
      if (this.isReachable(name)) {
        this.focus(name);
        return;
      }
    }
  }

  isReachable(name) {
    return !this.element.classList.contains("ks-no-sides") || name === "tree" || name === "value";
  }

  get isZoomed() {
    return this.element.classList.contains("ks-zoomed");
  }

  zoom(isOn = !this.isZoomed) {
    this.element.classList.toggle("ks-zoomed", isOn);
  }

  toggleSides() {
    this.areSidesHidden = !this.areSidesHidden;
    this.markSides();
  }

  // Leave the room of the panes at the side to an editor while one is open.
  setEditing(isEditing) {
    this.isEditing = isEditing;
    this.markSides();
  }

  markSides() {
    this.element.classList.toggle("ks-no-sides", this.areSidesHidden || this.isEditing);
    if (!this.isReachable(this.current)) this.focus("value");
  }

  widen(step) {
    const isTree = this.current === "tree";
    this.share = Math.max(MIN_SHARE, Math.min(MAX_SHARE, this.share + (isTree ? step : -step) * STEP));
    this.element.style.setProperty("--ks-share", `${this.share}%`);
  }
}
