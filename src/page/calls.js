// The list of calls in Traffic.

import { linkHere } from "./address.js";
import { codeMark, h, show, table } from "./dom.js";
import { timeOfDay } from "./time.js";

/** The most calls in the list, until older ones are asked for. */
const MAX_CALLS = 500;

const HEADS = ["Time (UTC)", "Code", "Outcome", "App", "Command", "From_Account", "ms", "Hint"];

/** A list of calls, newest first. Rows keep their place on the screen and the focus while calls are added. */
export class CallList {
  /** The id of the newest call that was added or seen. */
  newest = 0;
  /** The number of older calls that are not in the list. */
  hidden = 0;
  #onChange;
  #body;
  #max = MAX_CALLS;
  #chosen;
  /** Calls wait for the next frame: many cost one change. */
  #waiting = [];

  constructor(onChange) {
    this.#onChange = onChange;
    this.element = table("Calls, newest first", HEADS, []);
    this.element.firstChild.className = "calls";
    this.#body = this.element.querySelector("tbody");
  }

  get size() {
    return this.#body.childElementCount;
  }

  has(id) {
    return this.#rowOf(id) !== null;
  }

  clear() {
    this.#waiting = [];
    this.#max = MAX_CALLS;
    this.newest = this.hidden = 0;
    show(this.#body);
    this.#onChange();
  }

  /** Adds a call that is newer than all others. */
  add(call) {
    this.newest = Math.max(this.newest, call.id);
    if (this.#waiting.push(call) === 1) requestAnimationFrame(() => this.#draw());
  }

  /** Adds calls that are older than the newest. */
  addOlder(calls) {
    const rows = [...this.#body.children, ...calls.map((call) => this.#row(call))];
    this.#body.append(...rows.sort((one, other) => other.dataset.id - one.dataset.id));
    this.#max = Math.max(this.#max, this.size);
    this.#onChange();
  }

  choose(id) {
    this.#linkOf(this.#chosen)?.removeAttribute("aria-current");
    this.#chosen = id;
    this.#linkOf(id)?.setAttribute("aria-current", "true");
  }

  focus() {
    (this.#linkOf(this.#chosen) ?? this.element).focus();
  }

  #draw() {
    const [body, box] = [this.#body, this.element];
    const top = box.scrollTop > 0 && body.firstChild;
    const before = top && top.offsetTop - box.scrollTop;
    const calls = this.#waiting.slice(-this.#max);
    this.hidden += this.#waiting.length - calls.length;
    this.#waiting = [];
    body.prepend(...calls.reverse().map((call) => this.#row(call)));
    let row = body.lastChild;
    while (this.size > this.#max) {
      const next = row.previousSibling;
      if (!row.contains(document.activeElement)) {
        row.remove();
        this.hidden += 1;
      }
      row = next;
    }
    if (top?.isConnected) box.scrollTop = top.offsetTop - before;
    this.#onChange();
  }

  #rowOf(id) {
    return this.#body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  #linkOf(id) {
    return this.#rowOf(id)?.querySelector("a");
  }

  #row(call) {
    const isChosen = String(call.id) === this.#chosen;
    const time = h("a", { href: linkHere({ call: call.id }), "aria-current": isChosen && "true" }, timeOfDay(call.time));
    const outcome = call.code === 0 && call.hint ? h("span", { class: "error" }, "items failed") : call.outcome;
    const cells = [codeMark(call.code), outcome, call.sdkappid, call.command || call.method, call.from_account,
      call.duration_ms.toFixed(1), call.hint ?? call.warning];
    return h("tr", { "data-id": call.id }, h("th", { scope: "row" }, time), cells.map((cell) => h("td", {}, cell)));
  }
}
