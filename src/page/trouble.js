// Makes calls fail: codes arranged by real state, faults, the clock, the limits; and resets.

import { keep, link, query } from "./address.js";
import { callerOf, codesOf } from "./answer.js";
import { UnreachableError, api, callRest } from "./api.js";
import {
  announce, button, code, confirm, counted, detailsOf, field, formOf, h, put, rowOf, select, show, table, withWords,
} from "./dom.js";
import { faults } from "./faults.js";
import { number } from "./parts.js";
import { snapshots } from "./snapshots.js";
import { repeat, utc } from "./time.js";

/** Each section is a function of the context: `{ title, content, look }`, where `look` shows its figures again. */
const COLUMNS = [[arrange, clock, snapshots, reset], [faults, limits]];

export async function mount(root, { app: { sdkappid }, params, signal, reload }) {
  const route = `/apps/${sdkappid}`;
  const codes = await api("GET", "/codes", undefined, signal);
  const commands = Object.keys(await api("GET", `${route}/limits`, undefined, signal));
  const failed = h("p", { class: "error" });
  const lookOnce = async () => {
    const looks = await Promise.allSettled(columns.flat().map((section) => section.look?.()));
    // The banner says that the emulator is gone.
    const error = looks.map(({ reason }) => reason).find((reason) => reason && !(reason instanceof UnreachableError));
    put(failed, error?.message ?? "");
    // The app is gone.
    if (error?.status === 404 && !signal.aborted) reload();
  };
  // One look after the other, so that an older answer does not replace a newer one.
  let looking = Promise.resolve();
  const look = () => (looking = looking.then(lookOnce));
  /** A button that changes something, and looks at once. `run` returns false if it did nothing. */
  const act = (text, run, attributes) => button(text, async () => {
    if ((await run()) === false) return;
    announce(`${attributes?.["aria-label"] ?? text}: done`);
    await look();
  }, attributes);
  const context = { sdkappid, route, codes, commands, params, act };
  const columns = COLUMNS.map((sections) => sections.map((section) => section(context)));
  const card = ({ title, content }) => h("section", { class: "card" }, h("h2", {}, title), content);
  show(root, failed, h("div", { class: "columns" }, columns.map((sections) => h("div", {}, sections.map(card)))));
  await look();
  repeat(look, 1000, signal);
}

function arrange({ route, codes, commands, params, act }) {
  const goDown = ({ key }) => key === "ArrowDown" && list.focus();
  const search = h("input", { type: "search", value: params.get("code"), oninput: () => find(), onkeydown: goDown });
  const press = ({ key }) => key === "Enter" && submit.firstChild.click();
  const list = h("select", { size: 6, onchange: () => choose(), onkeydown: press });
  const command = select(commands);
  const result = h("div");
  const find = () => {
    const text = ({ code: number, outcome, meaning }) => `${number} ${outcome}: ${meaning.replaceAll("`", "")}`;
    const typed = search.value.trim().toLowerCase();
    const found = withWords(typed, codes, text);
    const exact = found.find(({ outcome }) => outcome.toLowerCase() === typed);
    show(list, found.map((one) => h("option", { value: one.outcome }, text(one))));
    list.value = (exact ?? found[0])?.outcome;
    choose();
  };
  // "how" names the command of a code that friend_add does not answer.
  const choose = () => {
    const chosen = codes.find(({ outcome }) => outcome === list.value);
    command.value = chosen?.how.match(/"command": "(\w+)"/)?.[1] ?? "friend_add";
  };
  const wanted = () => ({ code: list.value, command: command.value });
  const make = async () => {
    show(result);
    if (!list.value) throw new Error("No code matches.");
    show(result, arranged(await api("POST", `${route}/arrange`, wanted())));
  };
  const submit = act("Arrange", make, { type: "submit", class: "main" });
  find();
  if (params.get("command")) command.value = params.get("command");
  const controls = [field("Number, outcome or meaning", search), field("Codes", list), rowOf(field("Command", command), submit)];
  const form = formOf({ onchange: () => keep("trouble", wanted()) }, controls);
  return { title: "Arrange a code", content: [form, result] };
}

