// The accounts of the app and their relations, which can be changed here.

import { go, keep, read } from "./address.js";
import { ApiError, api, events } from "./api.js";
import { announce, button, confirm, counted, field, h, later, select, show } from "./dom.js";
import { edgeTable, edgesOf, keyOf, legend, minute, picture } from "./graph.js";

/** The most accounts that are drawn. A larger app is shown by the neighbourhood of one account. */
const MOST = 60;

/** Changes by the control API make no event, so the accounts are read again after this time, in milliseconds. */
const AGAIN = 5000;

/** The time after a call until the accounts are read, and the time for which a new edge is marked. */
const SOON = 500;
const MARKED = 3000;

const ALLOW_TYPES = ["AllowType_Type_AllowAny", "AllowType_Type_NeedConfirm", "AllowType_Type_DenyAny"];
const FORBID_TYPES = ["AdminForbid_Type_None", "AdminForbid_Type_SendOut"];

export async function mount(root, { app, params, signal }) {
  const { sdkappid } = app;
  const route = (user) => `/apps/${sdkappid}/accounts/${encodeURIComponent(user)}`;
  const get = (user) => api("GET", route(user), undefined, signal);
  const search = h("input", { type: "search", list: "accounts", autocomplete: "off" });
  const found = h("datalist", { id: "accounts" });
  const steps = select([[1, "1 step"], [2, "2 steps"], [3, "3 steps"]], 1);
  const form = select([["graph", "Graph"], ["table", "Table"]], "graph");
  const about = h("p", { role: "status" });
  const drawing = h("div", { class: "drawing" });
  const panel = h("section", { "aria-label": "The chosen account" });
  // These two are made once, so that what is typed stays.
  const other = h("input", { list: "accounts", autocomplete: "off" });
  const group = h("input", { autocomplete: "off" });
  const places = new Map();
  let chosen = null;
  let names = [];
  let drawn = null;

  const choose = (user) => go("relationships", { ...Object.fromEntries(read().params), account: user });

  /** The accounts to draw, and what is said of those that are left out. */
  const gather = async () => {
    const list = await api("GET", `/apps/${sdkappid}/accounts?limit=100000`, undefined, signal);
    names = list.accounts;
    steps.disabled = list.total <= MOST;
    if (list.total <= MOST) {
      const { accounts } = await api("GET", `/apps/${sdkappid}/state`, undefined, signal);
      return [accounts, counted(list.total, "account")];
    }
    if (!chosen) return [{}, `${list.total} accounts are too many for one picture: search for one to see its neighbourhood.`];
    const [accounts, left] = await neighbourhood();
    return [accounts, `${Object.keys(accounts).length} of ${list.total} accounts, within ${counted(steps.value, "step")} of ${chosen}.${left ? ` At least ${left} more are left out.` : ""} Only their own lists are followed.`];
  };
  /** The accounts within the chosen steps, nearest first, and the number of those that are left out. */
  const neighbourhood = async () => {
    const accounts = {};
    let ring = [chosen];
    const seen = new Set(ring);
    for (let step = 0; step <= Number(steps.value) && ring.length > 0; step += 1) {
      const free = MOST - Object.keys(accounts).length;
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
    const edges = edgesOf(accounts).filter(({ from, to }) => Object.hasOwn(accounts, from) || Object.hasOwn(accounts, to));
    const inside = edges.filter(({ from, to }) => Object.hasOwn(accounts, from) && Object.hasOwn(accounts, to));
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
      show(panel, accountPanel(user, account));
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

  /** Changes an account, starting from what it is now. */
  const change = async (user, next) => {
    await api("PUT", route(user), next ? next(await get(user)) : {});
    announce(`${user} is changed`);
    await refresh();
  };
  const born = () => {
    const name = h("input", { autocomplete: "off", maxlength: 32 });
    const make = async () => {
      await change(name.value);
      choose(name.value);
    };
    return h("form", { class: "row", onsubmit: (event) => event.preventDefault() }, field("New account", name), button("Make it", make, { type: "submit" }));
  };

  const accountPanel = (user, account) => {
    const set = (name) => ({ target }) => change(user, () => ({ [name]: target.value })).catch((failure) => {
      announce(failure.message);
      target.value = account[name];
    });
    const addGroup = async () => {
      await change(user, ({ groups }) => ({ groups: [...groups, group.value] }));
      group.value = "";
    };
    // A group of a friend would stay.
    const removeGroup = (name) => () => change(user, (now) => {
      const rest = (groups = []) => groups.filter((one) => one !== name);
      return { groups: rest(now.groups), friends: now.friends.map((friend) => ({ ...friend, groups: rest(friend.groups) })) };
    });
    const without = (list, key, other) => () => change(user, (now) => ({ [list]: now[list].filter((entry) => entry[key] !== other) }));
    const peers = (title, list, key, actions) => h("details", { "data-title": title, open: list.length > 0 && list.length <= 20 },
      h("summary", {}, `${title} (${list.length})`),
      list.length > 100 && h("p", {}, `The first 100 of ${list.length} are shown.`),
      h("ul", { class: "plain" }, list.slice(0, 100).map((entry) => h("li", { class: "row" },
        h("button", { type: "button", class: "quiet", onclick: () => choose(entry[key]) }, entry[key]), words(entry), actions(entry)))));
    const add = (list, extra) => async () => {
      await change(user, (now) => ({ [list]: [...now[list], { [list === "sent" ? "with" : "to"]: other.value, ...extra }] }));
      other.value = "";
    };
    const answer = (from, to, action) => async () => {
      await api("POST", `/apps/${sdkappid}/pending/${encodeURIComponent(from)}/${encodeURIComponent(to)}`, { action });
      await refresh();
    };
    const words = ({ mutual, remark, groups = [], add_source: source, add_wording: wording, add_time: since }) => {
      const way = mutual === undefined ? "" : mutual ? "both ways" : "one way";
      return h("small", {}, [way, remark, ...groups, source, wording, minute(since)].filter(Boolean).join(", "));
    };
    return [
      h("h2", { tabindex: -1 }, user),
      h("div", { class: "row" },
        field("AllowType", select(ALLOW_TYPES, account.allow_type, { onchange: set("allow_type") })),
        field("AdminForbidType", select(FORBID_TYPES, account.admin_forbid_type, { onchange: set("admin_forbid_type") }))),
      h("div", { class: "row" }, field("Group", group), button("Add group", addGroup),
        account.groups.map((name) => button(`Remove group ${name}`, removeGroup(name)))),
      Object.keys(account.profile).length > 0 && h("dl", {}, Object.entries(account.profile).map(([tag, value]) => [h("dt", {}, tag), h("dd", {}, String(value))])),
      peers("Friends", account.friends, "to", ({ to }) =>
        button("Remove", without("friends", "to", to), { "aria-label": `Remove friend ${to}`, class: "quiet" })),
      peers("Blocklist", account.blocklist, "to", ({ to }) =>
        button("Unblock", without("blocklist", "to", to), { "aria-label": `Unblock ${to}`, class: "quiet" })),
      peers("Received requests", account.received, "with", ({ with: from }) => [
        button("Agree and add", answer(from, user, "agree_and_add"), { class: "quiet" }),
        button("Agree", answer(from, user, "agree"), { class: "quiet" }),
        button("Reject", answer(from, user, "reject"), { class: "quiet" }),
      ]),
      peers("Sent requests", account.sent, "with", ({ with: to }) =>
        button("Withdraw", without("sent", "with", to), { "aria-label": `Withdraw the request to ${to}`, class: "quiet" })),
      h("div", { class: "row" }, field("Other account", other),
        button("Add as friends", add("friends", { mutual: true })), button("Add one way", add("friends", {})),
        button("Send a request", add("sent", {})), button("Block", add("blocklist", {}))),
      h("p", {}, button(`Delete ${user}`, async () => {
        if (!(await confirm(`Delete ${user} and its relations?`))) return;
        await api("DELETE", route(user));
        announce(`${user} is deleted`);
        choose("");
      })),
    ];
  };

  const suggest = () => {
    const text = search.value.toLowerCase();
    const matches = names.filter((name) => name.toLowerCase().includes(text)).slice(0, 20);
    show(found, matches.map((name) => h("option", { value: name })));
    if (names.includes(search.value)) choose(search.value);
  };
  const update = (now) => {
    chosen = now.get("account");
    steps.value = now.get("steps") ?? "1";
    form.value = now.get("as") ?? "graph";
    return refresh();
  };
  search.addEventListener("input", later(suggest, 100));
  steps.addEventListener("change", () => {
    keep({ steps: steps.value });
    draw();
  });
  form.addEventListener("change", () => {
    keep({ as: form.value });
    draw();
  });
  const filter = h("form", { class: "filter", role: "search", onsubmit: (event) => event.preventDefault() },
    field("Find an account", search), field("Neighbourhood", steps), field("Show as", form));
  show(root, found, filter, about, h("div", { class: "columns wide" }, drawing, h("div", {}, panel, born())));
  await update(params);
  if (signal.aborted) return null;
  suggest();

  let waiting = null;
  const soon = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      refresh();
    }, SOON);
  };
  events({ sdkappid }, { onCall: soon, onRestart: refresh }, signal).catch(() => {});
  const timer = setInterval(() => document.hidden || refresh(), AGAIN);
  signal.addEventListener("abort", () => clearInterval(timer));
  return { update };
}
