// One account: what it is, and the controls that change it.

import { api } from "./api.js";
import { announce, button, confirm, detailsOf, field, h, plainButton, rowOf, select, show, term } from "./dom.js";
import { utc } from "./time.js";

const ALLOW_TYPES = ["AllowType_Type_AllowAny", "AllowType_Type_NeedConfirm", "AllowType_Type_DenyAny"];
const FORBID_TYPES = ["AdminForbid_Type_None", "AdminForbid_Type_SendOut"];

/** The most entries of a list that are shown, and the most with which it is open at first. */
const MAX_ENTRIES = 100;
const MAX_OPEN = 20;

/** The control API's route of an account. */
export function accountRoute(sdkappid, user) {
  return `/apps/${sdkappid}/accounts/${encodeURIComponent(user)}`;
}

/**
 * The panel of an account. `context` has `sdkappid`, `choose(user)`, `refresh()`, which shows what has changed, and
 * the inputs `other` and `group`, which live longer than a panel, so that what is typed stays.
 */
export function accountPanel(user, account, { sdkappid, choose, refresh, other, group }) {
  const read = (name) => api("GET", accountRoute(sdkappid, name));
  /** Changes the account, starting from what it is now. */
  const change = async (next) => {
    await api("PUT", accountRoute(sdkappid, user), next(await read(user)));
    announce(`${user} is changed`);
    await refresh();
  };
  const choice = (name, options) => {
    const failed = h("span", { class: "error", role: "alert" });
    const set = ({ target }) => change(() => ({ [name]: target.value })).catch((failure) => {
      show(failed, failure.message);
      target.value = account[name];
    });
    return [select(options, account[name], { onchange: set }), failed];
  };
  const addGroup = async () => {
    await change(({ groups }) => ({ groups: [...groups, group.value] }));
    group.value = "";
  };
  const removeGroup = (name) => () => change((now) => {
    const without = (groups = []) => groups.filter((one) => one !== name);
    // A group that a friend is in would be made again.
    const friends = now.friends.map((friend) => ({ ...friend, groups: without(friend.groups) }));
    return { groups: without(now.groups), friends };
  });
  const add = (list, extra) => async () => {
    if (!other.value) throw new Error("Type the other account first.");
    // The API would make an account that does not exist.
    await read(other.value);
    await change((now) => ({ [list]: [...now[list], { [peerOf(list)]: other.value, ...extra }] }));
    other.value = "";
  };
  const removeButton = (list, text, label) => (peer) => {
    const remove = () => change((now) => ({ [list]: now[list].filter((entry) => entry[peerOf(list)] !== peer) }));
    return button(text, remove, { "aria-label": `${label} ${peer}`, class: "quiet" });
  };
  const answerButton = (text, action) => (from) => {
    const route = `/apps/${sdkappid}/pending/${encodeURIComponent(from)}/${encodeURIComponent(user)}`;
    const answer = async () => {
      await api("POST", route, { action });
      await refresh();
    };
    return button(text, answer, { class: "quiet", "aria-label": `${text}: ${from}` });
  };
  const entries = (title, list, ...actions) => {
    const all = account[list];
    const entry = (one) => {
      const peer = one[peerOf(list)];
      const name = plainButton(peer, () => choose(peer), { class: "quiet" });
      return h("li", { class: "row" }, name, h("small", {}, about(one)), actions.map((action) => action(peer)));
    };
    const shown = detailsOf(
      `${title} (${all.length})`,
      all.length > MAX_ENTRIES && h("p", {}, `The first ${MAX_ENTRIES} are shown.`),
      h("ul", { class: "plain" }, all.slice(0, MAX_ENTRIES).map(entry)),
    );
    shown.dataset.title = title;
    shown.open = all.length > 0 && all.length <= MAX_OPEN;
    return shown;
  };
  const groupRow = (name) => h("li", { class: "row" }, name,
    button("Remove", removeGroup(name), { "aria-label": `Remove group ${name}`, class: "quiet" }));
  const groups = detailsOf(`Groups (${account.groups.length})`, h("ul", { class: "plain" }, account.groups.map(groupRow)),
    rowOf(field("Group", group), button("Add group", addGroup)));
  groups.dataset.title = "Groups";
  const remove = async () => {
    if (!(await confirm(`Delete ${user} and its relations?`))) return;
    await api("DELETE", accountRoute(sdkappid, user));
    announce(`${user} is deleted`);
    choose("");
  };
  const profile = Object.entries(account.profile);
  return [
    h("h2", { tabindex: -1 }, user),
    rowOf(field("AllowType", ...choice("allow_type", ALLOW_TYPES)),
      field("AdminForbidType", ...choice("admin_forbid_type", FORBID_TYPES))),
    groups,
    profile.length > 0 && h("dl", {}, profile.map(([tag, value]) => term(tag, String(value)))),
    entries("Friends", "friends", removeButton("friends", "Remove", "Remove friend")),
    entries("Blocklist", "blocklist", removeButton("blocklist", "Unblock", "Unblock")),
    entries("Received requests", "received",
      answerButton("Agree and add", "agree_and_add"), answerButton("Agree", "agree"), answerButton("Reject", "reject")),
    entries("Sent requests", "sent", removeButton("sent", "Withdraw", "Withdraw the request to")),
    rowOf(field("Other account", other),
      button("Add as friends", add("friends", { mutual: true })), button("Add one way", add("friends")),
      button("Send a request", add("sent")), button("Block", add("blocklist"))),
    h("p", {}, button(`Delete ${user}`, remove, { class: "danger" })),
  ];
}

/** The field of a list's entries that names the other account. */
function peerOf(list) {
  return list === "sent" || list === "received" ? "with" : "to";
}

function about({ mutual, remark, groups = [], add_source: source, add_wording: wording, add_time: since }) {
  const way = mutual === undefined ? "" : mutual ? "both ways" : "one way";
  return [way, remark, ...groups, source, wording, since && utc(since)].filter(Boolean).join(", ");
}
