// Faults: which calls or items fail, when, and how.

import { api } from "./api.js";
import { field, formOf, h, put, rowOf, select, show, table } from "./dom.js";
import { keyed, number } from "./parts.js";

/** The kinds of failures: each is a text, and an example of its value, if it has one. */
const KINDS = {
  code: ["ErrorCode of the call", "such as 30006"],
  result_code: ["ResultCode of items", "such as 30516"],
  delay_ms: ["delay", "milliseconds"],
  http_status: ["HTTP status", "such as 503"],
  close: ["connection reset"],
  truncate: ["half an answer"],
  malformed: ["answer that is not JSON"],
};

/** The faults that apply to calls of the app, and a form that arms another. */
export function faults({ act, ...context }) {
  const { sdkappid } = context;
  const region = table("Armed faults", ["Id", "What", "Where", "When", "Hits", "Left", "Action"], []);
  region.firstChild.className = "faults";
  let armed = [];
  const figures = {};
  const disarm = ({ id }) => api("DELETE", `/faults/${id}`);
  const disarmAll = act("Disarm all", () => Promise.all(armed.map(disarm)));
  const rows = keyed(region.querySelector("tbody"), disarmAll.firstChild, (one) => {
    const { id, fault } = one;
    figures[id] = [h("td"), h("td")];
    const disarmOne = act("Disarm", () => disarm(one), { "aria-label": `Disarm fault ${id}` });
    const texts = words(fault).map((text) => h("td", {}, text));
    return h("tr", {}, h("th", { scope: "row" }, String(id)), texts, figures[id], h("td", {}, disarmOne));
  });
  const look = async () => {
    const all = await api("GET", "/faults");
    armed = all.filter(({ fault }) => fault.sdkappid === undefined || fault.sdkappid === sdkappid);
    // A restarted emulator counts from 1 again.
    rows(new Map(armed.map((one) => [JSON.stringify([one.id, one.fault]), one])));
    region.hidden = !armed.length;
    for (const { id, hits, left } of armed) {
      put(figures[id][0], hits);
      put(figures[id][1], left ?? "unlimited");
    }
  };
  return { title: "Faults", content: [region, rowOf(disarmAll), arming(act, context)], look };
}

function arming(act, { sdkappid, commands }) {
  const input = (placeholder, value) => h("input", { autocomplete: "off", size: 12, placeholder, value });
  const where = {
    sdkappid: select([[sdkappid, String(sdkappid)], ["", "any"]], sdkappid),
    command: select([["", "any"], ...commands], "friend_add"),
    from_account: input("any"),
    to_account: input("any"),
    item: input("any"),
  };
  const when = { skip: input("0"), times: input("always", 1), probability: input("1"), seed: input("random") };
  const kinds = Object.entries(KINDS).map(([name, [text]]) => [name, text]);
  const kind = select(kinds, "code", { onchange: () => choose() });
  const value = input();
  const choose = () => {
    const [, example] = KINDS[kind.value];
    value.disabled = !example;
    value.placeholder = example ?? "";
  };
  choose();
  const committed = h("input", { type: "checkbox" });
  const controls = { value, ...where, ...when };
  const problems = Object.fromEntries(Object.keys(controls).map((name) => [name, h("span", { class: "error" })]));
  const fields = (group) => Object.entries(group).map(([name, control]) => field(name, control, problems[name]));
  const mark = (name, text) => {
    show(problems[name], text);
    controls[name].setAttribute("aria-invalid", Boolean(text));
  };
  const arm = async () => {
    const failure = { [kind.value]: value.disabled || number(value.value) };
    const fault = committed.checked ? { commit_then: failure } : failure;
    for (const [name, control] of Object.entries({ ...where, ...when })) {
      if (control.value) fault[name] = name.endsWith("account") ? control.value : number(control.value);
    }
    for (const name in controls) mark(name);
    try {
      await api("POST", "/faults", fault);
    } catch (error) {
      for (const { pointer, detail } of error.errors ?? []) {
        const name = pointer.split("/").pop();
        mark(name in controls ? name : "value", detail);
      }
      throw error;
    }
  };
  const group = (legend, ...children) => h("fieldset", {}, h("legend", {}, legend), rowOf(children));
  return formOf(
    {},
    h("h3", {}, "Arm a fault"),
    group("What", field("failure", kind), fields({ value }), h("label", {}, committed, " after the command has run")),
    group("Where", fields(where)),
    group("When", fields(when)),
    act("Arm", arm, { type: "submit", class: "main" }),
  );
}

/** What a fault does, where and when. */
function words({ skip, times, probability, ...fault }) {
  const failure = fault.commit_then ?? fault;
  const kind = Object.keys(KINDS).find((name) => name in failure);
  const where = ["sdkappid", "command", "from_account", "to_account", "item"].filter((name) => name in fault);
  const parts = [
    [fault.commit_then && "the command runs", KINDS[kind][0] + (failure[kind] === true ? "" : `: ${failure[kind]}`)],
    where.length ? where.map((name) => `${name} ${fault[name]}`) : ["everywhere"],
    [skip > 0 && `after ${skip}`, times ? `${times}×` : "always", probability && `probability ${probability}`],
  ];
  return parts.map((texts) => texts.filter(Boolean).join(", "));
}
