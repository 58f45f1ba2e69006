// Lists of results: found keys, differences, the journal; and below them how far they are, and the current one.
import {element, setText} from "./dom.js";
import {VirtualList} from "./virtual_list.js";

export const makeHits = make("hits", "Found keys");
export const makeDifferences = make("differences", "Keys that differ");
export const makeJournal = make("journal", "Your changes, the newest first");

const PARTS = ["sign", "at", "name", "before", "match", "after", "details"];

function make(pane, label) {
  return (channel, options) => {
    const facts = element("div", "ks-facts-box ks-result-facts");
    const list = new VirtualList(channel, pane, {
      label,
      draw: drawRow,
      ...options,
      onHead: (head, of) => {
        setText(facts, (head.facts ?? []).join("\n"));
        facts.hidden = !facts.textContent;
        options.onHead?.(head, of);
      },
    });
    list.element.append(facts);
    return list;
  };
}

function drawRow(target, row) {
  if (target.childElementCount !== PARTS.length) {
    target.replaceChildren(...PARTS.map((part) => element("span", `ks-${part}`)));
  }
  const [sign, at, name, before, match, after, details] = target.children;
  setText(sign, row.sign);
  sign.className = `ks-sign ks-tone-${row.tone ?? "plain"}`;
  setText(at, row.time);
  at.className = "ks-at ks-dim";
  setText(name, row.name);
  name.className = "ks-name";
  name.hidden = !row.name;
  setText(before, row.before ?? "");
  setText(match, row.match ?? "");
  match.className = "ks-match ks-strong ks-tone-warning";
  setText(after, row.after ?? "");
  setText(details, row.details ?? "");
  details.className = "ks-details ks-dim";
}
