// Builds a call, sends it, and shows why it got its answer.

import { keep, link, query } from "./address.js";
import { api, callRest } from "./api.js";
import {
  announce, button, code, codeMark, copyButton, counted, detailsOf, field, formOf, h, prose, rowOf, show, table,
} from "./dom.js";
import { explanation } from "./explain.js";
import { jsonError, openapi, schemaForm } from "./form.js";
import { asCurl, asNode, asPython } from "./snippets.js";
import { later, utc } from "./time.js";

/** The requests of the page of friend_add. */
const one = (number, group) => ({
  To_Account: `id${number}`,
  ...(group && { Remark: `remark${number}`, GroupName: group }),
  AddSource: "AddSource_Type_XXXXXXXX",
  ...(group && { AddWording: `I'm Test${number}` }),
});
const sample = (...items) => ({ From_Account: "id", AddFriendItem: items });
const both = { AddType: "Add_Type_Both", ForceAddFlags: 1 };
const FRIEND_ADD = {
  "Basic request": sample(one(1)),
  "Complete request": { ...sample(one(1, "Classmates")), ...both },
  "Batch request": { ...sample(one(1), one(2, "Classmates"), one(3, "Colleagues")), ...both },
};

/** A longer body does not fit into an address. */
const MAX_ADDRESS = 2000;

export async function mount(root, { app, params, signal }) {
  const spec = await openapi(api);
  if (signal.aborted) return;
  const commands = commandsOf(spec);
  const command = commandList(commands);
  const caller = h("input", { list: "callers", autocomplete: "off", value: params.get("caller") ?? app.admins[0] });
  const usersig = h("input", { autocomplete: "off", spellcheck: "false", size: 24 });
  const expires = h("small", {});
  const samples = h("p", { class: "row" });
  const form = formOf({ class: "tall", "aria-label": "Fields" });
  const text = h("textarea", { rows: 18, spellcheck: "false" });
  const textError = h("p", { class: "error", role: "alert" });
  const exact = h("pre", { tabindex: "0", role: "region", "aria-label": "URL" });
  const tooLong = h("small", {});
  const answered = h("section", { "aria-label": "Answer" });
  let value = {};
  let random = newRandom();
  let signs = 0;

  const name = () => `${commands[command.value].service}/${command.value}`;
  const path = () => {
    const values = { sdkappid: app.sdkappid, identifier: caller.value, usersig: usersig.value, random };
    return `/v4/${name()}?${new URLSearchParams({ ...values, contenttype: "json" })}`;
  };
  const url = () => location.origin + path();

  const showExact = () => {
    show(exact, url());
    const fits = text.value.length <= MAX_ADDRESS;
    show(tooLong, fits ? "" : "The body is too long for the address of this page.");
    keep("call", { command: command.value, caller: caller.value, body: fits ? text.value : "" });
  };
  const showLater = later(showExact, 150);

  /** Makes the form from the value. The focus stays at the same place, if there is one. */
  const drawForm = () => {
    const controls = () =>
      [...form.querySelectorAll("input, select, button, summary")].filter((control) => control.checkVisibility());
    const at = controls().indexOf(document.activeElement);
    const schema = commands[command.value].schema;
    show(form, schemaForm(schema, value, spec.components.schemas, (isAdded) => {
      text.value = JSON.stringify(value, null, 2);
      show(textError);
      if (isAdded) drawForm();
      showLater();
    }));
    if (at >= 0) controls().slice(0, at + 1).at(-1)?.focus();
  };
  const readText = () => {
    const error = jsonError(text.value);
    if (error) {
      show(textError, `${error} The form keeps the last good body; a change there replaces this text.`);
    } else {
      value = JSON.parse(text.value);
      show(textError);
      drawForm();
    }
    showLater();
  };
  const setBody = (body) => {
    text.value = body;
    readText();
  };
  /** Shows the samples of the command, and the first of them. */
  const setCommand = () => {
    const { example } = commands[command.value];
    const known = command.value === "friend_add" ? FRIEND_ADD : example ? { Example: example } : {};
    const use = (body) => setBody(JSON.stringify(body, null, 2));
    show(samples, Object.entries(known).map(([title, body]) =>
      h("button", { type: "button", onclick: () => use(body) }, title)));
    value = {};
    use(Object.values(known)[0] ?? {});
  };

  const sign = async () => {
    const mine = (signs += 1);
    const made = await api("POST", `/apps/${app.sdkappid}/user_sig`, { identifier: caller.value }, signal);
    // The caller has changed meanwhile, or the user edits the UserSig.
    if (mine !== signs) return;
    usersig.value = made.usersig;
    show(expires, `expires ${utc(made.expires_at)}${app.admins.includes(caller.value) ? "" : "; not an admin"}`);
    showExact();
  };
  const signSafely = () => sign().catch((error) => show(expires, error.message));

  const send = async () => {
    random = newRandom();
    const sent = { command: name(), random };
    const stop = new AbortController();
    showExact();
    show(answered, rowOf("Sending", h("button", { type: "button", onclick: () => stop.abort() }, "Cancel")));
    const either = AbortSignal.any([signal, stop.signal]);
    const result = await callRest(path(), text.value, either).catch((error) => ({ error }));
    const calls = await recorded(app, sent).catch(() => null);
    const call = calls && calls.at(-1);
    const why = call && (await api("GET", `/requests/${call.id}/explain`).catch(() => null));
    if (signal.aborted) return;
    const said = stop.signal.aborted ? "Cancelled. The emulator may have processed the call." : problem(result, call);
    const { answer, status, milliseconds } = result;
    const failed = why?.failed_items ?? [];
    show(
      answered,
      h("h2", {}, "Answer"),
      said && h("p", { class: "error", role: "alert" }, said),
      status && h("p", {},
        answer && ["ErrorCode ", codeMark(answer.ErrorCode), ` ${answer.ErrorInfo || answer.ActionStatus} `],
        h("small", {}, `HTTP ${status}, ${milliseconds.toFixed(1)} ms`)),
      items(answer, failed),
      status && h("div", { class: "columns" }, answer && code("Pretty", answer), code("Raw", result.text)),
      why && [
        h("h2", {}, "Why"),
        calls.length > 1 && h("p", {}, `The browser sent it ${calls.length} times: it repeats a call after a reset.`),
        call.hint && h("p", {}, call.hint),
        explanation(why),
        h("p", {}, h("a", { href: link("traffic", { call: call.id }) }, `Call ${call.id} in Traffic`)),
      ],
      call === undefined && h("p", {}, "The journal does not have this call."),
    );
    answered.scrollIntoView({ block: "nearest" });
    if (answer) announce(`ErrorCode ${answer.ErrorCode}${failed.length ? `, ${counted(failed.length, "item")} failed` : ""}`);
  };

  const sendButton = button("Send", send, { class: "main" });
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) sendButton.firstChild.click();
  };
  root.addEventListener("keydown", keys);
  text.addEventListener("input", later(readText, 150));
  caller.addEventListener("input", later(signSafely));
  usersig.addEventListener("input", () => {
    signs += 1;
    show(expires, "edited");
    showLater();
  });
  command.addEventListener("change", setCommand);

  const copyAs = (label, make) => copyButton(() => make(url(), text.value), `Copy as ${label}`, label);
  show(
    root,
    h("datalist", { id: "callers" }, app.admins.map((admin) => h("option", { value: admin }))),
    rowOf(field("Command", command), field("Caller", caller), field("UserSig", usersig),
      button("New UserSig", sign), expires),
    h("h2", {}, "Request"),
    samples,
    h("div", { class: "columns" },
      form,
      h("div", {}, field("Body, as JSON", text), textError, tooLong)),
    rowOf(sendButton, h("small", {}, "or Ctrl+Enter. Copy as"),
      copyAs("curl", asCurl), copyAs("Python", asPython), copyAs("Node.js", asNode)),
    h("figure", { class: "code" }, h("figcaption", {}, "URL", copyButton(url, "Copy: URL")), exact),
    answered,
  );

  const asked = params.get("command")?.split("/").pop() ?? "";
  command.value = Object.hasOwn(commands, asked) ? asked : "friend_add";
  setCommand();
  if (params.get("body")) setBody(indented(params.get("body")));
  await signSafely();
}

