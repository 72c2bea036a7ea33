// The accounts of the app and their relations, which can be changed here.

import { accountPanel, accountRoute } from "./account.js";
import { go, keep, linkHere } from "./address.js";
import { ApiError, api, events } from "./api.js";
import { button, counted, field, formOf, h, select, show } from "./dom.js";
import { edgeTable, edgesOf, keyOf, legend, picture } from "./graph.js";
import { later, repeat } from "./time.js";

/** The most accounts that are drawn. A larger app is shown by the neighbourhood of one account. */
const MAX_ACCOUNTS = 60;

/** The most names that are proposed while one is typed. */
const MAX_PROPOSALS = 20;

/** Changes by the control API make no event, so the accounts are read again after this time, in milliseconds. */
const AGAIN = 5000;

/** The time after a call until the accounts are read, and the time for which a new edge is marked. */
const SOON = 500;
const MARKED = 3000;

export async function mount(root, { app: { sdkappid }, params, signal }) {
  const get = (user) => api("GET", accountRoute(sdkappid, user), undefined, signal);
  const search = h("input", { type: "search", list: "accounts", autocomplete: "off" });
  const proposals = h("datalist", { id: "accounts" });
  const steps = select([[1, "1 step"], [2, "2 steps"], [3, "3 steps"]], 1);
  const form = select([["graph", "Graph"], ["table", "Table"]], "graph");
  const about = h("p", { role: "status" });
  const drawing = h("div", { class: "drawing" });
  const panel = h("section", { "aria-label": "The chosen account" });
  const other = h("input", { list: "accounts", autocomplete: "off" });
  const group = h("input", { autocomplete: "off" });
  const places = new Map();
  let chosen = null;
  let names = [];
  let drawn = null;

  const choose = (user) => go(linkHere({ account: user }));

  /** The accounts to draw, and what is said of those that are left out. */
  const gather = async () => {
    const list = await api("GET", `/apps/${sdkappid}/accounts?limit=100000`, undefined, signal);
    names = list.accounts;
    steps.disabled = list.total <= MAX_ACCOUNTS;
    if (list.total <= MAX_ACCOUNTS) {
      const { accounts } = await api("GET", `/apps/${sdkappid}/state`, undefined, signal);
      return [accounts, counted(list.total, "account")];
    }
    if (!chosen) {
      const text = `${list.total} accounts are too many for one picture: search for one to see its neighbourhood.`;
      return [{}, text];
    }
    const [accounts, left] = await neighbourhood();
    const shown = `${Object.keys(accounts).length} of ${list.total} accounts`;
    const more = left ? ` At least ${left} more are left out.` : "";
    const within = `within ${counted(steps.value, "step")} of ${chosen}`;
    return [accounts, `${shown}, ${within}.${more} Only their own lists are followed.`];
  };
  /** The accounts within the chosen steps, nearest first, and the number of those that are left out. */
  const neighbourhood = async () => {
    const accounts = {};
    let ring = [chosen];
    const seen = new Set(ring);
    for (let step = 0; step <= Number(steps.value) && ring.length > 0; step += 1) {
      const free = MAX_ACCOUNTS - Object.keys(accounts).length;
      const fetched = await Promise.all(ring.slice(0, free).map(async (user) => [user, await get(user)]));
      Object.assign(accounts, Object.fromEntries(fetched));
      if (ring.length > free) return [accounts, ring.length - free];
      const next = fetched.flatMap(([, { friends, blocklist, sent, received }]) =>
        [...friends, ...blocklist, ...sent, ...received].map((peer) => peer.to ?? peer.with));
      ring = [...new Set(next)].filter((user) => !seen.has(user));
      ring.forEach((user) => seen.add(user));
    }
    return [accounts, 0];
  };

  const draw = async () => {
    let accounts;
    let text;
    const user = chosen;
    try {
      [accounts, text] = await gather();
    } catch (error) {
      // The banner says that the emulator is gone.
      if (error instanceof ApiError) show(about, h("span", { class: "error" }, error.message));
      return;
    }
    if (user !== chosen) return;
    const now = JSON.stringify([accounts, text, chosen, form.value]);
    if (now === drawn?.now) return;
    const isShown = (name) => Object.hasOwn(accounts, name);
    const edges = edgesOf(accounts);
    const inside = edges.filter(({ from, to }) => isShown(from) && isShown(to));
    const users = Object.keys(accounts);
    const focused = document.activeElement?.dataset?.name;
    if (about.textContent !== text) show(about, text);
    const what = steps.disabled || `${chosen} ${steps.value}`;
    const before = drawn?.what === what ? drawn.keys : null;
    show(drawing, users.length > 0 && (form.value === "table"
      ? edgeTable(edges)
      : [picture(users, inside, places, chosen, choose, before), legend()]));
    setTimeout(() => drawing.querySelectorAll(".new").forEach((edge) => edge.classList.remove("new")), MARKED);
    if (focused) drawing.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
    drawn = { now, what, keys: new Set(inside.map(keyOf)) };
  };

  const nameOf = (one) => one.labels?.[0]?.textContent ?? one.ariaLabel ?? one.textContent;
  const showPanel = async () => {
    if (!chosen) {
      delete panel.dataset.state;
      show(panel, h("h2", {}, "Account"), h("p", {}, "Choose an account to see and change it."));
      return;
    }
    const user = chosen;
    try {
      const account = await get(user);
      const state = JSON.stringify([user, account]);
      if (user !== chosen || panel.dataset.state === state) return;
      // A list that the user has closed stays closed.
      const closed = [...panel.querySelectorAll("details:not([open]):has(li)")].map((one) => one.dataset.title);
      const focused = panel.contains(document.activeElement) && nameOf(document.activeElement);
      panel.dataset.state = state;
      show(panel, accountPanel(user, account, { sdkappid, choose, refresh, other, group }));
      for (const one of panel.querySelectorAll("details")) if (closed.includes(one.dataset.title)) one.open = false;
      if (focused === false) return;
      const same = [...panel.querySelectorAll("button, select, input, summary")].find((one) => nameOf(one) === focused);
      (same || panel.querySelector("h2")).focus({ preventScroll: true });
    } catch (error) {
      if (error.name === "AbortError" || user !== chosen) return;
      delete panel.dataset.state;
      show(panel, h("h2", {}, user), h("p", { class: "error" }, error.message));
    }
  };
  const refresh = async () => {
    await draw();
    await showPanel();
  };

  const newAccount = () => {
    const name = h("input", { autocomplete: "off", maxlength: 32 });
    const make = async () => {
      await api("PUT", accountRoute(sdkappid, name.value), {});
      choose(name.value);
    };
    return formOf({ class: "row" }, field("New account", name), button("Make it", make, { type: "submit" }));
  };

  const matches = () => {
    const text = search.value.toLowerCase();
    return names.filter((name) => name.toLowerCase().includes(text)).slice(0, MAX_PROPOSALS);
  };
  const propose = () => {
    show(proposals, matches().map((name) => h("option", { value: name })));
    if (names.includes(search.value)) choose(search.value);
  };
  const find = async () => {
    const [name] = matches();
    if (name === undefined) throw new Error("No account has this in its name.");
    choose(names.includes(search.value) ? search.value : name);
  };
  const update = (now) => {
    chosen = now.get("account");
    steps.value = now.get("steps") ?? "1";
    form.value = now.get("as") ?? "graph";
    return refresh();
  };
  search.addEventListener("input", later(propose, 100));
  for (const control of [steps, form]) {
    control.addEventListener("change", () => {
      keep("relationships", { steps: steps.value, as: form.value });
      draw();
    });
  }
  const filter = formOf({ class: "filter", role: "search" }, field("Find an account", search),
    button("Find", find, { type: "submit" }), field("Neighbourhood", steps), field("Show as", form));
  show(root, proposals, filter, about, h("div", { class: "columns wide" }, drawing, h("div", {}, panel, newAccount())));
  await update(params);
  if (signal.aborted) return null;
  propose();

  let waiting = null;
  const soon = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      refresh();
    }, SOON);
  };
  events({ sdkappid }, { onCall: soon, onRestart: refresh }, signal).catch(() => {});
  repeat(refresh, AGAIN, signal);
  return { update };
}
