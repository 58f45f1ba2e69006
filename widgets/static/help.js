// Help and palette, made from the registry of actions.
import {ChoiceList} from "./choice_list.js";
import {element} from "./dom.js";
import {Overlay} from "./overlay.js";

const WIDGET_HELP = [
  ["esc, then tab", "Leave the widget, once there is nothing left to close."],
  ["mouse", "Click a row, double-click to show it; click an icon to open or close a folder."],
];

function row(keys, text, reason = "") {
  return element("div", "ks-help-row", element("kbd", "ks-key", keys), element("span", reason ? "ks-dim" : "", text, element("span", "ks-tone-warning", reason && `  (${reason})`)));
}

// Show the actions of a place with their keys; those that are not available say why.
export function showHelp(root, {title, place, actions, disabled, signs}) {
  const overlay = new Overlay(root, {title, className: "ks-help"});
  const list = element("div", "ks-dialog-lines ks-help-list");
  list.tabIndex = 0;
  let group = "";
  for (const action of actions) {
    if (!action.places.includes(place) || !action.keys.length) continue;
    if (action.group !== group) list.append(element("div", "ks-help-group", action.group));
    group = action.group;
    list.append(row(action.labels.join(" "), action.help, disabled[action.id]));
  }
  list.append(element("div", "ks-help-group", "Widget"), ...WIDGET_HELP.map(([keys, text]) => row(keys, text)));
  if (signs.length) list.append(element("div", "ks-help-group", "Signs"), ...signs.map(([sign, text]) => row(sign, text)));
  overlay.box.append(list);
  overlay.box.addEventListener("keydown", (event) => {
    if (!["q", "?", "F1", "Enter"].includes(event.key)) return;
    event.preventDefault();
    overlay.close();
  });
  overlay.focus(list);
}

// Search the actions by name and perform one.
export function showPalette(root, {actions, disabled, onAction}) {
  const shown = actions.filter((action) => action.group !== "Move" && action.id !== "palette");
  const overlay = new Overlay(root, {title: "Commands", className: "ks-palette"});
  const list = new ChoiceList(shown.map((action) => {
    const keys = action.keys.length ? `  (${action.labels.join(", ")})` : "";
    const reason = disabled[action.id];
    return {title: `${action.group}: ${action.title}`, details: reason ? `Not available: ${reason}` : action.help + keys, isDisabled: Boolean(reason)};
  }), {
    isFiltered: true,
    onChoose: (index) => {
      overlay.close();
      onAction(shown[index]);
    },
  });
  overlay.box.append(list.element);
  overlay.focus(list.target);
}
