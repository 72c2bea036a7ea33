// Makes calls fail: codes arranged by real state, faults, the clock, the limits; and puts everything back.

import { keep, link, query } from "./address.js";
import { api, callRest } from "./api.js";
import { announce, button, code, codeMark, confirm, detailsOf, field, formOf, h, rowOf, select, show, table } from "./dom.js";
import { faults } from "./faults.js";
import { number, put } from "./parts.js";
import { snapshots } from "./snapshots.js";
import { repeat, utc } from "./time.js";

/** A section is a title, a content, and a function that looks at its figures again. */
export async function mount(root, { app: { sdkappid }, params, signal }) {
  const route = `/apps/${sdkappid}`;
  const codes = await api("GET", "/codes", undefined, signal);
  const commands = Object.keys(await api("GET", `${route}/limits`, undefined, signal));
  // The banner says that the emulator is gone.
  const look = () => Promise.allSettled(columns.flat().map(([, , again]) => again?.()));
  /** A button that changes something, and looks at once. `run` returns false if it did nothing. */
  const act = (text, run, attributes) => button(text, async () => {
    if ((await run()) === false) return;
    announce(`${attributes?.["aria-label"] ?? text}: done`);
    await look();
  }, attributes);
  const context = { sdkappid, route, codes, commands, params, act };
  const columns = [[arrange, faults], [clock, limits, snapshots, reset]].map((parts) => parts.map((part) => part(context)));
  const section = ([title, content]) => h("section", { class: "card" }, h("h2", {}, title), content);
  show(root, h("div", { class: "columns" }, columns.map((parts) => h("div", {}, parts.map(section)))));
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
    const typed = search.value.trim().toLowerCase();
    const text = ({ code: number, outcome, meaning }) => `${number} ${outcome}: ${meaning.replaceAll("`", "")}`;
    const found = codes.filter((one) => typed.split(" ").every((word) => text(one).toLowerCase().includes(word)));
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
  const make = async () => show(result, arranged(await api("POST", `${route}/arrange`, wanted())));
  const submit = act("Arrange", make, { type: "submit", class: "main" });
  find();
  if (params.get("command")) command.value = params.get("command");
  const controls = [field("Number, outcome or meaning", search), field("Codes", list), rowOf(field("Command", command), submit)];
  return ["Arrange a code", [formOf({ onchange: () => keep("trouble", wanted()) }, controls), result]];
}

/** What was made for a code, and the request that gets it. */
function arranged({ url, request, accounts, fault, fillers, ...made }) {
  const command = made.command.split("/").pop();
  const body = JSON.stringify(request);
  const path = url.slice(url.indexOf("/v4/"));
  const caller = new URLSearchParams(path.split("?")[1]).get("identifier");
  const result = h("p", { role: "status" });
  const send = async () => {
    const { answer, text } = await callRest(path, body);
    const item = Object.values(answer ?? {}).flat().find((value) => value?.ResultCode >= 0);
    show(result, "Answer: ", answer ? ["ErrorCode ", codeMark(answer.ErrorCode), " ", answer.ErrorInfo] : text,
      item && [", ResultCode ", codeMark(item.ResultCode), " ", item.ResultInfo]);
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
  return ["Clock", [
    h("dl", {}, clocks.map(([, name], index) => [h("dt", {}, name), times[index]])),
    rowOf(field("Clock of", whose), change("Release", "release"), change("Real time", "reset")),
    formOf({}, rowOf(field("Hold at (UTC; empty: now)", at), change("Hold", "hold", hold, submit))),
    formOf({}, rowOf(field("Seconds", seconds), change("Advance", "advance", () => ({ seconds: number(seconds.value) }), submit),
      Object.keys(steps).map((text) => change(text, "advance", () => ({ seconds: steps[text] }))))),
  ], look];
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
    const windows = busiest.map(({ window_ms: ms, calls }) => `${calls} in ${ms / 1000} s`).join(", ");
    put(rate, `Busiest second: ${second} of ${allowed} calls. Over the limit: ${over}. Busiest windows: ${windows}.`);
    Object.assign(meter, { max: Math.max(allowed, second), high: allowed, optimum: allowed, value: second });
  };
  const set = () => api("PUT", `${route}/limits`, { [command.value]: limit.value ? number(limit.value) : null });
  const all = table("All limits", ["Command", "Calls a second", "Left"], commands.map((name) => [name, ...cells[name]]));
  return ["Limits", [
    formOf({}, rowOf(field("Limited command", command), field("Calls a second (0: no limit)", limit), act("Set", set, { type: "submit" }))),
    rate,
    meter,
    detailsOf("All limits", all),
  ], look];
}

function reset({ sdkappid, route, act }) {
  const back = (text, path, what) => act(text, async () => (await confirm(`Reset ${what}?`)) && api("POST", `${path}/reset`));
  const everything = "all apps, the journal, faults, clocks and limits";
  return ["Reset", rowOf(back("Reset this app", route, `app ${sdkappid}`), back("Reset everything", "", everything))];
}
