// The clock of what is shown: ages and times left stand still while the store is frozen.
import {seconds} from "./dom.js";

export class ViewClock {
  frozenAt = null;

  now() {
    return this.frozenAt ?? seconds();
  }

  setFrozen(isFrozen) {
    this.frozenAt = isFrozen ? this.now() : null;
  }
}