/** What was made for a code, and the request that gets it. */
function arranged({ url, request, accounts, fault, fillers, ...made }) {
  const command = made.command.split("/").pop();
  const body = JSON.stringify(request);
  const path = url.slice(url.indexOf("/v4/"));
  const caller = callerOf({ query: path.split("?")[1] });
  const result = h("p", { role: "status" });
  const send = async () => {
    const { answer, text } = await callRest(path, body);
    show(result, codesOf(answer, text));
  };
  const why = fault ? `fault ${fault}, armed for one call` : `the ${made.given_by}`;
  const account = (name) => [" ", h("a", { href: link("relationships", { account: name }) }, name)];
  return [
    h("p", {}, `${command} answers ${made.code} ${made.outcome} as ${made.carried_by}, by ${why}. Accounts:`,
      Object.keys(accounts).map(account), fillers > 0 && ` and ${fillers} to fill a list`),
    rowOf(button("Send it", send), h("a", { href: link("call", { command, caller, body }) }, "Open in Call")),
    result,
    code("Request", request),
    code("curl", made.curl),
  ];
}

function clock({ sdkappid, route, act }) {
  const clocks = [[`${route}/clock`, `App ${sdkappid}`], ["/clock", "Emulator"]];
  const whose = select(clocks);
  const times = clocks.map(() => h("dd"));
  const at = h("input", { type: "datetime-local", step: "1" });
  const seconds = h("input", { inputmode: "decimal", value: "60", size: 8 });
  const look = () => Promise.all(clocks.map(async ([path], index) => {
    const { now, held } = await api("GET", path);
    put(times[index], `${utc(now)}, ${held ? "held" : "running"}`);
  }));
  const change = (text, name, body, attributes) => act(text, () => api("POST", `${whose.value}/${name}`, body?.()), attributes);
  const hold = () => (at.value ? { at: Date.parse(`${at.value}Z`) / 1000 } : {});
  const submit = { type: "submit" };
  const steps = { "+ 1 min": 60, "+ 1 hour": 3600, "+ 1 day": 86400, "+ 180 days": 180 * 86400 };
  const content = [
    h("dl", {}, clocks.map(([, name], index) => [h("dt", {}, name), times[index]])),
    rowOf(field("Clock of", whose), change("Release", "release"), change("Real time", "reset")),
    formOf({}, rowOf(field("Hold at (UTC; empty: now)", at), change("Hold", "hold", hold, submit))),
    formOf({}, rowOf(field("Seconds", seconds), change("Advance", "advance", () => ({ seconds: number(seconds.value) }), submit),
      Object.keys(steps).map((text) => change(text, "advance", () => ({ seconds: steps[text] }))))),
  ];
  return { title: "Clock", content, look };
}

/** The rate limits, and what was used of the limit of one command. */
function limits({ sdkappid, route, commands, act }) {
  const command = select(commands, "friend_add", { onchange: () => look() });
  const limit = h("input", { inputmode: "numeric", autocomplete: "off", size: 16, placeholder: "as documented" });
  const rate = h("p");
  const meter = h("meter", { "aria-label": "Busiest second" });
  const cells = Object.fromEntries(commands.map((name) => [name, [h("span"), h("span")]]));
  const look = async () => {
    const now = await api("GET", `${route}/limits`);
    for (const [name, { calls_per_second: calls, tokens_left: left }] of Object.entries(now)) {
      put(cells[name][0], calls || "no limit");
      put(cells[name][1], left ?? "");
    }
    const filter = { sdkappid, command: command.value, limit: now[command.value].calls_per_second || "" };
    const { busiest, limit_per_second: allowed, over_limit: over } = await api("GET", `/requests/rate${query(filter)}`);
    const second = busiest.find(({ window_ms: ms }) => ms === 1000).calls;
    const isLimited = now[command.value].calls_per_second > 0;
    const said = isLimited ? `the limit is ${allowed}; ${over} were over it` : "there is no limit";
    put(rate, `${counted(second, "call")} in the busiest second; ${said}.`);
    meter.hidden = !isLimited;
    Object.assign(meter, { max: Math.max(allowed, second), high: allowed, optimum: allowed, value: second });
  };
  const set = () => api("PUT", `${route}/limits`, { [command.value]: limit.value ? number(limit.value) : null });
  const all = table("All limits", ["Command", "Calls a second", "Left"], commands.map((name) => [name, ...cells[name]]));
  const content = [
    formOf({}, rowOf(field("Limited command", command), field("Calls a second (0: no limit)", limit), act("Set", set, { type: "submit" }))),
    rate,
    meter,
    detailsOf("All limits", all),
  ];
  return { title: "Limits", content, look };
}

function reset({ sdkappid, route, act }) {
  const back = (text, path, what) => act(text, async () => (await confirm(`Reset ${what}?`)) && api("POST", `${path}/reset`));
  const everything = "all apps, the journal, faults, clocks and limits";
  const content = rowOf(back("Reset this app", route, `app ${sdkappid}`), back("Reset everything", "", everything));
  return { title: "Reset", content };
}
