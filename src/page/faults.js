// Faults: which calls or items fail, when, and how.

import { api } from "./api.js";
import { field, formOf, h, rowOf, select, show, table } from "./dom.js";
import { keyed, number, put } from "./parts.js";

const KINDS = {
  code: "ErrorCode of the call",
  result_code: "ResultCode of items",
  delay_ms: "delay in ms",
  http_status: "HTTP status",
  close: "connection reset",
  truncate: "half an answer",
  malformed: "answer that is not JSON",
};

/** The armed faults, and a form that arms another. */
export function faults({ act, ...context }) {
  const region = table("Armed faults", ["Id", "What", "Where", "When", "Hits", "Left", "Action"], []);
  region.firstChild.className = "faults";
  const verified = h("div");
  const verify = act("Verify", async () => {
    const texts = await api("POST", "/faults/verify").then(
      () => ["Every fault has been consumed."],
      ({ message, errors = [] }) => [message, ...errors.map(({ detail }) => detail.replace(/ \{.*\}/, ""))],
    );
    show(verified, texts.map((text) => h("p", {}, text)));
  });
  const figures = {};
  const rows = keyed(region.querySelector("tbody"), verify.firstChild, ({ id, fault }) => {
    figures[id] = [h("td"), h("td")];
    const disarm = act("Disarm", () => api("DELETE", `/faults/${id}`), { "aria-label": `Disarm fault ${id}` });
    const texts = words(fault).map((text) => h("td", {}, text));
    return h("tr", {}, h("th", { scope: "row" }, String(id)), texts, figures[id], h("td", {}, disarm));
  });
  const look = async () => {
    const armed = await api("GET", "/faults");
    // A restarted emulator counts from 1 again.
    rows(new Map(armed.map((one) => [JSON.stringify([one.id, one.fault]), one])));
    region.hidden = !armed.length;
    for (const { id, hits, left } of armed) {
      put(figures[id][0], hits);
      put(figures[id][1], left ?? "no end");
    }
  };
  return ["Faults", [region, rowOf(verify, act("Disarm all", () => api("DELETE", "/faults"))), verified, arming(act, context)], look];
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
  const kind = select(Object.entries(KINDS), "code", { onchange: () => choose() });
  const value = input("code, ms or status");
  const choose = () => {
    value.disabled = ["close", "truncate", "malformed"].includes(kind.value);
  };
  const committed = h("input", { type: "checkbox" });
  const controls = { value, ...where, ...when };
  const fields = (names) => Object.entries(names).map(([name, control]) => field(name, control, " "));
  const mark = (name, text) => {
    const problem = controls[name].nextSibling;
    problem.className = "error";
    show(problem, text);
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
    group("Arm a fault: what", fields({ failure: kind, value }), h("label", {}, committed, " after the command has run")),
    group("where", fields(where)),
    group("when", fields(when)),
    act("Arm", arm, { type: "submit" }),
  );
}

/** What a fault does, where and when. */
function words({ skip, times, probability, ...fault }) {
  const failure = fault.commit_then ?? fault;
  const kind = Object.keys(KINDS).find((name) => name in failure);
  const where = ["sdkappid", "command", "from_account", "to_account", "item"].filter((name) => name in fault);
  const parts = [
    [fault.commit_then && "the command runs", KINDS[kind] + (failure[kind] === true ? "" : `: ${failure[kind]}`)],
    where.length ? where.map((name) => `${name} ${fault[name]}`) : ["everywhere"],
    [skip > 0 && `after ${skip}`, times ? `${times}×` : "always", probability && `probability ${probability}`],
  ];
  return parts.map((texts) => texts.filter(Boolean).join(", "));
}
