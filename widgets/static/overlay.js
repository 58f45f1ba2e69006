// An overlay inside the widget: it keeps the focus until it is closed, and then gives it back.
import {element} from "./dom.js";

const FOCUSABLE = "button:not([disabled]), input, textarea, [tabindex='0']";
let count = 0;

export class Overlay {
  // options: title, className, onClose(), which is called when it is closed by esc or by a click outside
  constructor(root, {title, className = "", onClose}) {
    this.root = root;
    this.onClose = onClose;
    this.title = element("div", "ks-dialog-title", title);
    this.title.id = `ks-dialog-${(count += 1)}`;
    this.box = element("div", `ks-dialog ${className}`, this.title);
    this.box.setAttribute("role", "dialog");
    this.box.setAttribute("aria-modal", "true");
    this.box.setAttribute("aria-labelledby", this.title.id);
    this.box.tabIndex = -1;
    this.shade = element("div", "ks-shade", this.box);
    this.before = root.getRootNode().activeElement;
    this.shade.addEventListener("keydown", (event) => this.onKey(event));
    this.shade.addEventListener("mousedown", (event) => { if (event.target === this.shade) this.cancel(event); });
    root.append(this.shade);
  }

  focus(target) {
    (target ?? this.box.querySelector(FOCUSABLE) ?? this.box).focus({preventScroll: true});
  }

  cancel(event) {
    event.preventDefault();
    this.close();
    this.onClose?.();
  }

  onKey(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.cancel(event);
    else if (event.key === "Tab") this.cycle(event);
  }

  cycle(event) {
    event.preventDefault();
    const all = [...this.box.querySelectorAll(FOCUSABLE)].filter((one) => one.offsetParent !== null);
    if (!all.length) return;
    const at = all.indexOf(this.root.getRootNode().activeElement);
    all[(at + (event.shiftKey ? -1 : 1) + all.length) % all.length].focus();
  }

  close() {
    if (!this.shade.isConnected) return;
    const hadFocus = this.shade.contains(this.root.getRootNode().activeElement);
    this.shade.remove();
    if (hadFocus && this.before?.isConnected && this.root.contains(this.before)) this.before.focus({preventScroll: true});
  }
}
