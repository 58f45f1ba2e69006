// Layout of a view: the header, the panes of the widget, and the focus among them.
import {makeChanges} from "./changes.js";
import {element, setText} from "./dom.js";
import {Keys} from "./keys.js";
import {makeLocks} from "./locks.js";
import {Status} from "./status.js";
import {makeTree} from "./tree.js";
import {ValuePane} from "./value.js";

const MAKERS = {
  tree: makeTree, locks: makeLocks, changes: makeChanges, value: (channel, options) => new ValuePane(channel, options),
};

export class Layout {
  constructor(model, channel) {
    this.channel = channel;
    this.keys = new Keys([]);
    this.status = new Status();
    this.notices = element("div", "ks-notices");
    this.body = element("div", "ks-body");
    this.element = element("div", "ks-root", this.status.element, this.body, this.notices);
    this.element.setAttribute("data-lm-suppress-shortcuts", "true"); // the notebook's own keys must not act in here
    this.panes = new Map();
    this.lists = new Map();
    for (const name of model.get("panes")) this.addPane(name);
    this.setHeight(model.get("height"));
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    channel.on("welcome", (message) => this.welcome(message));
    channel.on("status", (message) => this.status.show(message));
    channel.on("rows", (message) => this.lists.get(message.pane)?.onRows(message));
    channel.on("patch", (message) => this.lists.get(message.pane)?.onPatch(message));
    channel.on("body", (message, buffers) => this.lists.get(message.pane)?.onBody(message, buffers));
    channel.on("focus", (message) => this.focus(message.pane));
    channel.on("notice", (message) => this.notify(message.text, message.severity));
    channel.on("closed", (message) => this.setClosed(message.reason));
    channel.on("lost", (message) => this.setLost(message));
  }

  addPane(name) {
    const make = MAKERS[name];
    if (!make) return;
    const title = element("div", "ks-title");
    const list = make(this.channel, {title, onHead: (head) => setText(title, head.title)});
    const pane = element("section", `ks-pane ks-pane-${name}`, title, list.element);
    pane.dataset.pane = name;
    this.panes.set(name, pane);
    this.lists.set(name, list);
    this.body.append(pane);
  }

  setHeight(pixels) {
    this.element.style.height = `${pixels}px`;
  }

  welcome(message) {
    this.keys = new Keys(message.actions);
    for (const list of this.lists.values()) list.reset();
  }

  // Give a pane the focus, if it is somewhere in this view.
  focus(name) {
    if (this.element.contains(document.activeElement)) this.lists.get(name)?.scroller.focus();
  }

  setLost(lost) {
    this.element.classList.toggle("ks-lost", lost.isLost);
    this.status.setLost(lost);
  }

  setClosed(reason) {
    this.element.classList.add("ks-lost");
    this.status.setClosed(reason);
  }

  notify(text, severity) {
    const notice = element("div", `ks-notice-line ks-${severity}`, text);
    this.notices.append(notice);
    while (this.notices.childElementCount > 3) this.notices.firstElementChild.remove();
    setTimeout(() => notice.remove(), severity === "error" ? 10000 : 4000);
  }

  onKey(event) {
    const name = event.target.closest("[data-pane]")?.dataset.pane;
    if (!name || event.target.closest("input, textarea")) return;
    const action = this.keys.find(event, name);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.lists.get(name).perform?.(action.id)) return;
    this.channel.send("perform", {action: action.id, pane: name, times: 1});
  }

  close() {
    this.status.close();
    for (const list of this.lists.values()) list.close();
  }
}
