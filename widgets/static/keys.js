// Names of keys as the registry of actions spells them.

const NAMES = {
  ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", PageUp: "pageup", PageDown: "pagedown",
  Home: "home", End: "end", Enter: "enter", Escape: "escape", " ": "space", Tab: "tab", Backspace: "backspace",
  Delete: "delete",
};

export function keyName(event) {
  const name = NAMES[event.key] ?? (/^F\d+$/.test(event.key) ? event.key.toLowerCase() : event.key);
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey && !event.getModifierState("AltGraph")) return null;
  if (control) return `ctrl+${name.toLowerCase()}`;
  if (event.shiftKey && name.length > 1) return `shift+${name}`;
  return name;
}

// Whether a key is one in a place; a character is text where one types.
function isKey(name, place) {
  return place !== "editor" || name.length > 1;
}

// Actions by key in one place.
export class Keys {
  constructor(actions) {
    this.actions = new Map(actions.map((action) => [action.id, action]));
  }

  find(event, place) {
    const name = keyName(event);
    if (name === null) return null;
    for (const action of this.actions.values()) {
      if (action.places.includes(place) && action.keys.includes(name) && isKey(name, place)) return action;
    }
    return null;
  }

  at(place) {
    return [...this.actions.values()].filter((action) => action.places.includes(place));
  }
}
