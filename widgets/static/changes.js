// The change log, the newest on top. Rows in sight keep their place when newer ones arrive.
import {element, setText} from "./dom.js";
import {VirtualList} from "./virtual_list.js";

const TONES = {created: "good", changed: "key", deleted: "bad", gap: "warning", lost: "warning", restored: "good"};

export function makeChanges(channel, options) {
  const newer = element("button", "ks-newer");
  newer.type = "button";
  newer.tabIndex = -1; // the key for the first row does the same
  newer.hidden = true;
  const list = new VirtualList(channel, "changes", {
    label: "Changes, the newest first",
    draw: drawRow,
    ...options,
    onDraw: (of) => {
      const count = Math.floor(of.top);
      newer.hidden = !count || Boolean(of.head.notice);
      setText(newer, `↑ ${count.toLocaleString("en")} newer`);
    },
  });
  newer.addEventListener("click", () => list.scrollTo(0));
  list.element.append(newer);
  return list;
}

function drawRow(target, row) {
  if (target.childElementCount !== 5) {
    target.replaceChildren(...["sign", "at", "name", "counts", "details"].map((part) => element("span", `ks-${part}`)));
  }
  const [sign, at, name, counts, details] = target.children;
  const tone = `ks-tone-${TONES[row.kind]}`;
  setText(sign, row.sign);
  sign.className = `ks-sign ${tone}`;
  setText(at, row.time);
  at.className = "ks-at ks-dim";
  setText(name, row.key || row.text);
  name.className = `ks-name ${row.key ? "" : tone}`;
  setText(counts, row.counts);
  counts.className = "ks-counts ks-strong";
  setText(details, row.details.join("  "));
}
