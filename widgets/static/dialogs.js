// Dialogs that the kernel asks in this view, and texts that the clipboard refused.
import {ChoiceList} from "./choice_list.js";
import {element, setText} from "./dom.js";
import {Overlay} from "./overlay.js";

export class Dialogs {
  constructor(channel, root, typeAhead) {
    this.channel = channel;
    this.root = root;
    this.typeAhead = typeAhead;
    this.open = new Map(); // by number
    channel.on("dialog", (message) => this.show(message));
    channel.on("dialog-options", (message) => this.open.get(message.dialog)?.list?.setOptions(message.options));
    channel.on("dialog-closed", (message) => this.cancel(message.dialog));
  }

  close(number) {
    this.open.get(number)?.overlay.close();
    this.open.delete(number);
  }

  // Close a dialog that nobody answered here.
  cancel(number) {
    if (!this.open.has(number)) return;
    this.close(number);
    this.typeAhead.ignoreTyping();
  }

  closeAll() {
    for (const number of [...this.open.keys()]) this.cancel(number);
  }

  show(message) {
    const answer = (choice, text = "") => {
      this.close(message.dialog);
      this.channel.send("answer", {dialog: message.dialog, choice, text});
      this.typeAhead.hold(); // it may lead to another question
    };
    const overlay = new Overlay(this.root, {
      title: message.title,
      className: message.dangerous ? "ks-dangerous" : "",
      onClose: () => answer(-1),
    });
    const shown = {overlay, list: null};
    this.open.set(message.dialog, shown);
    const {box} = overlay;
    if (message.lines.length) box.append(element("div", "ks-dialog-lines", message.lines.join("\n")));
    for (const [text, tone] of message.facts) box.append(element("div", `ks-tone-${tone}`, text));
    let field = null;
    if (message.buttons) field = this.addButtons(message, overlay, answer);
    else {
      shown.list = new ChoiceList(message.options, {onChoose: (index) => answer(index), isSearching: message.searching});
      box.append(shown.list.element);
      overlay.focus(shown.list.target);
    }
    if (message.note) box.append(element("div", "ks-dialog-note", message.note));
    const isTyped = field && !message.dangerous;
    this.typeAhead.release(isTyped ? {insertKeys: (keys) => this.insertKeys(keys, field, answer, message)} : null);
  }

  // Type keys into a field that were pressed before it was shown; those behind enter belong to what follows.
  insertKeys(keys, field, answer, message) {
    const end = keys.indexOf("Enter");
    const text = (end < 0 ? keys : keys.slice(0, end)).filter((key) => key !== "Tab").join("");
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input"));
    if (end < 0) return;
    answer(message.options.length - 1, field.value);
    this.typeAhead.requeue(keys.slice(end + 1));
  }

  addButtons(message, overlay, answer) {
    const last = message.options.length - 1;
    const field = message.label || message.typed ? element("input", "ks-input") : null;
    const buttons = message.options.map((option, index) => {
      const button = element("button", "ks-button", option.title);
      button.type = "button";
      button.addEventListener("click", () => answer(index, field?.value ?? ""));
      return button;
    });
    if (message.dangerous) buttons[last].classList.add("ks-danger");
    const isReady = () => !message.typed || field.value === message.typed;
    if (field) {
      const label = element("label", "ks-field", message.typed ? `Type '${message.typed}' to confirm:` : message.label, field);
      const problem = element("div", "ks-problem", message.problem ? `✗ ${message.problem}` : "");
      problem.setAttribute("role", "alert");
      overlay.box.append(label, problem);
      field.value = message.text;
      field.spellcheck = false;
      field.autocomplete = "off";
      const hint = element("div", "ks-dim");
      hint.setAttribute("role", "status");
      if (message.hints) overlay.box.append(hint);
      const update = () => {
        buttons[last].disabled = !isReady();
        if (message.hints) this.explain(message.dialog, field, hint);
      };
      field.addEventListener("input", () => {
        setText(problem, "");
        update();
      });
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        if (isReady()) answer(last, field.value);
      });
      update();
    } else {
      overlay.box.addEventListener("keydown", (event) => {
        const at = buttons.indexOf(this.root.getRootNode().activeElement);
        if (event.key === "y") answer(last);
        else if (event.key === "n") answer(0);
        else if (event.key === "ArrowLeft") buttons[Math.max(0, at - 1)].focus();
        else if (event.key === "ArrowRight") buttons[Math.min(last, at + 1)].focus();
        else return;
        event.preventDefault();
      });
    }
    overlay.box.append(element("div", "ks-buttons", ...buttons));
    overlay.focus(field ?? buttons[0]);
    field?.setSelectionRange(field.value.length, field.value.length);
    return field;
  }

  // Show how the kernel reads what is typed.
  async explain(dialog, field, hint) {
    const text = field.value;
    const answer = await this.channel.ask("hint", {dialog, text});
    if (answer && field.value === text) setText(hint, answer.text);
  }

  // Write a text to the clipboard; where that is refused, show the text selected, to be copied by hand.
  async copy(text, done, notify) {
    try {
      await navigator.clipboard.writeText(text);
      notify(done, "information");
    } catch {
      this.offer(text, "The browser refused the clipboard: copy the text from here");
    }
  }

  // Show a text, selected to be copied by hand, until it is closed.
  offer(text, title) {
    const overlay = new Overlay(this.root, {title});
    const area = element("textarea", "ks-input ks-copied");
    area.readOnly = true;
    area.value = text;
    overlay.box.append(area);
    overlay.focus(area);
    area.select();
  }
}
