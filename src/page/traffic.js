// The recorded calls, as they come in.

import { go, keep, link, linkHere, query } from "./address.js";
import { ApiError, api, callRest, events, processOf } from "./api.js";
import {
  announce, button, code, codeMark, confirm, counted, field, formOf, h, rowOf, select, show, table, term,
} from "./dom.js";
import { explanation } from "./explain.js";
import { asCurlTest, asTest, bodyOf } from "./snippets.js";
import { later, repeat, timeOfDay } from "./time.js";

/** The most calls on the page, until older ones are asked for, and the number with which it starts. */
const MAX_CALLS = 500;
const FIRST_CALLS = 200;

export async function mount(root, { app: { sdkappid }, params, signal }) {
  const limits = await api("GET", `/apps/${sdkappid}/limits`, undefined, signal);
  const command = select([["", "all"], ...Object.keys(limits)]);
  const account = h("input", { autocomplete: "off", size: 16 });
  const number = h("input", { inputmode: "numeric", autocomplete: "off", size: 8 });
  const everywhere = h("input", { type: "checkbox" });
  const state = h("p");
  const error = h("p", { class: "error", role: "alert" });
  const note = h("p", { role: "status" });
  const heads = ["Time (UTC)", "Code", "Command", "From_Account", "Outcome", "ms", "Hint"];
  const box = table("Calls, newest first", heads, []);
  box.firstChild.className = "calls";
  const body = box.querySelector("tbody");
  const detail = h("section", { "aria-label": "The chosen call", tabindex: "-1" });
  let reading = new AbortController();
  let most = MAX_CALLS;
  let last = 0;
  let hidden = 0;
  /** How many calls wait while it is paused, or `null`. */
  let paused = null;
  let chosen;

  /** The filter of the address and of the API. */
  const shown = () => ({
    command: command.value, account: account.value, code: number.value, all: everywhere.checked ? "1" : "",
  });
  const filter = () => {
    const { all, ...rest } = shown();
    return { ...rest, sdkappid: all ? "" : sdkappid };
  };
  /** Takes the filter of the address. Returns whether it is new. */
  const take = (now) => {
    const before = JSON.stringify(shown());
    const name = now.get("command") ?? "";
    // The API says that a command does not exist.
    command.value = name;
    if (command.selectedIndex < 0) command.append(h("option", { selected: true }, name));
    account.value = now.get("account") ?? "";
    number.value = now.get("code") ?? "";
    everywhere.checked = now.get("all") === "1";
    return before !== JSON.stringify(shown());
  };

  const rowWith = (id) => body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const linkOf = (id) => rowWith(id)?.querySelector("a");
  const newRow = (call) => callRow(call, String(call.id) === chosen);
  /** Calls wait for the next frame: many cost one change. */
  let waiting = [];
  const add = (call) => {
    last = Math.max(last, call.id);
    if (waiting.push(call) === 1) requestAnimationFrame(draw);
  };
  const draw = () => {
    const top = box.scrollTop > 0 && body.firstChild;
    const before = top && top.offsetTop - box.scrollTop;
    const fit = waiting.slice(-most);
    hidden += waiting.length - fit.length;
    body.prepend(...fit.reverse().map(newRow));
    waiting = [];
    for (let row = body.lastChild; body.childElementCount > most; ) {
      const next = row.previousSibling;
      if (!row.contains(document.activeElement)) {
        row.remove();
        hidden += 1;
      }
      row = next;
    }
    // What is read stays where it is.
    if (top?.isConnected) box.scrollTop = top.offsetTop - before;
    count();
  };
  const count = () => {
    const waits = paused !== null && `, paused; ${counted(paused, "call")} waiting`;
    show(state, counted(body.childElementCount, "call"), waits);
    older.hidden = hidden === 0;
    show(olderCount, `${counted(hidden, "older call")} not shown. `);
  };
  const dropped = (from, to) => show(note, `The journal was full: calls ${from} to ${to} were dropped.`);

  const handlers = {
    onCall: add,
    onDropped: (id) => id > last && dropped(last + 1, id),
    onRestart: () => {
      clear();
      show(note, "Another emulator answers now.");
    },
  };
  const restartReading = () => {
    reading.abort();
    reading = new AbortController();
    return AbortSignal.any([signal, reading.signal]);
  };
  const fail = ({ name, message }) => name !== "AbortError" && show(error, message);
  const stream = () => events({ ...filter(), since: last }, handlers, restartReading()).catch(fail);
  const clear = () => {
    waiting = [];
    last = hidden = 0;
    show(body);
    show(note);
    count();
  };
  const list = (limit, until) => api("GET", `/requests${query({ ...filter(), limit })}`, undefined, until);
  const load = async () => {
    const until = restartReading();
    show(error);
    keep("traffic", shown());
    try {
      const page = await list(FIRST_CALLS, until);
      clear();
      most = MAX_CALLS;
      page.calls.forEach(add);
      last = page.last_id;
      hidden = page.count - page.calls.length;
      if (page.dropped_to) dropped(1, page.dropped_to);
      count();
      if (paused === null) stream();
    } catch (failure) {
      if (until.aborted) return;
      clear();
      if (failure instanceof ApiError) fail(failure);
      else stream();
    }
  };
  const loadOlder = async () => {
    const { calls, count: all } = await list(body.childElementCount + MAX_CALLS, signal);
    const more = calls.filter(({ id }) => id <= last && !rowWith(id));
    if (!more.length) throw new Error("The answer is too large; use a filter.");
    body.append(...[...body.children, ...more.map(newRow)].sort((one, other) => other.dataset.id - one.dataset.id));
    most = Math.max(most, body.childElementCount);
    hidden = all - calls.length;
    count();
  };
  const olderCount = h("span");
  const older = h("p", { hidden: true }, olderCount, button("Show older calls", loadOlder));

  const pause = h("button", { type: "button" }, "Pause");
  pause.addEventListener("click", () => {
    paused = paused === null ? 0 : null;
    show(pause, paused === null ? "Pause" : "Continue");
    announce(paused === null ? "Continued" : "Paused");
    count();
    if (paused === null) stream();
    else reading.abort();
  });
  const countWaiting = async () => {
    if (paused === null) return;
    // A new emulator counts from 1.
    const process = await processOf(signal);
    if (paused !== null && handlers.process && handlers.process !== process) last = 0;
    const since = last;
    const waits = await api("GET", `/requests/count${query({ ...filter(), since })}`, undefined, signal);
    if (paused === null || since !== last) return;
    paused = waits.count;
    // What does not match is read.
    if (waits.complete && !waits.count) last = waits.last_id;
    count();
  };
  repeat(countWaiting, 1000, signal);

  const empty = button("Empty the journal", async () => {
    const whose = everywhere.checked ? "all apps" : `app ${sdkappid}`;
    if (!(await confirm(`Remove all calls of ${whose} from the journal?`))) return;
    await api("DELETE", `/requests${query({ sdkappid: filter().sdkappid })}`);
    await load();
    announce("The journal is empty");
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || getSelection().type === "Range") return;
    event.preventDefault();
    go(linkHere({ call: row.dataset.id }));
    detail.focus();
  });
  const form = formOf({ class: "filter" },
    field("Command", command), field("Account", account), field("Code", number),
    h("label", {}, everywhere, " All apps"), pause, empty);
  form.addEventListener("input", later(load));
  show(root, h("h2", { class: "hidden" }, "Calls"), form, error,
    h("div", { class: "columns wide" }, h("div", {}, state, note, box, older), detail));

  const update = (now) => {
    if (take(now)) load();
    const id = now.get("call");
    if (id === chosen) return;
    linkOf(chosen)?.removeAttribute("aria-current");
    chosen = id;
    linkOf(id)?.setAttribute("aria-current", "true");
    const back = () => (linkOf(id) ?? box).focus();
    if (id) showCall(detail, id, () => id === chosen, back).catch(() => (chosen = undefined));
    else show(detail, h("p", {}, "Choose a call to see its request, its answer and why."));
  };
  take(params);
  await load();
  update(params);
  return { update };
}

