// What a pane without rows shows: its head, and a text that comes in parts. A head is shown together with its text.
import {seconds} from "./dom.js";

const MISSING_AFTER = 1; // seconds after which a text that did not come is asked for

export class PaneText {
  // onShown(head, body): body is {version, parts of texts, next}, the same object for the same text
  constructor(channel, pane, onShown) {
    this.channel = channel;
    this.pane = pane;
    this.onShown = onShown;
    this.generation = 0;
    this.seq = 0;
    this.head = null;
    this.waiting = null; // a head whose text has not come yet
    this.body = {version: null, texts: [], next: null, isLoading: false};
    this.clock = setInterval(() => this.check(), 500);
  }

  close() {
    clearInterval(this.clock);
  }

  reset() {
    this.body = {version: null, texts: [], next: null, isLoading: false};
    this.request();
  }

  request() {
    this.generation += 1;
    this.channel.send("window", {pane: this.pane, generation: this.generation, start: 0, count: 0, height: 1, step: 0});
  }

  onRows(message) {
    if (message.generation !== this.generation) return;
    this.seq = 0;
    this.take(message);
  }

  onPatch(message) {
    if (message.generation !== this.generation) return;
    if (message.seq !== this.seq + 1) { // one is missing: what is shown may be wrong
      this.request();
      return;
    }
    this.seq = message.seq;
    this.take(message);
  }

  // Ask again if the kernel has sent more than has come: a message was lost.
  checkSent([generation, seq]) {
    if (generation === this.generation && seq !== this.seq) this.request();
  }

  take(message) {
    this.waiting = {...message.head, at: seconds()};
    this.show();
  }

  onBody(message, buffers) {
    const text = new TextDecoder().decode(buffers[0]);
    if (message.start === 0) {
      this.body = {version: message.version, texts: [text], next: message.next, isLoading: false};
    } else if (message.version === this.body.version && message.start === this.body.next) {
      this.body.texts.push(text);
      Object.assign(this.body, {next: message.next, isLoading: false});
      if (this.head && !this.waiting) this.onShown(this.head, this.body);
    }
    this.show();
  }

  // Ask for the next part of the text, if there is one.
  more() {
    if (this.body.next === null || this.body.isLoading) return;
    this.body.isLoading = true;
    this.channel.send("more", {pane: this.pane, version: this.body.version, start: this.body.next});
  }

  show() {
    if (!this.waiting || this.waiting.body !== this.body.version) return;
    this.head = this.waiting;
    this.waiting = null;
    this.onShown(this.head, this.body);
  }

  check() {
    if (this.waiting && seconds() - this.waiting.at > MISSING_AFTER) {
      this.waiting.at = seconds();
      this.channel.send("more", {pane: this.pane, version: this.waiting.body, start: 0});
    }
  }
}
