// Layout of a view: header, panes, prompts, footer; and what keys do in the page itself.
import {makeChanges} from "./changes.js";
import {Dialogs} from "./dialogs.js";
import {element, setText} from "./dom.js";
import {Footer} from "./footer.js";
import {showHelp, showPalette} from "./help.js";
import {Keys, keyName} from "./keys.js";
import {makeLocks} from "./locks.js";
import {PaneGrid} from "./pane_grid.js";
import {Prompt} from "./prompt.js";
import {Status} from "./status.js";
import {makeTree} from "./tree.js";
import {TypeAhead} from "./type_ahead.js";
import {makeDifferences, makeHits, makeJournal} from "./results.js";
import {ValueSection} from "./value_section.js";

const MAKERS = {
  tree: makeTree, locks: makeLocks, changes: makeChanges, value: (channel, options) => new ValueSection(channel, options),
  hits: makeHits, differences: makeDifferences, journal: makeJournal,
};
const PANE_ACTIONS = new Set([
  "next-pane", "previous-pane", "pane-tree", "pane-value", "pane-locks", "pane-changes", "leave-pane", "zoom", "wider",
  "narrower", "side-panes",
]); // without use where there is one pane
const MAX_NOTICES = 3;

export class Layout {
  constructor(model, channel) {
    this.model = model;
    this.channel = channel;
    this.keys = new Keys([]);
    this.signs = {};
    this.disabled = {};
    this.status = new Status();
    this.grid = new PaneGrid(`ks-${channel.view}-`, () => this.drawFooter());
    this.filterPrompt = new Prompt({
      sign: "/", label: "Filter",
      onInput: (text) => channel.send("filter", {text}),
      onSubmit: () => this.grid.focus("tree"),
      onCancel: () => { channel.send("filter", {text: ""}); this.grid.focus("tree"); },
    });
    this.goPrompt = new Prompt({
      sign: ":", label: "Key to go to",
      complete: (text) => channel.ask("complete", {text}),
      onSubmit: (text) => { if (text) channel.send("go", {text}); this.grid.focus("tree"); },
      onCancel: () => this.grid.focus(),
    });
    this.footer = new Footer((id) => this.act(this.keys.actions.get(id)));
    this.notices = element("div", "ks-notices");
    this.notices.setAttribute("role", "log");
    this.exit = element("span"); // the tab key goes on from here when it leaves the widget
    this.exit.tabIndex = -1;
    this.entry = element("span");
    this.entry.tabIndex = -1;
    this.element = element("div", "ks-root", this.entry, this.status.element, this.grid.tabs, this.grid.element, this.filterPrompt.element, this.goPrompt.element, this.footer.element, this.notices, this.exit);
    // the notebook's own keys must not act on what has the focus in here
    this.element.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-description", "Tab moves among the panes. Escape, then tab, leaves. Question mark shows the keys.");
    this.typeAhead = new TypeAhead((text, severity) => this.notify(text, severity));
    this.dialogs = new Dialogs(channel, this.element, this.typeAhead);
    this.views = new Map();
    this.heads = new Map();
    this.pending = null; // key presses of this frame: {action, pane, times}
    this.isLeaving = false;
    this.timers = new Set();
    for (const name of model.get("panes")) this.addPane(name);
    this.onHeight = () => { this.element.style.height = `${model.get("height")}px`; };
    this.onHeight();
    model.on("change:height", this.onHeight);
    this.element.addEventListener("keydown", (event) => this.onEarlyKey(event), true);
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.listen();
  }

  listen() {
    const {channel} = this;
    const view = (message) => this.views.get(message.pane);
    channel.on("welcome", (message) => this.welcome(message));
    channel.on("status", (message) => this.onStatus(message));
    channel.on("heartbeat", (message) => this.check(message.sent));
    channel.on("rows", (message) => view(message)?.onRows(message));
    channel.on("patch", (message) => view(message)?.onPatch(message));
    channel.on("body", (message, buffers) => view(message)?.onBody(message, buffers));
    channel.on("focus", (message) => { if (this.hasFocus) this.grid.focus(message.pane); });
    channel.on("copy", (message, buffers) => {
      this.dialogs.copy(new TextDecoder().decode(buffers[0]), message.done, (text, severity) => this.notify(text, severity));
    });
    channel.on("notice", (message) => this.notify(message.text, message.severity));
    channel.on("done", () => this.typeAhead.release(this.typingTarget, true));
    channel.on("closed", (message) => this.setClosed(message.reason));
    channel.on("failed", ({text}) => this.status.setFailure(text));
    channel.on("lost", (message) => this.setLost(message));
  }

  get hasFocus() {
    return this.element.contains(this.element.getRootNode().activeElement);
  }

