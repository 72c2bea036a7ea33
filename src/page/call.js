// Builds a call, sends it, and shows why it got its answer.

import { keep, link, query } from "./address.js";
import { itemsOf, newRandom } from "./answer.js";
import { api, callRest, openapi } from "./api.js";
import {
  announce, button, code, codeMark, copyButton, counted, detailsOf, field, formOf, h, plainButton, prose, rowOf, show, table,
} from "./dom.js";
import { explanation } from "./explain.js";
import { schemaForm } from "./form.js";
import { indented, jsonError, parseJson } from "./json.js";
import { asCurl, asNode, asPython } from "./snippets.js";
import { later, utc } from "./time.js";

/** The requests of the page of friend_add. */
const AddSource = "AddSource_Type_XXXXXXXX";
const basicItem = { To_Account: "id1", AddSource };
const item = (number, GroupName) => ({
  To_Account: `id${number}`, Remark: `remark${number}`, GroupName, AddSource, AddWording: `I'm Test${number}`,
});
const request = (...items) => ({ From_Account: "id", AddFriendItem: items });
const both = { AddType: "Add_Type_Both", ForceAddFlags: 1 };
const FRIEND_ADD = {
  "Basic request": request(basicItem),
  "Complete request": { ...request(item(1, "Classmates")), ...both },
  "Batch request": { ...request(basicItem, item(2, "Classmates"), item(3, "Colleagues")), ...both },
};

/** The last request of each app: what is shown when the address has none. */
const lastRequests = {};

/** A longer body does not fit into an address. */
const MAX_ADDRESS = 2000;

