// Keys that are pressed faster than what they are for is shown: as a text they go into the editor or the field that
// opens, as a whole, or nowhere. They never run actions.
import {seconds} from "./dom.js";

const MAX_HOLD = 5; // seconds for which keys are held, should the kernel not answer
const TEXT_KEYS = new Set(["Enter", "Tab", "Backspace", "Delete"]); // belong to typed text, beside characters
const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"]);

function isTyped(event) {
  const isCombined = event.ctrlKey || event.metaKey || (event.altKey && !event.getModifierState("AltGraph"));
  return !isCombined && ([...event.key].length === 1 || TEXT_KEYS.has(event.key));
}

export class TypeAhead {
  // notify(text, severity)
  constructor(notify) {
    this.notify = notify;
    this.pause = 0.5;
    this.ignored = "";
    this.held = []; // names of the keys that were pressed while they are held
    this.isWhole = true; // false once a key was pressed that cannot be held
    this.heldUntil = null; // moment; null if keys are not held
    this.opensInput = false; // whether a text is typed in what was asked for
    this.typedAt = -Infinity; // moment of the last key, if it was part of a text
    this.guard = null; // ignores a text until a pause: {at: moment of its last key, hasNotified, isRest}
  }

  // Texts and times of the terminal app.
  configure({pause, ignored}) {
    Object.assign(this, {pause, ignored});
  }

  // Hold keys until what was asked for is shown, or refused.
  hold(opensInput = false) {
    this.heldUntil = seconds() + MAX_HOLD;
    this.opensInput = opensInput;
  }

  // Whether a key is held or ignored. isText: what has the focus takes text; isOwn: it has keys of its own.
  takes(event, isText, isOwn) {
    if (MODIFIERS.has(event.key)) return false;
    const isPart = isTyped(event);
    if (this.heldUntil !== null && seconds() >= this.heldUntil) this.release(null);
    const isHeld = this.heldUntil !== null && !isOwn;
    this.typedAt = isPart && (isText || isHeld) ? seconds() : -Infinity;
    if (!isHeld) return this.isIgnored(isPart, isText);
    if (event.key === "Escape") this.forget();
    else if (event.key === "Backspace" && this.held.length) this.held.pop();
    else if (!isPart || event.key === "Backspace" || event.key === "Delete") this.isWhole = false;
    else this.held.push(event.key);
    return true;
  }

  forget() {
    const {held, isWhole} = this;
    this.held = [];
    this.isWhole = true;
    return {held, isWhole};
  }

  // Hold no more: what was typed goes into a text that opened, by its insertKeys(keys), or is ignored.
  release(target, isRefused = false) {
    if (this.heldUntil === null) return;
    this.heldUntil = null;
    const {held, isWhole} = this.forget();
    if (target && isWhole) {
      if (held.length) target.insertKeys(held);
    } else if (held.length || !isWhole) this.ignoreTyping(true);
    else if (isRefused && this.opensInput && !target) this.guard = {at: seconds(), hasNotified: false};
  }

  // Hold keys again that belong to what follows.
  requeue(keys) {
    this.held.unshift(...keys);
  }

  // Ignore what is typed on although something else is shown now; the rest of a text that was dropped goes nowhere.
  ignoreTyping(hasDropped = false) {
    if (seconds() - this.typedAt < this.pause) {
      this.guard = {at: this.typedAt, hasNotified: hasDropped, isRest: hasDropped};
    }
    if (hasDropped) this.notify(this.ignored, "warning");
  }

  isIgnored(isPart, isText) {
    const {guard} = this;
    if (!guard) return false;
    if ((isText && !guard.isRest) || !isPart || seconds() - guard.at >= this.pause) {
      this.guard = null;
      return false;
    }
    if (!guard.hasNotified) this.notify(this.ignored, "warning");
    this.guard = {...guard, at: seconds(), hasNotified: true};
    return true;
  }
}
