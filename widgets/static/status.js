// The header: address, liveness by the session's proof, and whether the kernel is there at all.
import {age, element, seconds, setText} from "./dom.js";

export class Status {
  constructor() {
    this.live = element("span", "ks-live");
    this.reason = element("span", "ks-reason ks-dim");
    this.address = element("span", "ks-address");
    this.facts = element("span", "ks-status-facts ks-dim");
    this.marked = element("span", "ks-strong");
    this.frozen = element("span", "ks-frozen");
    this.writing = element("span", "ks-writing");
    this.failure = element("span", "ks-failure");
    this.element = element("div", "ks-status", this.live, this.failure, this.address, this.reason, this.facts, this.marked, this.frozen, this.writing);
    this.element.setAttribute("role", "status");
    this.status = null;
    this.lost = null;
    this.closed = "";
    this.timer = setInterval(() => this.draw(), 500);
  }

  close() {
    clearInterval(this.timer);
  }

  show(status) {
    this.status = {...status, at: seconds()};
    this.draw();
  }

  setLost(lost) {
    this.lost = lost.isLost ? {since: seconds() - lost.since} : null;
    this.draw();
  }

  setClosed(reason) {
    this.closed = reason;
    this.draw();
  }

  // Show that this page has failed to draw something; "" once it is drawn anew.
  setFailure(text) {
    setText(this.failure, text && `✗ ${text}: reload the page`);
    this.failure.title = text && "what is shown may be wrong; the kernel's log has the details";
  }

  draw() {
    const status = this.status;
    setText(this.address, status?.address ?? "");
    this.address.title = status?.address ?? "";
    if (this.closed || this.lost || !status) {
      const text = this.closed ? "✗ CLOSED" : this.lost ? `✗ KERNEL LOST ${age(seconds() - this.lost.since)}` : "connecting …";
      this.live.className = `ks-live ${this.closed || this.lost ? "ks-disconnected" : ""}`;
      setText(this.live, text);
      setText(this.reason, this.closed || (this.lost ? "nothing shown here is certain; run the cell again if the kernel was restarted" : ""));
      setText(this.facts, "");
      setText(this.marked, "");
      setText(this.frozen, "");
      return;
    }
    const passed = seconds() - status.at;
    const sinceProof = status.proved === null ? null : passed - status.proved;
    const isShown = sinceProof !== null && (status.status !== "LIVE" || sinceProof >= status.min_age);
    this.live.className = `ks-live ks-${status.status.toLowerCase().replace(" ", "-")}`;
    setText(this.live, `${status.sign}${isShown ? ` ${age(sinceProof)}` : ""}`);
    const wait = status.retry === null ? null : Math.max(0, status.retry - passed);
    setText(this.reason, [status.cause, wait === null ? "" : `· retry in ${Math.floor(wait) + 1}s`].filter(Boolean).join(" "));
    this.reason.title = this.reason.textContent;
    setText(this.facts, [status.revision, status.rate].filter(Boolean).join("  "));
    setText(this.marked, status.pending);
    setText(this.frozen, status.frozen);
    setText(this.writing, status.writing);
    this.writing.classList.toggle("ks-writable", status.writable);
  }
}
