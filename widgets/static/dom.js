// Elements from texts. Texts of a store come in through `textContent` only, never as HTML.

export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) target.removeAttribute(name);
    else if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value === true ? "" : value);
  }
}

export function seconds() {
  return performance.now() / 1000;
}

// A duration in a few characters, as in the terminal: 0.4s, 12s, 3m20s, 5h03m, 2d4h.
export function duration(length) {
  if (length < 10) return `${Math.max(0, length).toFixed(1)}s`;
  const whole = Math.floor(length);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86400)}d${Math.floor((whole % 86400) / 3600)}h`;
}

// An age in whole seconds, for what is shown many times.
export function age(length) {
  return duration(Math.floor(Math.max(0, length))).replace(".0s", "s");
}