  addPane(name) {
    const make = MAKERS[name];
    if (!make) return;
    const title = element("div", "ks-title");
    const view = make(this.channel, {
      title,
      onHead: (head) => this.onHead(name, title, head),
      notify: (text, severity) => this.notify(text, severity),
      offer: (text, title) => this.dialogs.offer(text, `${title}. This is what was typed here:`),
      act: (id) => this.act(this.keys.actions.get(id)),
      action: (id, place) => this.describe(id, place),
      hasFocus: () => this.hasFocus && this.grid.current === name,
      onPlace: () => this.onPlace(),
      later: (callback) => requestAnimationFrame(callback),
    });
    this.views.set(name, view);
    for (const [part, one] of Object.entries(view.parts ?? {})) this.views.set(part, one);
    this.grid.add(name, title, view);
  }

  // Title and key of an action, for a button.
  describe(id, place) {
    const action = this.keys.actions.get(id);
    return {title: action?.title ?? id, key: action?.hints[place] ?? ""};
  }

  onPlace() {
    const place = this.views.get("value")?.place ?? "value";
    if (place !== "editor") this.typeAhead.ignoreTyping();
    this.grid.setEditing(place !== "value");
    this.grid.mark();
    this.drawFooter();
  }

  onHead(name, title, head) {
    const before = this.heads.get(name);
    this.heads.set(name, head);
    if (name !== "tree") {
      setText(title, head.title);
      return;
    }
    if (before?.selected !== head.selected) this.grid.showBeside("value");
    setText(title, head.filter ? `/${head.filter}  ${head.title}` : head.title);
    if (this.filterPrompt.isOpen) setText(this.filterPrompt.comment, head.filter ? head.title : "");
  }

  // Ask for the rows of each pane of which a message was lost.
  check(sent) {
    for (const [pane, last] of Object.entries(sent)) this.views.get(pane)?.checkSent(last);
    this.views.get("edit")?.retry();
  }

  welcome(message) {
    const isAlone = this.grid.names.length < 2;
    this.keys = new Keys(message.actions.filter((action) => !(isAlone && PANE_ACTIONS.has(action.id))));
    this.signs = message.signs;
    this.texts = message.texts;
    this.typeAhead.configure(message.typing);
    this.grid.setLabels(message.labels);
    this.dialogs.closeAll();
    this.status.setFailure("");
    for (const view of this.views.values()) view.reset();
    this.drawFooter();
  }

  onStatus(message) {
    this.channel.clock.setFrozen(Boolean(message.frozen));
    this.status.show(message);
    this.disabled = message.disabled;
    this.element.setAttribute("aria-label", `Keyscope ${message.address}`);
    this.drawFooter();
  }

  drawFooter() {
    const place = this.place;
    const status = this.status.status;
    const titles = status?.titles ?? {};
    const first = place === "tree" ? status?.first ?? [] : []; // in marking mode
    const rank = (action) => (first.includes(action.id) ? 1000 - first.indexOf(action.id) : action.priority);
    const shown = this.keys.at(place).filter((action) => rank(action) && (action.id !== "filter" || this.views.has("tree")) && (action.id === "help" || !this.disabled[action.id]));
    shown.sort((one, other) => rank(other) - rank(one));
    this.footer.show(shown.map((action) => ({
      id: action.id, key: action.hints[place], title: titles[action.id] ?? action.title, isAlways: action.id === "help",
    })));
  }

  setLost(lost) {
    this.element.classList.toggle("ks-lost", lost.isLost);
    this.status.setLost(lost);
  }

  setClosed(reason) {
    this.element.classList.add("ks-lost", "ks-closed");
    this.dialogs.closeAll();
    this.status.setClosed(reason);
  }

  notify(text, severity) {
    const notice = element("div", `ks-notice-line ks-${severity}`, text);
    this.notices.append(notice);
    while (this.notices.childElementCount > MAX_NOTICES) this.notices.firstElementChild.remove();
    const timer = setTimeout(() => {
      notice.remove();
      this.timers.delete(timer);
    }, severity === "error" ? 10000 : 4000);
    this.timers.add(timer);
  }

  // Actions

  // Place of the focus, as the registry names it.
  get place() {
    return this.views.get(this.grid.current)?.place ?? this.grid.current;
  }

  // The editor, if it has the focus and can be typed in.
  get typingTarget() {
    const editor = this.place === "editor" ? this.views.get("edit") : null;
    return editor && this.hasFocus && !editor.target.readOnly ? editor : null;
  }