function callRow(call, isChosen) {
  const time = h("a", { href: linkHere({ call: call.id }), "aria-current": isChosen && "true" }, timeOfDay(call.time));
  const outcome = call.code === 0 && call.hint ? h("span", { class: "bad" }, "items failed") : call.outcome;
  const cells = [codeMark(call.code), call.command || call.method, call.from_account, outcome,
    call.duration_ms.toFixed(1), call.hint ?? call.warning];
  return h("tr", { "data-id": call.id }, h("th", { scope: "row" }, time), cells.map((cell) => h("td", {}, cell)));
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
  const { call } = explained;
  const sent = h("p", { role: "status" });
  const isWhole = call.sdkappid && !call.cut && call.request !== null && /^\w+\/\w+$/.test(call.command);
  const name = call.command.split("/").pop();
  const caller = new URLSearchParams(call.query).get("identifier");
  const edited = link("call", { app: call.sdkappid, command: name, caller, body: bodyOf(call.request, 2) });
  show(
    detail,
    h("h2", {}, `Call ${id}: ${call.command} `, codeMark(call.code)),
    h("dl", {},
      term("Time", new Date(call.time * 1000).toISOString()),
      term("Query", h("code", {}, `${call.method} ${call.query}`)),
      term("Status", String(call.status)),
      term("Hint", call.hint),
      term("Warning", call.warning),
      term("Body", call.cut ? "cut off" : call.request === null && "not recorded: the gateway refused the call"),
    ),
    rowOf(isWhole && [button("Send it again", () => again(call, sent)), h("a", { href: edited }, "Edit it in Call")],
      h("button", { type: "button", class: "quiet", onclick: back }, "Back to the list")),
    sent,
    h("h3", {}, "Why"),
    explanation(explained),
    call.request !== null && code("Request", call.request),
    code("Answer", call.response),
    isWhole && call.response && [
      h("h3", {}, "As a test"),
      h("p", {}, "Each makes a UserSig first, as tencent-chat-emulator user-sig does."),
      code("Python (pytest)", asTest(call)),
      code("Shell (curl)", asCurlTest(call)),
    ],
  );
  // In a narrow window, it is below the list.
  if (detail.getBoundingClientRect().top > innerHeight / 2) detail.scrollIntoView();
}

/** Sends a recorded call with a new UserSig and random number, and shows the answer in `sent`. */
async function again(call, sent) {
  const values = new URLSearchParams(call.query);
  const identifier = values.get("identifier");
  const { usersig } = await api("POST", `/apps/${call.sdkappid}/user_sig`, { identifier });
  values.set("usersig", usersig);
  values.set("random", String(Math.floor(Math.random() * 2 ** 32)));
  const { answer, text, status } = await callRest(`/v4/${call.command}?${values}`, bodyOf(call.request));
  const said = answer ? [codeMark(answer.ErrorCode), ` ${answer.ErrorInfo ?? ""}`] : `HTTP ${status} ${text}`;
  show(sent, "Sent: ", said);
}
