// Channel of one view to the kernel: requests, answers, and signs of life.
import {ViewClock} from "./clock.js";
import {seconds} from "./dom.js";

const PROTOCOL = 1;
const LOST_AFTER = 3; // seconds without a sign of life; one comes every second
const ALIVE_INTERVAL = 20; // seconds between two messages that this view still exists
const MAX_FRAMES = 20; // of an exception that is reported
const MAX_FRAME = 200; // characters
const RETRY_INTERVAL = 2; // seconds between two attempts to find the kernel again

// The type of an exception and where it was raised, without its message, which may quote a value.
function describe(error, type) {
  const frames = (error?.stack ?? "").split("\n").filter((line) => /^\s+at |@.*:\d+$/.test(line)).slice(0, MAX_FRAMES);
  const place = frames.map((frame) => /([\w-]+\.js:\d+)/.exec(frame)?.[1]).find(Boolean);
  const name = error?.name ?? "error";
  const trace = [`${name}, while: message ${type}`, ...frames].map((line) => line.slice(0, MAX_FRAME)).join("\n");
  return {text: `internal error: ${name}${place ? ` in ${place}` : ""}`, trace};
}

export class Channel {
  constructor(model) {
    this.model = model;
    this.clock = new ViewClock();
    this.view = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.handlers = new Map();
    this.replies = new Map();
    this.failures = new Set(); // traces that were reported
    this.nextId = 1;
    this.heardAt = seconds();
    this.isLost = false;
    this.isClosed = false;
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.onMessage);
    this.timer = setInterval(() => this.check(), 500);
    this.aliveTimer = setInterval(() => this.send("alive"), ALIVE_INTERVAL * 1000);
    this.helloAt = -Infinity;
    this.knownAt = -Infinity; // moment from which on the kernel answers the requests of this view
  }

  on(type, handler) {
    this.handlers.set(type, handler);
  }

  hello() {
    this.helloAt = this.knownAt = seconds();
    this.send("hello", {protocol: PROTOCOL});
  }

  // Send a message; a text that may be long goes into a binary buffer.
  send(type, fields = {}, text = null) {
    const id = this.nextId++;
    const buffers = text === null ? [] : [new TextEncoder().encode(text).buffer];
    try {
      this.model.send({type, id, view: this.view, ...fields}, undefined, buffers);
    } catch {
      this.setLost(true); // the kernel was restarted: the model has no channel any more
    }
    return id;
  }

  // Send a message and return its answer, or null if none came.
  ask(type, fields, text = null) {
    return new Promise((resolve) => {
      const id = this.send(type, fields, text);
      this.replies.set(id, resolve);
      setTimeout(() => { if (this.replies.delete(id)) resolve(null); }, 10000);
    });
  }

  receive(message, buffers) {
    this.heardAt = seconds();
    this.setLost(false);
    if (message.view !== undefined && message.view !== this.view) return;
    if (message.type === "reply") {
      this.replies.get(message.id)?.(message);
      this.replies.delete(message.id);
    } else if (message.type === "unknown-view") {
      this.knownAt = seconds();
      if (seconds() - this.helloAt > RETRY_INTERVAL) this.hello();
    } else {
      if (message.type === "closed") this.isClosed = true;
      this.handle(message, buffers ?? []);
    }
  }

  // Call the handler of a message. The widget manager of a notebook swallows exceptions, so they are reported here.
  handle(message, buffers) {
    try {
      this.handlers.get(message.type)?.(message, buffers);
    } catch (error) {
      console.error(error);
      const failure = describe(error, message.type);
      this.handlers.get("failed")?.(failure);
      if (this.failures.has(failure.trace)) return; // the same one may come with every frame
      this.failures.add(failure.trace);
      this.send("failure", {text: failure.trace});
    }
  }

  check() {
    if (this.isClosed || seconds() - this.heardAt < LOST_AFTER) return;
    this.setLost(true);
    if (seconds() - this.helloAt > RETRY_INTERVAL) this.hello();
  }

  setLost(isLost) {
    if (this.isClosed || (isLost === this.isLost && !isLost)) return;
    this.isLost = isLost;
    this.handlers.get("lost")?.({isLost, since: seconds() - this.heardAt});
  }

  close() {
    this.send("bye");
    this.model.off("msg:custom", this.onMessage);
    clearInterval(this.timer);
    clearInterval(this.aliveTimer);
  }
}
