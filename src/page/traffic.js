// The recorded calls, as they come in.

import { go, keep, link, read } from "./address.js";
import { api, callRest, events, processOf, query } from "./api.js";
import { announce, button, clockTime, code, codeMark, confirm, counted, field, h, later, select, show, term } from "./dom.js";
import { explanation } from "./explain.js";
import { asCurlTest, asTest, bodyOf } from "./snippets.js";

/** The most calls on the page, until older ones are asked for. */
const MOST = 500;

export async function mount(root, { app: { sdkappid }, params, signal }) {
  const limits = await api("GET", `/apps/${sdkappid}/limits`, undefined, signal);
  const command = select([["", "all"], ...Object.keys(limits)]);
  const account = h("input", { autocomplete: "off", size: 16 });
  const number = h("input", { inputmode: "numeric", autocomplete: "off", size: 8 });
  const everywhere = h("input", { type: "checkbox" });
  const state = h("p");
  const error = h("p", { class: "error", role: "alert" });
  const note = h("p", { role: "status" });
  const body = h("tbody");
  const detail = h("section", { "aria-label": "The chosen call", tabindex: "-1" });
  let reading = new AbortController();
  let most = MOST;
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
    const { account: from_account, all, ...rest } = shown();
    return { ...rest, from_account, sdkappid: all ? "" : sdkappid };
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

  const rowOf = (id) => body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const linkOf = (id) => rowOf(id)?.querySelector("a");
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
    if (signal.aborted) return;
    const until = restartReading();
    show(error);
    keep(shown());
    try {
      const page = await list(200, until);
      clear();
      most = MOST;
      page.calls.forEach(add);
      last = page.last_id;
      hidden = page.count - page.calls.length;
      if (page.dropped_to) dropped(1, page.dropped_to);
      count();
      if (paused === null) stream();
    } catch (failure) {
      if (!until.aborted) clear();
      fail(failure);
    }
  };
  const loadOlder = async () => {
    const { calls, count: all } = await list(body.childElementCount + MOST, signal);
    const more = calls.filter(({ id }) => id <= last && !rowOf(id));
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
    if (paused === null || document.hidden) return;
    try {
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
    } catch {
      // The banner says it.
    }
  };
  const counting = setInterval(countWaiting, 1000);
  signal.addEventListener("abort", () => clearInterval(counting));

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
    go("traffic", { ...Object.fromEntries(read().params), call: row.dataset.id });
    detail.focus();
  });
  const heads = ["Time (UTC)", "Command", "From_Account", "Code", "Outcome", "ms", "Hint"];
  const box = h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Calls" },
    h("table", { class: "calls" },
      h("caption", { class: "hidden" }, "Calls, newest first"),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      body,
    ),
  );
  const form = h("form", { class: "filter" },
    field("Command", command), field("From_Account", account), field("Code", number),
    h("label", {}, everywhere, " All apps"), pause, empty);
  form.addEventListener("submit", (event) => event.preventDefault());
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
  const address = link("traffic", { ...Object.fromEntries(read().params), call: call.id });
  return h("tr", { "data-id": call.id },
    h("th", { scope: "row" }, h("a", { href: address, "aria-current": isChosen && "true" }, clockTime(call.time))),
    h("td", {}, call.command || call.method),
    h("td", {}, call.from_account),
    h("td", {}, codeMark(call.code)),
    h("td", {}, call.code === 0 && call.hint ? h("span", { class: "bad" }, "items failed") : call.outcome),
    h("td", {}, call.duration_ms.toFixed(1)),
    h("td", {}, call.hint ?? call.warning),
  );
}

/** Shows a call while it is chosen. */
async function showCall(detail, id, isChosen, back) {
  show(detail, h("h2", {}, `Call ${id}`), h("p", {}, "Loading"));
  let call;
  try {
    ({ call } = await api("GET", `/requests/${encodeURIComponent(id)}/explain`));
  } catch (error) {
    if (!isChosen()) return;
    show(detail.lastChild, h("span", { class: "error", role: "alert" }, error.message));
    throw error;
  }
  if (!isChosen()) return;
  const came = h("p", { role: "status" });
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
    h("p", { class: "row" },
      isWhole && [button("Send it again", () => again(call, came)), h("a", { href: edited }, "Edit it in Call")],
      h("button", { type: "button", class: "quiet", onclick: back }, "Back to the list"),
    ),
    came,
    h("h3", {}, "Why"),
    explanation(id),
    call.request !== null && [h("h3", {}, "Request"), code("Request", call.request)],
    h("h3", {}, "Answer"),
    code("Answer", call.response),
    isWhole && call.response && [
      h("h3", {}, "As a test"),
      h("p", {}, "Each makes a UserSig first, as tencent-chat-emulator user-sig does."),
      code("Python (pytest)", asTest(call)),
      code("Shell (curl)", asCurlTest(call)),
    ],
  );
}

/** Sends a recorded call with a new UserSig and random number. */
async function again(call, came) {
  const values = new URLSearchParams(call.query);
  const identifier = values.get("identifier");
  const { usersig } = await api("POST", `/apps/${call.sdkappid}/user_sig`, { identifier });
  values.set("usersig", usersig);
  values.set("random", String(Math.floor(Math.random() * 2 ** 32)));
  const { answer, text, status } = await callRest(`/v4/${call.command}?${values}`, bodyOf(call.request));
  const said = answer ? [codeMark(answer.ErrorCode), ` ${answer.ErrorInfo ?? ""}`] : `HTTP ${status} ${text}`;
  show(came, "Sent: ", said);
}
