// Explains a recorded call: each code in words, how it is known, and the change that makes it 0.

import { link } from "./address.js";
import { api, callProposed } from "./api.js";
import { announce, button, codeMark, detailsOf, h, prose, show } from "./dom.js";

/** The most items that are shown: many fail for one reason. */
const MAX_ITEMS = 10;

/**
 * Shows the answer of `GET /requests/{id}/explain`. After a change that it proposes, it is read again, and
 * `sendAgain` can be pressed, which sends the call again.
 */
export function explanation(answer, sendAgain) {
  const root = h("section", { class: "explanation", "aria-label": "Explanation", tabindex: -1 });
  const change = async ({ calls, summary }) => {
    for (const call of calls) await callProposed(call);
    announce(`Done: ${summary}`);
    const now = await api("GET", `/requests/${answer.call.id}/explain`);
    show(root, explained(now, change), button("Send it again now", sendAgain));
    root.focus();
  };
  show(root, explained(answer, change));
  return root;
}

function explained({ call, error, failed_items: failed, if_sent_again: again }, change) {
  const isByFault = call.hint?.startsWith("fault ");
  const items = again?.items ?? [];
  const others = items.filter(({ to_account: to }) => !failed.some(({ account }) => account === to));
  const failedItem = ({ account, code, outcomes, facts_now: now }) => {
    const next = items.find((item) => item.to_account === account);
    return h(
      "div",
      { class: "card" },
      h("h3", {}, account || "(no account)"),
      outcomes.length ? outcomes.map(known) : h("p", {}, codeMark(code)),
      now && facts(now),
      next && outcomeNow("If it is sent again", next, change, code),
    );
  };
  return [
    error && h("div", { class: "card" }, isByFault ? h("p", {}, prose(call.hint)) : known(error), again && outcomeNow("If it is sent again", again, change, error.code)),
    !error && h("p", {}, failed.length ? "The call succeeded, but items failed." : "The call succeeded."),
    firstOf(failed, failedItem),
    others.length > 0 && detailsOf(
      failed.length ? "The other items, if they are sent again" : "If it is sent again",
      firstOf(others, (item) => outcomeNow(item.to_account, item, change)),
    ),
  ];
}

function firstOf(items, make) {
  const left = items.length - MAX_ITEMS;
  return [items.slice(0, MAX_ITEMS).map(make), left > 0 && h("p", {}, `${left} more items are not explained here.`)];
}

/** A row of the table of codes. */
function known({ code, outcome, meaning, fix, code_is: codeIs, info_is: infoIs }) {
  return [
    h("p", {}, codeMark(code), " ", h("a", { href: link("codes", { search: outcome }) }, outcome), " ", prose(meaning)),
    h("p", {}, "To fix it: ", prose(fix), ". ", h("small", {}, `Code: ${codeIs}. Text: ${infoIs}.`)),
  ];
}

/** What the call, or an item, would get now. It is not said again if it is the code that it `was`. */
function outcomeNow(name, { code, outcome, meaning, detail, fault, to_be_0: changes }, change, was) {
  const words = prose(` ${outcome ?? ""} ${detail ?? meaning ?? ""}${fault ? ` (fault ${fault})` : ""}`);
  return [
    code !== was && h("p", {}, `${name}: `, code === null ? "no answer" : codeMark(code), words),
    changes && (changes.calls.length
      ? button(`Make it 0: ${changes.summary}`, () => change(changes))
      : h("p", {}, `To make it 0: ${changes.summary}.`)),
  ];
}

/** The facts that the rules read, without those that say nothing. */
function facts(now) {
  const said = Object.entries(now).filter(([, value]) => value !== false && value !== 0 && typeof value !== "object");
  const texts = said.map(([name, value]) => `${name.replaceAll("_", " ")}${value === true ? "" : `: ${value}`}`);
  if (!now.to_exists) texts.unshift("the other account does not exist");
  return h("p", {}, h("small", {}, `Now: ${texts.join("; ")}.`));
}