  // Hold or ignore a key that is not for what has the focus.
  onEarlyKey(event) {
    const target = event.target;
    const isText = target.matches("input, textarea") && !target.readOnly;
    if (!this.typeAhead.takes(event, isText, Boolean(target.closest(".ks-shade, .ks-prompt")))) return;
    event.preventDefault();
    event.stopPropagation();
  }

  onKey(event) {
    const target = event.target;
    const isTyping = target.closest("input, textarea");
    if (event.key === "Tab" && this.isLeaving && !isTyping) { // the browser goes on from behind or before the widget
      this.isLeaving = false;
      (event.shiftKey ? this.entry : this.exit).focus({preventScroll: true});
      return;
    }
    if (!["Shift", "Control", "Alt", "Meta"].includes(event.key)) this.isLeaving = false;
    if ((isTyping && !target.closest(".ks-edit")) || !target.closest("[data-pane]")) return;
    const action = this.keys.find(event, this.place);
    if (!action) {
      if (!isTyping) this.explain(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  // Say where a key works that does nothing in this pane.
  explain(event) {
    const name = keyName(event);
    if (name === null || name === "tab") return;
    const panes = this.grid.names;
    for (const action of this.keys.actions.values()) {
      const places = action.places.filter((place) => panes.includes(place));
      if (action.keys.includes(name) && places.length) {
        event.preventDefault();
        this.notify(`${action.title}: ${this.texts.elsewhere.replace("{places}", places.join(", "))}`, "warning");
        return;
      }
    }
  }

  // Perform an action in the page, or have the kernel perform it.
  act(action) {
    if (!action) return;
    const view = this.views.get(this.grid.current);
    const name = view?.name ?? this.grid.current;
    const isHere = this[`do_${action.id.replaceAll("-", "_")}`];
    if (isHere && isHere.call(this) !== false) return;
    if (view?.perform?.(action.id)) return;
    if (this.pending && (this.pending.action !== action.id || this.pending.pane !== name)) this.flush();
    if (this.pending) this.pending.times += 1;
    else {
      this.pending = {action: action.id, pane: name, times: 1};
      this.frame = requestAnimationFrame(() => this.flush());
    }
    if (action.asks) {
      this.flush();
      this.typeAhead.hold(action.input);
    }
  }

  flush() {
    cancelAnimationFrame(this.frame);
    const {pending} = this;
    this.pending = null;
    if (pending) this.channel.send("perform", pending);
  }

  do_next_pane() { this.grid.cycle(1); }

  do_previous_pane() { this.grid.cycle(-1); }

  do_pane_tree() { this.grid.focus("tree"); }

  do_pane_value() { this.grid.focus("value"); }

  do_pane_locks() { this.grid.focus("locks"); }

  do_pane_changes() { this.grid.focus("changes"); }

  do_leave_pane() { this.grid.focus("tree"); }

  do_zoom() { this.grid.zoom(); }

  do_wider() { this.grid.widen(1); }

  do_narrower() { this.grid.widen(-1); }

  do_side_panes() { this.grid.toggleSides(); }

  do_filter() {
    if (!this.views.has("tree")) this.notify("the tree is not in this widget", "warning");
    else {
      this.grid.show("tree");
      this.filterPrompt.open(this.heads.get("tree")?.filter ?? "");
    }
  }

  do_go() {
    this.goPrompt.open(this.heads.get("tree")?.folder ?? "");
  }

  do_help() {
    showHelp(this.element, {
      title: this.texts.help.replace("{place}", this.place), place: this.place, actions: [...this.keys.actions.values()],
      disabled: this.disabled, signs: this.signs[this.place] ?? [],
    });
  }

  do_palette() {
    showPalette(this.element, {
      actions: this.keys.at(this.place), disabled: this.disabled, onAction: (action) => this.act(action),
    });
  }

  // Close what is open, one step at a time; at the end the tab key leaves the widget.
  do_back() {
    const {grid} = this;
    if (this.place !== grid.current) return false; // in an editor it is the kernel's
    if (grid.current === "tree" && this.status.status?.first.length) return false; // marking mode is, too
    if (this.heads.get("tree")?.filter) this.channel.send("filter", {text: ""});
    else if (grid.isZoomed) grid.zoom(false);
    else if (grid.current !== "tree" && this.views.has("tree")) grid.focus("tree");
    else {
      this.isLeaving = true;
      if (this.views.size > 1) this.notify("tab leaves the widget", "information");
    }
    return true;
  }

  close() {
    this.model.off("change:height", this.onHeight);
    cancelAnimationFrame(this.frame);
    for (const timer of this.timers) clearTimeout(timer);
    this.filterPrompt.close();
    this.goPrompt.close();
    this.dialogs.closeAll();
    this.status.close();
    for (const view of this.views.values()) view.close();
  }
}
