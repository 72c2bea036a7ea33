// Shows the view that the address names, and what is common to all views.

import { go, link, read, replace } from "./address.js";
import { api, watchReach } from "./api.js";
import { h, show } from "./dom.js";

/** Each view is a module with `mount(root, context)`. */
const VIEWS = {
  call: "Call",
  relationships: "Relationships",
  traffic: "Traffic",
  trouble: "Trouble",
  doctor: "UserSig doctor",
  codes: "Codes",
};

const main = document.getElementById("main");
const appList = document.getElementById("app");
const gone = document.getElementById("gone");

/** What is shown: the name of the view, its `AbortController`, and what its `mount` returned. */
let current = null;
let apps = null;

/**
 * The context of a view: `app` is the chosen app as `GET /apps` shows it, `params` the parameters of the
 * address, `signal` aborts when the view ends. A view may return `{ update(params) }` for changes of its
 * parameters; without it, a change mounts the view again.
 */
async function display() {
  // While the emulator is gone, what is shown stays.
  apps = await api("GET", "/apps").catch((error) => {
    if (!apps) throw error;
    return apps;
  });
  const { view, params } = read();
  const name = Object.hasOwn(VIEWS, view) ? view : "call";
  const wanted = params.get("app");
  const app = apps.find(({ sdkappid }) => String(sdkappid) === wanted) ?? apps[0];
  if (app) replace(link(name, { ...Object.fromEntries(params), app: wanted || app.sdkappid }));
  listApps(apps, app);
  for (const item of document.querySelectorAll("#views a")) {
    item.href = link(item.dataset.view, { app: app?.sdkappid });
    if (item.dataset.view === name) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[name]} – tencent-chat-emulator`;
  const shown = `${name} ${app?.sdkappid}`;
  if (current?.shown === shown && current.view?.update) {
    current.view.update(params);
    return;
  }
  const isFirst = current === null;
  current?.end.abort();
  current = { shown, end: new AbortController() };
  const mine = current;
  const root = h("div", { id: `view-${name}` });
  show(
    main,
    h("h1", {}, VIEWS[name]),
    wanted && String(app?.sdkappid) !== wanted && h("p", { class: "error" }, `There is no app ${wanted}.`),
    app ? root : h("p", {}, "The emulator has no app. POST /_emulator/v1/apps makes one."),
  );
  if (!app) return;
  const { mount } = await import(`./${name}.js`);
  if (mine !== current) return;
  mine.view = (await mount(root, { app, params, signal: mine.end.signal })) ?? {};
  // A link of the view before had the focus.
  if (mine === current && !isFirst && document.activeElement === document.body) main.focus();
}

function listApps(apps, chosen) {
  const option = ({ sdkappid }) =>
    h("option", { value: sdkappid, selected: sdkappid === chosen?.sdkappid }, String(sdkappid));
  show(appList, apps.map(option));
}

function start() {
  const item = ([name, title]) => h("li", {}, h("a", { "data-view": name, href: link(name) }, title));
  show(document.getElementById("views"), Object.entries(VIEWS).map(item));
  appList.addEventListener("change", () => go(link(read().view, { app: appList.value })));
  window.addEventListener("hashchange", refresh);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  watchReach((isThere) => {
    const wasGone = !gone.hidden;
    gone.hidden = isThere;
    // A view that is there stays, with what was typed.
    if (isThere && wasGone && !current?.view) refresh();
  });
  refresh();
  about().catch(() => {});
}

/** Says which emulator this is, and what is lost when it stops. */
async function about() {
  const [{ version }, config] = await Promise.all([api("GET", "/health"), api("GET", "/config")]);
  show(document.getElementById("version"), version);
  const file = config.find(({ key }) => key === "state_file");
  const kept = file ? `The accounts of the configured apps are kept in ${file.value}; everything else` : "What it keeps";
  show(document.getElementById("about"), `For development and tests; not Tencent's. ${kept} is lost when it stops.`);
}

async function refresh() {
  try {
    await display();
  } catch (error) {
    if (error.name === "AbortError") return;
    current?.end.abort();
    current = null;
    show(main, h("h1", {}, "Error"), h("p", { class: "error" }, error.message));
  }
}

start();
