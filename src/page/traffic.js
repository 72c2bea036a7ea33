// The recorded calls, as they come in.

import { go, keep, link, linkHere, query, read } from "./address.js";
import { callerOf, codesOf, newRandom } from "./answer.js";
import { UnreachableError, api, callRest, events, processOf } from "./api.js";
import { CallList } from "./calls.js";
import {
  announce, button, code, codeMark, confirm, counted, field, formOf, h, plainButton, prose, rowOf, select, show, term,
} from "./dom.js";
import { explanation } from "./explain.js";
import { indented } from "./json.js";
import { asCurlTest, asTest } from "./snippets.js";
import { later, repeat } from "./time.js";

/** The number of calls that are loaded at first, and with each press of "Show older calls". */
const FIRST_CALLS = 200;
const MORE_CALLS = 500;

export async function mount(root, { app: { sdkappid }, params, signal }) {
  const limits = await api("GET", `/apps/${sdkappid}/limits`, undefined, signal);
  const command = select([["", "all"], ...Object.keys(limits)]);
  const account = h("input", { autocomplete: "off", size: 16, placeholder: "whole UserID" });
  const codeNumber = h("input", { inputmode: "numeric", autocomplete: "off", size: 8 });
  const everywhere = h("input", { type: "checkbox" });
  const state = h("p");
  const error = h("p", { class: "error", role: "alert" });
  const note = h("p", { role: "status" });
  const detail = h("section", { "aria-label": "The chosen call", tabindex: "-1" });
  const list = new CallList(() => count());
  let loading = new AbortController();
  let reading = new AbortController();
  let isPaused = false;
  let waiting = 0;
  let chosen;

  /** The filter, as the address has it. */
  const filter = () => ({
    command: command.value, account: account.value, code: codeNumber.value, all: everywhere.checked ? "1" : "",
  });
  /** The filter, as the API wants it. */
  const apiFilter = () => {
    const { all, ...rest } = filter();
    return { ...rest, sdkappid: all ? "" : sdkappid };
  };
  /** Takes the filter of the address. Returns whether it is new. */
  const takeFilter = (now) => {
    const before = JSON.stringify(filter());
    const name = now.get("command") ?? "";
    // The API says that a command does not exist.
    command.value = name;
    if (command.selectedIndex < 0) command.append(h("option", { selected: true }, name));
    account.value = now.get("account") ?? "";
    codeNumber.value = now.get("code") ?? "";
    everywhere.checked = now.get("all") === "1";
    return before !== JSON.stringify(filter());
  };

  const count = () => {
    const calls = list.hidden > 0 ? `${list.size} of ${list.size + list.hidden} calls` : counted(list.size, "call");
    show(state, calls, isPaused && `, paused; ${counted(waiting, "call")} waiting`);
    if (list.hidden === 0 && older.contains(document.activeElement)) list.element.focus();
    older.hidden = list.hidden === 0;
    show(olderCount, `${counted(list.hidden, "older call")} not shown. `);
  };
  const showDropped = (from, to) => show(note, `The journal was full: calls ${from} to ${to} were dropped.`);
  const clear = () => {
    waiting = 0;
    show(note);
    list.clear();
  };
  const fail = ({ name, message }) => name !== "AbortError" && show(error, message);

  const reader = {
    onCall: (call) => list.add(call),
    onDropped: (id) => id > list.newest && showDropped(list.newest + 1, id),
    onRestart: () => {
      clear();
      show(note, "Another emulator answers now.");
    },
  };
  const stream = () => {
    reading.abort();
    if (isPaused) return;
    reading = new AbortController();
    events({ ...apiFilter(), since: list.newest }, reader, AbortSignal.any([signal, reading.signal])).catch(fail);
  };
  const fetchCalls = (limit, until) => api("GET", `/requests${query({ ...apiFilter(), limit })}`, undefined, until);
  const load = async () => {
    if (signal.aborted) return;
    reading.abort();
    loading.abort();
    loading = new AbortController();
    const until = AbortSignal.any([signal, loading.signal]);
    show(error);
    keep("traffic", filter());
    list.element.firstChild.classList.toggle("every", everywhere.checked);
    try {
      const { calls, count: all, last_id: last, dropped_to: to } = await fetchCalls(FIRST_CALLS, until);
      clear();
      calls.forEach((call) => list.add(call));
      list.newest = last;
      list.hidden = all - calls.length;
      if (to) showDropped(1, to);
      count();
      stream();
    } catch (failure) {
      if (until.aborted) return;
      clear();
      if (failure instanceof UnreachableError) stream();
      else fail(failure);
    }
  };
  const loadOlder = async () => {
    // While it is paused, the newest calls are not in the list.
    const { calls, count: all } = await fetchCalls(list.size + waiting + MORE_CALLS, AbortSignal.any([signal, loading.signal]));
    const more = calls.filter(({ id }) => id <= list.newest && !list.has(id));
    list.hidden = all - calls.length;
    list.addOlder(more);
    if (list.hidden > 0 && more.length === 0) throw new Error("The answer is too large; use a filter.");
  };
  const olderCount = h("span");
  const older = h("p", { hidden: true }, olderCount, button("Show older calls", loadOlder));

  const pauseButton = plainButton("Pause", () => {
    isPaused = !isPaused;
    waiting = 0;
    show(pauseButton, isPaused ? "Continue" : "Pause");
    announce(isPaused ? "Paused" : "Continued");
    count();
    stream();
  });
  const countWaiting = async () => {
    if (!isPaused) return;
    const process = await processOf(signal);
    // A new emulator counts from 1.
    if (isPaused && reader.process && reader.process !== process) list.newest = 0;
    const since = list.newest;
    const found = await api("GET", `/requests/count${query({ ...apiFilter(), since })}`, undefined, signal);
    if (!isPaused || since !== list.newest) return;
    waiting = found.count;
    // None of the new calls matches, so the next count need not look at them.
    if (found.complete && !found.count) list.newest = found.last_id;
    count();
  };

  const empty = button("Empty the journal", async () => {
    const whose = everywhere.checked ? "all apps" : `app ${sdkappid}`;
    if (!(await confirm(`Remove all calls of ${whose} from the journal?`))) return;
    await api("DELETE", `/requests${query({ sdkappid: apiFilter().sdkappid })}`);
    await load();
    announce(`The calls of ${whose} are removed`);
  });
  list.element.addEventListener("click", (event) => {
    const row = event.target.closest("[data-id]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || getSelection().type === "Range") return;
    event.preventDefault();
    go(linkHere({ call: row.dataset.id }));
    update(read().params);
    detail.focus();
  });
  const form = formOf({ class: "filter" },
    field("Command", command), field("Account", account), field("Code", codeNumber),
    h("label", {}, everywhere, " All apps"), pauseButton, empty);
  form.addEventListener("input", () => keep("traffic", filter()));
  form.addEventListener("input", later(load));
  show(root, h("h2", { class: "hidden" }, "Calls"), form, error,
    h("div", { class: "columns wide" }, h("div", {}, state, note, list.element, older), detail));

  const update = (now) => {
    if (takeFilter(now)) load();
    const id = now.get("call");
    if (id === chosen) return;
    chosen = id;
    list.choose(id);
    const isChosen = () => id === chosen;
    if (id) showCall(detail, id, isChosen, () => list.focus()).catch(() => isChosen() && (chosen = undefined));
    else show(detail, h("p", {}, "Choose a call to see its request, its answer and why."));
  };
  takeFilter(params);
  await load();
  repeat(countWaiting, 1000, signal);
  update(params);
  return { update };
}

/** Shows a call while it is chosen. */
async function showCall(detail, id, isChosen, back) {
  show(detail, h("h2", {}, `Call ${id}`), h("p", {}, "Loading"));
  let explained;
  try {
    explained = await api("GET", `/requests/${encodeURIComponent(id)}/explain`);
  } catch (error) {
    if (isChosen()) show(detail.lastChild, h("span", { class: "error", role: "alert" }, error.message));
    throw error;
  }
  if (!isChosen()) return;
  const { call, body } = explained;
  const sent = h("p", { role: "status" });
  const isWhole = call.sdkappid && !call.cut && body !== null && /^\w+\/\w+$/.test(call.command);
  const edited = { app: call.sdkappid, command: call.command.split("/").pop(), caller: callerOf(call), body };
  show(
    detail,
    h("h2", {}, `Call ${id}: ${call.command} `, codeMark(call.code)),
    h("dl", {},
      term("Time", new Date(call.time * 1000).toISOString()),
      term("Query", h("code", {}, `${call.method} ${call.query}`)),
      term("Status", String(call.status)),
      term("Hint", call.hint && prose(call.hint)),
      term("Warning", call.warning),
      term("Body", call.cut ? "cut off" : body === null && "empty, or not recorded because the gateway rejected the call"),
    ),
    rowOf(isWhole && [button("Send it again", () => again(call, body, sent)), h("a", { href: link("call", edited) }, "Edit it in Call")],
      plainButton("Back to the list", back, { class: "quiet" })),
    sent,
    h("h3", {}, "Why"),
    explanation(explained, () => again(call, body, sent)),
    body !== null && code("Request", indented(body)),
    code("Answer", call.response),
    isWhole && call.response && [
      h("h3", {}, "As a test"),
      h("p", {}, "Each makes a UserSig first, and needs the accounts as they were before the call."),
      code("Python (pytest)", asTest(call, body)),
      code("Shell (curl)", asCurlTest(call, body)),
    ],
  );
  // In a narrow window, it is below the list.
  if (detail.getBoundingClientRect().top > innerHeight / 2) detail.scrollIntoView();
}

/** Sends a recorded call with a new UserSig and random number, and shows the answer in `sent`. */
async function again(call, body, sent) {
  const values = new URLSearchParams(call.query);
  const { usersig } = await api("POST", `/apps/${call.sdkappid}/user_sig`, { identifier: callerOf(call) });
  values.set("usersig", usersig);
  values.set("random", newRandom());
  const { answer, text } = await callRest(`/v4/${call.command}?${values}`, body);
  show(sent, codesOf(answer, text));
}
