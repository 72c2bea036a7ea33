// Shows the view that the address names, and what is common to all views.

import { go, link, read, replace } from "./address.js";
import { UnreachableError, api, hasToken, watchReach } from "./api.js";
import * as call from "./call.js";
import * as codes from "./codes.js";
import * as doctor from "./doctor.js";
import { h, show } from "./dom.js";
import * as relationships from "./relationships.js";
import * as traffic from "./traffic.js";
import * as trouble from "./trouble.js";

/** The views by their names in the address: each is a title and a module with `mount(root, context)`. */
const VIEWS = {
  call: ["Call", call],
  relationships: ["Relationships", relationships],
  traffic: ["Traffic", traffic],
  trouble: ["Trouble", trouble],
  doctor: ["UserSig doctor", doctor],
  codes: ["Codes", codes],
};

const main = document.getElementById("main");
const appList = document.getElementById("app");
const gone = document.getElementById("gone");

/** The mounted view: its `key`, the `AbortController` that ends it, and what its `mount` returned. */
let current = null;
let apps = null;
/** Whether the last attempt to show a view failed because the emulator did not answer. */
let wasUnreachable = false;

/**
 * The context of a view: `app` is the chosen app as `GET /apps` shows it, `params` the parameters of the
 * address, `signal` aborts when the view ends, `reload` reads the list of apps again. A view may return
 * `{ update(params) }` for changes of its parameters; without it, a change mounts the view again.
 */
async function display() {
  // While the emulator does not answer, the last list of apps is used.
  apps = await api("GET", "/apps").catch((error) => {
    if (apps && error instanceof UnreachableError) return apps;
    throw error;
  });
  const { view, params } = read();
  const name = Object.hasOwn(VIEWS, view) ? view : "call";
  const [title, { mount }] = VIEWS[name];
  const wanted = params.get("app");
  const app = apps.find(({ sdkappid }) => String(sdkappid) === wanted) ?? apps[0];
  const unknown = wanted && String(app?.sdkappid) !== wanted ? wanted : "";
  if (app) replace(link(name, { ...Object.fromEntries(params), app: wanted || app.sdkappid }));
  listApps(apps, app);
  for (const item of document.querySelectorAll("#views a")) {
    item.href = link(item.dataset.view, { app: app?.sdkappid });
    if (item.dataset.view === name) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  document.title = `${title} – tencent-chat-emulator`;
  const key = JSON.stringify([name, app?.sdkappid, unknown]);
  if (current?.key === key && current.view?.update) {
    current.view.update(params);
    return;
  }
  const isFirst = current === null;
  current?.end.abort();
  current = { key, end: new AbortController() };
  const mine = current;
  const root = h("div", { id: `view-${name}` });
  const isPossible = app || name === "codes";
  show(
    main,
    h("h1", {}, title),
    unknown && h("p", { class: "error" }, `There is no app ${unknown}.`),
    isPossible ? root : h("p", {}, "The emulator has no app. POST /_emulator/v1/apps makes one."),
  );
  if (!isPossible) return;
  try {
    mine.view = (await mount(root, { app, params, signal: mine.end.signal, reload: refresh })) ?? {};
  } catch (error) {
    // Another view is shown meanwhile.
    if (mine !== current) return;
    throw error;
  }
  // The focused link was in the view before.
  if (mine === current && !isFirst && document.activeElement === document.body) main.focus();
}

function listApps(list, chosen) {
  const option = ({ sdkappid }) =>
    h("option", { value: sdkappid, selected: sdkappid === chosen?.sdkappid }, String(sdkappid));
  show(appList, list.map(option));
}

function start() {
  const item = ([name, [title]]) => h("li", {}, h("a", { "data-view": name, href: link(name) }, title));
  show(document.getElementById("views"), Object.entries(VIEWS).map(item));
  appList.addEventListener("change", () => go(link(read().view, { app: appList.value })));
  appList.addEventListener("focus", async () => {
    const now = await api("GET", "/apps").catch(() => apps);
    if (now.length !== appList.length) listApps(now, { sdkappid: Number(appList.value) });
  });
  window.addEventListener("hashchange", refresh);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  watchReach((isThere) => {
    gone.hidden = isThere;
    if (isThere && wasUnreachable) load();
  });
  load();
}

function load() {
  refresh();
  about().catch(() => {});
}

/** Says which emulator this is, and what is lost when it stops. */
async function about() {
  const [{ version }, config] = await Promise.all([api("GET", "/health"), api("GET", "/config")]);
  show(document.getElementById("version"), version);
  const file = config.find(({ key }) => key === "state_file");
  const kept = file ? `The accounts of the configured apps are kept in ${file.value}; everything else` : "What it keeps";
  // A link sends no token.
  document.getElementById("links").hidden = hasToken();
  show(document.getElementById("about"), `For development and tests; not Tencent's. ${kept} is lost when it stops.`);
}

async function refresh() {
  wasUnreachable = false;
  try {
    await display();
  } catch (error) {
    if (error.name === "AbortError") return;
    wasUnreachable = error instanceof UnreachableError;
    current?.end.abort();
    current = null;
    show(main, h("h1", {}, "Error"), h("p", { class: "error" }, error.message));
  }
}

start();