export async function mount(root, { app, params, signal }) {
  const spec = await openapi();
  if (signal.aborted) return;
  const { command: asked, caller: askedCaller, body: askedBody } =
    params.has("command") || params.has("body") ? Object.fromEntries(params) : lastRequests[app.sdkappid] ?? {};
  const commands = commandsOf(spec);
  const command = commandList(commands);
  const caller = h("input", { list: "callers", autocomplete: "off", value: askedCaller ?? app.admins[0] });
  const usersig = h("input", { autocomplete: "off", spellcheck: "false", size: 24 });
  const expires = h("small", {});
  const sampleButtons = h("p", { class: "row" });
  const form = formOf({ class: "tall", "aria-label": "Fields" });
  const text = h("textarea", { rows: 18, spellcheck: "false" });
  const textError = h("p", { class: "error", role: "alert" });
  const exact = h("pre", { tabindex: "0", role: "region", "aria-label": "URL" });
  const tooLong = h("small", {});
  const answered = h("section", { "aria-label": "Answer" });
  let value = {};
  let sample = "";
  let random = newRandom();
  let signs = 0;
  /** The UserSig that is being made. */
  let signing = Promise.resolve();

  const name = () => `${commands[command.value].service}/${command.value}`;
  const path = () => {
    const values = { sdkappid: app.sdkappid, identifier: caller.value, usersig: usersig.value, random };
    return `/v4/${name()}?${new URLSearchParams({ ...values, contenttype: "json" })}`;
  };
  const url = () => location.origin + path();

  const showExact = () => {
    show(exact, url());
    if (signal.aborted) return;
    const fits = text.value.length <= MAX_ADDRESS;
    show(tooLong, fits ? "" : "A link to this page will not have the body: it is too long.");
    keep("call", { command: command.value, caller: caller.value, body: fits ? text.value : "" });
  };
  const showLater = later(showExact, 150);
  const changed = () => {
    lastRequests[app.sdkappid] = { command: command.value, caller: caller.value, body: text.value };
    showLater();
  };

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
      changed();
    }));
    if (at >= 0) (controls()[at] ?? controls().at(-1))?.focus();
  };
  const readText = () => {
    const error = jsonError(text.value);
    if (error) {
      show(textError, `${error} The form keeps the last good body; a change there replaces this text.`);
    } else {
      value = parseJson(text.value);
      show(textError);
      drawForm();
    }
    changed();
  };
  const setBody = (body) => {
    text.value = body;
    readText();
  };
  /** Shows the samples of the command, and the first of them, unless the body was edited. */
  const setCommand = () => {
    const { example } = commands[command.value];
    const samples = command.value === "friend_add" ? FRIEND_ADD : example ? { Example: example } : {};
    const use = (body) => {
      sample = JSON.stringify(body, null, 2);
      setBody(sample);
    };
    show(sampleButtons, Object.entries(samples).map(([title, body]) =>
      plainButton(title, () => use(body))));
    show(answered);
    if (text.value === sample) use(Object.values(samples)[0] ?? {});
    else readText();
  };

  const makeUserSig = async () => {
    const mine = (signs += 1);
    usersig.value = "";
    show(expires);
    changed();
    const made = await api("POST", `/apps/${app.sdkappid}/user_sig`, { identifier: caller.value }, signal);
    // The caller has changed meanwhile, or the user edits the UserSig.
    if (mine !== signs) return;
    usersig.value = made.usersig;
    show(expires, `expires ${utc(made.expires_at)}${app.admins.includes(caller.value) ? "" : "; not an admin"}`);
    changed();
  };
  const sign = () => {
    const mine = signs + 1;
    signing = makeUserSig().catch((error) => mine === signs && show(expires, error.message));
    return signing;
  };

  /** Shows the answer. The focus of a button in it goes to the button Send. */
  const showAnswer = (...children) => {
    const hadFocus = answered.contains(document.activeElement);
    show(answered, children);
    if (hadFocus) sendButton.firstChild.focus();
  };
  const send = async () => {
    await signing;
    random = newRandom();
    const stop = new AbortController();
    showExact();
    showAnswer(rowOf("Sending", plainButton("Cancel", () => stop.abort())));
    const before = await api("GET", "/requests?limit=1", undefined, signal).catch(() => null);
    const either = AbortSignal.any([signal, stop.signal]);
    const result = await callRest(path(), text.value, either).catch((error) => ({ error }));
    const calls = await recorded({ sdkappid: app.sdkappid, since: before?.last_id }, random).catch(() => null);
    const call = calls && calls.at(-1);
    const why = call && (await api("GET", `/requests/${call.id}/explain`).catch(() => null));
    if (signal.aborted) return;
    const said = stop.signal.aborted ? "Cancelled. The emulator may have processed the call." : problem(result, call);
    const { answer, status, milliseconds } = result;
    const failed = why?.failed_items ?? [];
    showAnswer(
      h("h2", {}, "Answer"),
      said && h("p", { class: "error", role: "alert" }, said),
      status && h("p", {},
        answer && ["ErrorCode ", codeMark(answer.ErrorCode), ` ${answer.ErrorInfo || answer.ActionStatus} `],
        h("small", {}, `HTTP ${status}, ${milliseconds.toFixed(1)} ms`)),
      items(answer, failed),
      why && [
        h("h2", {}, "Why"),
        calls.length > 1 && h("p", {}, `The browser sent it ${calls.length} times: it repeats a call after a reset.`),
        explanation(why, send),
        h("p", {}, h("a", { href: link("traffic", { call: call.id }) }, `Call ${call.id} in Traffic`)),
      ],
      call === undefined && h("p", {}, "The journal does not have this call."),
      status && [answer && code("Answer, as JSON", answer), detailsOf("Raw answer", code("Raw", result.text))],
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
  caller.addEventListener("input", sign);
  usersig.addEventListener("input", () => {
    signs += 1;
    show(expires, "edited");
    changed();
  });
  command.addEventListener("change", setCommand);

  // The name may have the service before it.
  const asCommand = asked?.split("/").pop();
  command.value = Object.hasOwn(commands, asCommand) ? asCommand : "friend_add";
  const copyAs = (label, make) => copyButton(() => make(url(), text.value), `Copy as ${label}`, label);
  show(
    root,
    h("datalist", { id: "callers" }, app.admins.map((admin) => h("option", { value: admin }))),
    asCommand && command.value !== asCommand && h("p", { class: "error" }, `There is no command ${asked}.`),
    rowOf(field("Command", command), field("Caller", caller), field("UserSig", usersig),
      button("New UserSig", sign), expires),
    h("h2", {}, "Request"),
    sampleButtons,
    h("div", { class: "columns" },
      form,
      h("div", {}, field("Body, as JSON", text), textError, tooLong)),
    rowOf(sendButton, h("small", {}, "or Ctrl+Enter"), h("small", {}, "Copy as"),
      copyAs("curl", asCurl), copyAs("Python", asPython), copyAs("Node.js", asNode)),
    h("figure", { class: "code" }, h("figcaption", {}, "URL", copyButton(url, "Copy: URL")), exact),
    answered,
  );

  setCommand();
  if (askedBody) setBody(indented(askedBody));
  await sign();
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
  // friend_add is first, and its service.
  const rank = ([name, { service }]) => (name === "friend_add" ? 0 : service === "sns" ? 1 : 2);
  const byName = ([one], [other]) => one.localeCompare(other);
  return Object.fromEntries(paths.map(command).sort((one, other) => rank(one) - rank(other) || byName(one, other)));
}

/** The calls of the journal that match, and were sent with this random number: mostly one. */
async function recorded(filter, random) {
  const { calls } = await api("GET", `/requests${query(filter)}`);
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
  const row = ({ account, ResultCode: number, ResultInfo: info }) => {
    const outcomes = failed.find((one) => one.account === account && one.code === number)?.outcomes ?? [];
    const each = (key) => outcomes.map((outcome) => outcome[key]).join(" Or: ");
    return [account, codeMark(number), number ? each("outcome") : "Ok", prose(each("meaning") || info || "")];
  };
  const found = itemsOf(answer);
  return found.length > 0 && table("Items", ["Account", "Code", "Outcome", "Meaning"], found.map(row));
}
