// The accounts of the app and their relations, which can be changed here.

import { accountPanel, accountRoute } from "./account.js";
import { go, keep, linkHere } from "./address.js";
import { UnreachableError, api, events } from "./api.js";
import { button, counted, field, formOf, h, plainButton, put, select, show } from "./dom.js";
import { edgeTable, edgesOf, keyOf, legend, NARROW, picture, WIDE } from "./graph.js";
import { later, repeat } from "./time.js";

/** The most accounts that are drawn. A larger app is shown by the neighbourhood of one account. */
const MAX_ACCOUNTS = 60;

/** The most names that are proposed while one is typed. */
const MAX_PROPOSALS = 20;

/** The time after which the accounts are read again, in milliseconds: the control API's changes make no event. */
const AGAIN = 5000;

/** The time after a call until the accounts are read, and the time for which a new edge is marked. */
const SOON = 500;
const MARKED = 3000;

export async function mount(root, { app: { sdkappid }, params, signal }) {
  const get = (user) => api("GET", accountRoute(sdkappid, user), undefined, signal);
  const search = h("input", { type: "search", list: "accounts", autocomplete: "off" });
  const proposals = h("datalist", { id: "accounts" });
  const steps = select([[1, "1 step"], [2, "2 steps"], [3, "3 steps"]], 1);
  const showAs = select([["graph", "Graph"], ["table", "Table"]], "graph");
  const about = h("p", { role: "status" });
  const drawing = h("div", { class: "drawing" });
  const panel = h("section", { "aria-label": "The chosen account" });
  const other = h("input", { list: "accounts", autocomplete: "off" });
  const group = h("input", { autocomplete: "off" });
  const places = new Map();
  let chosen = null;
  let names = [];
  let isWhole = false;
  let size = WIDE;
  let draws = 0;
  /** What is drawn: everything as a text, the subject, and the keys of the edges. */
  let drawn = null;

  const choose = (user) => go(linkHere({ account: user }));

  /** The accounts to draw, and a text that counts those that are left out. */
  const gather = async () => {
    const [user, wanted] = [chosen, Number(steps.value)];
    const list = await api("GET", `/apps/${sdkappid}/accounts?limit=100000`, undefined, signal);
    names = list.accounts;
    isWhole = list.total <= MAX_ACCOUNTS;
    steps.disabled = isWhole;
    if (isWhole) {
      const { accounts } = await api("GET", `/apps/${sdkappid}/state`, undefined, signal);
      return [accounts, counted(list.total, "account")];
    }
    if (!user) return [{}, `${list.total} accounts are too many for one picture: choose one to see its neighbourhood.`];
    const [accounts, left] = await neighbourhood(user, wanted, get);
    const said = `${Object.keys(accounts).length} of ${list.total} accounts, within ${counted(wanted, "step")} of ${user}.`;
    return [accounts, left ? `${said} At least ${left} more are left out.` : said];
  };

  const draw = async () => {
    let accounts;
    let text;
    const mine = (draws += 1);
    try {
      [accounts, text] = await gather();
    } catch (error) {
      // The banner says that the emulator is gone.
      if (error instanceof UnreachableError || mine !== draws) return;
      drawn = null;
      show(drawing);
      show(about, h("span", { class: "error" }, error.message));
      return;
    }
    if (mine !== draws) return;
    const next = drawing.clientWidth < NARROW.width ? NARROW : WIDE;
    if (next !== size) places.clear();
    size = next;
    const now = JSON.stringify([accounts, text, chosen, showAs.value, size]);
    if (now === drawn?.now) return;
    const edges = edgesOf(accounts);
    const focused = drawing.contains(document.activeElement) && document.activeElement.dataset.name;
    const top = drawing.querySelector(".scroll")?.scrollTop;
    put(about, text);
    const what = isWhole ? "all" : `${chosen} ${steps.value}`;
    const before = drawn?.what === what ? drawn.keys : null;
    drawn = { now, what, keys: new Set(edges.map(keyOf)) };
    const users = Object.keys(accounts);
    if (users.length === 0) showMatches();
    else if (showAs.value === "table") show(drawing, edgeTable(edges, choose));
    else show(drawing, picture(users, edges, size, places, chosen, choose, before), legend());
    setTimeout(() => drawing.querySelectorAll(".new").forEach((edge) => edge.classList.remove("new")), MARKED);
    const table = drawing.querySelector(".scroll");
    if (table && top) table.scrollTop = top;
    if (focused) drawing.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  /** The accounts that match the search, to choose from. */
  const showMatches = () => {
    const item = (name) => h("li", {}, plainButton(name, () => choose(name), { class: "quiet", "data-name": name }));
    show(drawing, h("ul", { class: "plain" }, matches(search).map(item)));
  };

  const nameOf = (one) => one.parentElement.dataset.title ?? one.labels?.[0]?.textContent ?? one.ariaLabel ?? one.textContent;
  const showPanel = async () => {
    const hadFocus = panel.contains(document.activeElement);
    if (!chosen) {
      delete panel.dataset.state;
      show(panel, h("h2", { tabindex: -1 }, "Account"), h("p", {}, "Choose an account to see and change it."));
      if (hadFocus) panel.firstChild.focus();
      return;
    }
    const user = chosen;
    try {
      const account = await get(user);
      const state = JSON.stringify([user, account]);
      if (user !== chosen || panel.dataset.state === state) return;
      // Lists stay as the user has opened and closed them.
      const lists = panel.dataset.user === user ? [...panel.querySelectorAll("details:is([open], :has(li))")] : [];
      const opened = new Map(lists.map((one) => [one.dataset.title, one.open]));
      const focused = panel.contains(document.activeElement) && nameOf(document.activeElement);
      Object.assign(panel.dataset, { user, state });
      show(panel, accountPanel(user, account, { sdkappid, choose, refresh, other, group }));
      for (const one of panel.querySelectorAll("details")) one.open = opened.get(one.dataset.title) ?? one.open;
      if (focused === false) return;
      const same = [...panel.querySelectorAll("button, select, input, summary")].find((one) => nameOf(one) === focused);
      (same || panel.querySelector("h2")).focus({ preventScroll: true });
    } catch (error) {
      if (error instanceof UnreachableError || user !== chosen) return;
      delete panel.dataset.state;
      show(panel, h("h2", {}, user), h("p", { class: "error" }, error.message));
    }
  };
  const refresh = async () => {
    await draw();
    await showPanel();
  };

  const newName = h("input", { autocomplete: "off", maxlength: 32 });
  const make = async () => {
    if (!newName.value) throw new Error("Type a name first.");
    await api("PUT", accountRoute(sdkappid, newName.value), {});
    choose(newName.value);
    newName.value = "";
  };

  const matches = ({ value }) => {
    const text = value.toLowerCase();
    return names.filter((name) => name.toLowerCase().includes(text)).slice(0, MAX_PROPOSALS);
  };
  const propose = ({ target }) => {
    show(proposals, matches(target).map((name) => h("option", { value: name })));
    if (target !== search) return;
    if (names.includes(search.value)) choose(search.value);
    else if (!chosen && !isWhole) showMatches();
  };
  const find = () => {
    const found = matches(search);
    if (found.length === 0) throw new Error("No account has this in its name.");
    choose(names.includes(search.value) ? search.value : found[0]);
  };
  const update = (now) => {
    chosen = now.get("account");
    steps.value = now.get("steps") ?? "1";
    showAs.value = now.get("as") ?? "graph";
    return refresh();
  };
  for (const input of [search, other]) input.addEventListener("input", later(propose, 100));
  for (const control of [steps, showAs]) {
    control.addEventListener("change", () => {
      keep("relationships", { steps: steps.value, as: showAs.value });
      draw();
    });
  }
  const filter = formOf({ class: "filter", role: "search" }, field("Find an account", search),
    button("Find", find, { type: "submit" }), field("Neighbourhood", steps), field("Show as", showAs));
  const newAccount = formOf({ class: "row" }, field("New account", newName), button("Make it", make, { type: "submit" }));
  show(root, proposals, filter, about, h("div", { class: "columns wide" }, drawing, h("div", {}, panel, newAccount)));
  await update(params);
  if (signal.aborted) return null;

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

/** The accounts within some steps of one, nearest first, and the number of those that are left out. */
async function neighbourhood(user, steps, get) {
  // An account may be called __proto__.
  const accounts = Object.create(null);
  let ring = [user];
  const seen = new Set(ring);
  for (let step = 0; step <= steps && ring.length > 0; step += 1) {
    const free = MAX_ACCOUNTS - Object.keys(accounts).length;
    const fetched = await Promise.all(ring.slice(0, free).map(async (name) => [name, await get(name)]));
    Object.assign(accounts, Object.fromEntries(fetched));
    if (ring.length > free) return [accounts, ring.length - free];
    const next = fetched.flatMap(([, { friends, blocklist, sent, received }]) =>
      [...friends, ...blocklist, ...sent, ...received].map((peer) => peer.to ?? peer.with));
    ring = [...new Set(next)].filter((name) => !seen.has(name));
    ring.forEach((name) => seen.add(name));
  }
  return [accounts, 0];
}
