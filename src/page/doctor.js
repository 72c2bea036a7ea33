// Inspects a UserSig: what is in it, which check fails, and what to do.

import { go, link } from "./address.js";
import { api } from "./api.js";
import { button, codeMark, counted, field, formOf, h, rowOf, select, show, term } from "./dom.js";
import { later, utc } from "./time.js";

/** The checks in order. */
const STEPS = {
  read: "It can be read: base64, zlib, JSON",
  sdkappid: "Its sdkappid is the app",
  identifier: "Its identifier is the caller",
  key: "It is signed with the app's key",
  expiry: "It has not expired",
  admin: "The caller is an app admin",
};

/** The pasted text and the caller. A UserSig is a secret, so the address does not have it. */
let kept = { text: "", caller: "", isTyped: false };

export async function mount(root, { app: { sdkappid, admins }, signal }) {
  const text = h("textarea", { rows: 5, spellcheck: "false", autocomplete: "off" });
  const identifier = h("input", { autocomplete: "off" });
  const flaw = select(["expired", "other_key", "other_app", "other_identifier", "truncated"]);
  const note = h("p");
  const verdict = h("p", { role: "status" });
  const result = h("div");
  const here = String(sdkappid);
  const fetchApps = async () => (await api("GET", "/apps", undefined, signal)).map((app) => String(app.sdkappid));
  let apps = await fetchApps();
  let asking = new AbortController();
  let { isTyped } = kept;
  const inspect = async () => {
    asking.abort();
    asking = new AbortController();
    kept = { text: text.value, caller: identifier.value, isTyped };
    const given = parts(text.value);
    const isOther = given.sdkappid && given.sdkappid !== here;
    const named = apps.includes(given.sdkappid) ? "The call is of" : "A call gets 70020, because there is no";
    const checked = `The UserSig is checked for app ${here}.`;
    show(note, isOther && h("span", { class: "error" }, `${named} app ${given.sdkappid}. ${checked}`));
    show(result);
    if (!given.usersig) {
      show(verdict, text.value.trim() ? "No usersig in it." : "The address of this page does not have what you paste.");
      return;
    }
    const asked = { usersig: given.usersig, identifier: identifier.value || undefined };
    try {
      const until = AbortSignal.any([signal, asking.signal]);
      const found = await api("POST", `/apps/${sdkappid}/user_sig/inspect`, asked, until);
      show(verdict, h("strong", {}, found.failed_step ? "It is rejected" : "It is valid"),
        isOther ? `. A call of app ${here} with it gets ` : ". A call with it gets ", codeMark(found.code), ` ${found.error_info}`);
      show(result, findings(found));
    } catch (error) {
      if (error.name !== "AbortError") show(verdict, h("span", { class: "error" }, error.message));
    }
  };
  /** Takes caller and app from the text. */
  const readText = async () => {
    if (signal.aborted) return;
    const { identifier: caller = "", sdkappid: named = here } = parts(text.value);
    const pasted = text.value;
    apps = await fetchApps();
    if (text.value !== pasted) return;
    // A caller that was typed is kept, unless the text names one.
    if (caller || !isTyped) identifier.value = caller;
    if (named !== here && apps.includes(named)) {
      kept = { text: pasted, caller: identifier.value, isTyped, at: document.activeElement === text && text.selectionEnd };
      go(link("doctor", { app: named }));
    } else await inspect();
  };
  const make = (wrong) => async () => {
    const asked = { identifier: identifier.value || admins[0], ...wrong?.() };
    const { usersig } = await api("POST", `/apps/${sdkappid}/user_sig`, asked, signal);
    text.value = usersig;
    identifier.value = asked.identifier;
    await inspect();
  };
  text.addEventListener("input", later(() => readText().catch(() => {})));
  const inspectLater = later(() => !signal.aborted && inspect());
  identifier.addEventListener("input", () => {
    isTyped = identifier.value !== "";
    inspectLater();
  });
  const { at } = kept;
  text.value = kept.text;
  identifier.value = kept.caller;
  show(
    root,
    formOf({}, field("UserSig, URL or curl command", text)),
    rowOf(
      field("Caller (identifier)", identifier), button("Make a valid one", make()),
      field("Flaw", flaw), button("Make a wrong one", make(() => ({ flaw: flaw.value })))),
    note,
    verdict,
    result,
  );
  inspect();
  if (Number.isInteger(at)) {
    text.focus();
    text.setSelectionRange(at, at);
  }
}

/** The UserSig, caller and app of a text that is or has a URL or JSON. */
function parts(text) {
  const value = (name) => {
    const [, found] = text.match(new RegExp(`\\b${name}["']?\\s*[=:]\\s*["']?([^&#\\s'",}]*)`)) ?? [];
    return found && decoded(found);
  };
  const [usersig, identifier, sdkappid] = ["usersig", "identifier", "sdkappid"].map(value);
  // A terminal or a mail breaks a long line.
  const alone = text.replace(/[\s'"]+/g, "");
  // It may be encoded twice.
  return { usersig: decoded(usersig ?? (/[?&]|\w=\w/.test(alone) ? "" : alone)), identifier, sdkappid };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function findings({ contents, failed_step: failed, why, fix, now }) {
  const names = Object.keys(STEPS);
  const at = failed ? names.indexOf(failed) : names.length;
  const step = (name, index) => {
    const state = index < at ? "passed" : index === at ? "failed" : "not reached";
    return h("li", { class: index === at && "error" }, `${STEPS[name]}: `, h("strong", {}, state),
      index === at && [h("p", {}, `Why: ${why}`), h("p", {}, `What to do: ${fix}`)]);
  };
  const row = ([name, value]) => {
    const isTime = name === "time" || name === "expires_at";
    const words = isTime ? `${utc(value)}, ${ago(now - value)}` : name === "expire_seconds" && span(value);
    return term(name, words ? `${value} (${words})` : String(value));
  };
  return [
    h("h2", {}, "Checks"),
    h("ol", {}, names.map(step)),
    h("h2", {}, "Contents"),
    h("dl", {}, Object.entries(contents ?? {}).map(row),
      term("app's clock", `${now} (${utc(now)})`)),
  ];
}

const ago = (seconds) => (seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`);

function span(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= 2 * size) ?? ["second", 1];
  return counted(Math.trunc(seconds / size), unit);
}
