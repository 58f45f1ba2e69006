// The lock inspector: holder and waiters of each lock, with the time left of their sessions counting down.
import {age, duration, element, setText} from "./dom.js";
import {VirtualList} from "./virtual_list.js";

export function makeLocks(channel, options) {
  const facts = element("div", "ks-facts-box");
  const drawFacts = (head) => {
    const since = head.since === undefined ? [] : [`for ${age(channel.clock.now() - head.at - head.since)}`];
    setText(facts, [...(head.facts ?? []), ...since].join("\n"));
    facts.hidden = !facts.textContent;
  };
  const list = new VirtualList(channel, "locks", {
    label: "Locks",
    draw: drawRow,
    isTicking: (row) => row.expires !== undefined || row.since !== undefined,
    ...options,
    onHead: (head, of) => {
      of.element.classList.toggle("ks-stale-list", Boolean(head.stale));
      drawFacts(head);
      options.onHead?.(head, of);
    },
    onTick: drawFacts,
  });
  list.element.append(facts);
  return list;
}

function drawRow(target, row, {channel}) {
  if (target.childElementCount !== 6) {
    target.replaceChildren(...["sign", "name", "kind", "fence", "details", "time"].map((part) => element("span", `ks-${part}`)));
  }
  const [sign, name, kind, fence, details, time] = target.children;
  const isLock = row.holds === undefined;
  const passed = channel.clock.now() - row.at;
  setText(sign, row.sign);
  sign.className = `ks-sign ${row.holds ? "ks-tone-good" : "ks-dim"}`;
  setText(name, row.name);
  name.className = `ks-name ${isLock ? "ks-strong" : ""}`;
  setText(kind, row.kind ?? "");
  setText(fence, row.fence ?? "");
  const since = row.since === undefined ? [] : [`for ${age(passed - row.since)}`];
  setText(details, [...since, ...(row.details ?? [])].join("  "));
  const left = row.expires === undefined ? null : row.expires - passed;
  setText(time, left === null ? row.state : left > 0 ? `${duration(left)} left` : row.expired);
  time.className = `ks-time ks-tone-${left === null ? row.tone : left > 0 ? "plain" : "warning"}`;
}
