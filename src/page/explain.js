// Explains a recorded call: each code in words, how it is known, and the change that makes it 0.

import { api, callProposed } from "./api.js";
import { link } from "./address.js";
import { announce, button, codeMark, h, show } from "./dom.js";

/**
 * The explanation of call `id`, which loads itself. `onChanged` is called after a change that was proposed, so
 * that the caller can show it.
 */
export function explanation(id, onChanged = () => {}) {
  const root = h("section", { class: "explanation", "aria-label": "Explanation", tabindex: -1 }, h("p", {}, "Loading"));
  const load = async () => {
    try {
      show(root, explained(await api("GET", `/requests/${id}/explain`), load, root, onChanged));
    } catch (error) {
      show(root, h("p", { class: "error" }, error.message));
    }
  };
  load();
  return root;
}

function explained({ error, failed_items: failed, if_sent_again: again }, reload, root, onChanged) {
  const change = async (changes) => {
    for (const call of changes.calls) await callProposed(call);
    announce(`Done: ${changes.summary}`);
    onChanged();
    await reload();
    root.focus();
  };
  const items = again?.items ?? [];
  const now = (account) => items.find((item) => item.to_account === account);
  const others = items.filter(({ to_account: to }) => !failed.some(({ account }) => account === to));
  return [
    error && h("div", { class: "card" }, known(error), again && outcome("If it is sent again", again, change)),
    !error && h("p", {}, failed.length ? "The call succeeded, but items failed." : "The call succeeded."),
    failed.map((item) => h(
      "div",
      { class: "card" },
      h("h3", {}, item.account || "(no account)"),
      item.outcomes.length ? item.outcomes.map(known) : h("p", {}, codeMark(item.code)),
      item.facts_now && facts(item.facts_now),
      now(item.account) && outcome("If it is sent again", now(item.account), change),
    )),
    others.length > 0 && h(
      "details",
      {},
      h("summary", {}, failed.length ? "The other items, if they are sent again" : "If it is sent again"),
      others.map((item) => outcome(item.to_account, item, change)),
    ),
  ];
}

/** A row of the table of codes. */
function known(code) {
  return [
    h("p", {}, codeMark(code.code), " ", h("a", { href: link("codes", { search: code.outcome }) }, code.outcome), ` ${code.meaning}`),
    h("p", {}, `To fix it: ${code.fix}. `, h("small", {}, `Code: ${code.code_is}. Text: ${code.info_is}.`)),
  ];
}

/** What the call, or an item, would get now. */
function outcome(name, { code, outcome, meaning, detail, fault, to_be_0: changes }, change) {
  return [
    h("p", {}, `${name}: `, code === null ? "no answer" : codeMark(code), ` ${outcome ?? ""} ${detail ?? meaning ?? ""}`, fault && ` (fault ${fault})`),
    changes && (changes.calls.length
      ? button(`Make it 0: ${changes.summary}`, () => change(changes))
      : h("p", {}, `To make it 0: ${changes.summary}.`)),
  ];
}

/** The facts that the rules read, without those that say nothing. */
function facts(now) {
  const said = Object.entries(now).filter(([, value]) => value !== false && value !== 0 && typeof value !== "object");
  const text = said.map(([name, value]) => `${name.replaceAll("_", " ")}${value === true ? "" : `: ${value}`}`);
  return h("p", {}, h("small", {}, `Now: ${now.to_exists ? "" : "to does not exist; "}${text.join("; ")}.`));
}