/** The commands by service. */
function commandList(commands) {
  const services = Object.groupBy(Object.keys(commands), (name) => commands[name].service);
  const option = (name) => h("option", { value: name }, name);
  return h("select", {}, Object.entries(services).map(([service, names]) =>
    h("optgroup", { label: service }, names.map(option))));
}

/** The commands of openapi.json by name: the service, the schema of the body, an example. */
function commandsOf(spec) {
  const paths = Object.entries(spec.paths).filter(([path]) => path.startsWith("/v4/"));
  const command = ([path, { post }]) => {
    const [, , service, name] = path.split("/");
    const { schema, example } = post.requestBody.content["application/json"];
    return [name, { service, schema, example }];
  };
  const order = ([name, { service }]) => (name === "friend_add" ? "" : service === "sns" ? ` ${name}` : `${service} ${name}`);
  const found = paths.map(command).sort((one, other) => order(one).localeCompare(order(other)));
  return Object.fromEntries(found);
}

function newRandom() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** The calls of the journal that were sent with this random number: mostly one. */
async function recorded({ sdkappid }, { command, random }) {
  const { calls } = await api("GET", `/requests${query({ sdkappid, command, limit: 50 })}`);
  return calls.filter((call) => new URLSearchParams(call.query).get("random") === random);
}

/** What is wrong with an answer, if something is. `call` is `null` if the journal cannot be read. */
function problem({ error, answer, status }, call) {
  const why = "A fault can do that, see Trouble.";
  if (error && call === null) return "The emulator does not answer. Send again when it runs.";
  if (error) return `The connection ended: ${error.message}. The emulator runs. ${why}`;
  if (answer === null || status !== 200) {
    return `HTTP ${status}${answer === null ? ": the answer is not JSON" : ""}. ${why}`;
  }
  return "";
}

/** The items of an answer. `failed` are those that `explain` explains. */
function items(answer, failed) {
  const lists = Object.values(answer ?? {}).filter(Array.isArray);
  const found = lists.flat().filter((item) => item && typeof item.ResultCode === "number");
  const row = (item) => {
    const account = item.To_Account ?? item.UserID ?? "";
    const outcomes = failed.find((one) => one.account === account && one.code === item.ResultCode)?.outcomes ?? [];
    const each = (key) => outcomes.map((outcome) => outcome[key]).join(" Or: ");
    const outcome = item.ResultCode ? each("outcome") : "Ok";
    return [account, codeMark(item.ResultCode), outcome, prose(each("meaning") || item.ResultInfo || "")];
  };
  return found.length > 0 && table("Items", ["Account", "Code", "Outcome", "Meaning"], found.map(row));
}

function indented(body) {
  return jsonError(body) ? body : JSON.stringify(JSON.parse(body), null, 2);
}
