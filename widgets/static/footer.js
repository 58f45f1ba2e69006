// The footer: the actions that are available in the focused pane with their keys, the most important first.
import {element, setAttributes} from "./dom.js";

export class Footer {
  constructor(onAction) {
    this.element = element("div", "ks-footer");
    setAttributes(this.element, {role: "toolbar", "aria-label": "Actions"});
    this.drawn = "";
    this.element.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the pane
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action]");
      if (button) onAction(button.dataset.action);
    });
  }

  // items: {id, key, title, isDisabled}
  show(items) {
    const drawn = JSON.stringify(items);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.element.replaceChildren(...items.map(({id, key, title, isDisabled}) => {
      const button = element("button", `ks-action ${isDisabled ? "ks-dim" : ""}`, element("kbd", "ks-key", key), ` ${title}`);
      button.type = "button";
      button.tabIndex = -1; // its key does the same
      button.dataset.action = id;
      return button;
    }));
  }
}
