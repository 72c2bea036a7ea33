// Snapshots of an app's accounts: save, compare, restore, delete.

import { api } from "./api.js";
import { confirm, field, formOf, h, rowOf, show, table } from "./dom.js";
import { keyed } from "./parts.js";
import { utc } from "./time.js";

/** The name of a snapshot that is given none. */
const DEFAULT_NAME = "snapshot";

/** The most changes that are shown. */
const MAX_CHANGES = 200;

export function snapshots({ route, act }) {
  const name = h("input", { autocomplete: "off", placeholder: DEFAULT_NAME });
  const list = h("div");
  const diff = h("div");
  const of = (snapshot, action = "") => `${route}/snapshots/${encodeURIComponent(snapshot)}${action}`;
  const rows = keyed(list, name, (snapshot) => {
    const named = (text) => ({ "aria-label": `${text} ${snapshot}` });
    const compare = async () => {
      const found = changes(await api("GET", of(snapshot, "/diff")));
      const most = found.length > MAX_CHANGES ? `; the first ${MAX_CHANGES} are shown` : "";
      show(diff, h("h3", {}, `${found.length} changes of accounts and relations since ${snapshot}${most}`),
        found.length > 0 && table(`Changes since ${snapshot}`, ["Change", "What", "Details"], found.slice(0, MAX_CHANGES)));
    };
    const restore = async () => {
      if (!(await confirm(`Replace all accounts by those of ${snapshot}?`))) return false;
      show(diff);
      return api("POST", of(snapshot, "/restore"));
    };
    const remove = async () => {
      show(diff);
      await api("DELETE", of(snapshot));
    };
    return rowOf(h("strong", {}, snapshot),
      act("Compare", compare, named("Compare")),
      act("Restore", restore, named("Restore")),
      act("Delete", remove, named("Delete")));
  });
  const look = async () => rows(new Map((await api("GET", `${route}/snapshots`)).map((one) => [one, one])));
  const save = () => api("POST", of(name.value || DEFAULT_NAME));
  const form = formOf({}, rowOf(field("Name", name), act("Save", save, { type: "submit" })));
  return { title: "Snapshots", content: [form, list, diff], look };
}

/** The rows of a comparison: what happened, to whom, and the fields that differ. */
function changes(diff) {
  const account = (change) => (user) => [change, `account ${user}`, ""];
  const relation = (change) => ({ kind, from, to, was = {}, is = {} }) => {
    const text = (fields, name) => JSON.stringify(fields[name]);
    const names = Object.keys({ ...was, ...is }).filter((name) => text(was, name) !== text(is, name));
    const shown = (fields, name) => (name.endsWith("_time") && fields[name] ? utc(fields[name]) : text(fields, name));
    const values = (name) => [shown(was, name), shown(is, name)].filter(Boolean).join(" → ");
    return [change, `${kind} ${from} → ${to}`, names.map((name) => `${name}: ${values(name)}`).join(", ")];
  };
  return [
    ...diff.accounts_added.map(account("added")),
    ...diff.accounts_removed.map(account("removed")),
    ...["added", "removed", "changed"].flatMap((change) => diff[change].map(relation(change))),
  ];
}
