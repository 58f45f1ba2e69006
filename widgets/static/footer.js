// The footer: the actions that are available in the focused pane with their keys, the most important first.
import {element, setAttributes} from "./dom.js";

export class Footer {
  constructor(onAction) {
    this.actions = element("div", "ks-actions");
    this.always = element("div", "ks-actions-always");
    this.element = element("div", "ks-footer", this.actions, this.always);
    setAttributes(this.element, {role: "toolbar", "aria-label": "Actions"});
    this.drawn = "";
    this.element.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the pane
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) onAction(button.dataset.action);
    });
  }

  // items: {id, key, title, isAlways}: as many as fit, and those that are always there
  show(items) {
    const drawn = JSON.stringify(items);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.actions.replaceChildren(...items.filter((item) => !item.isAlways).map(makeButton));
    this.always.replaceChildren(...items.filter((item) => item.isAlways).map(makeButton));
  }
}

function makeButton({id, key, title}) {
  const button = element("button", "ks-action", element("kbd", "ks-key", key), ` ${title}`);
  button.type = "button";
  button.tabIndex = -1; // its key does the same
  button.dataset.action = id;
  return button;
}
