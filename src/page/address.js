// The address holds what is shown: `#/traffic?app=88888888&command=friend_add`.

/** The view and its parameters. */
export function read() {
  const [view, text = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view, params: new URLSearchParams(text) };
}

/** An address for a link. Values that are not given are left out; the app stays, unless it is given. */
export function link(view, values = {}) {
  const all = { app: read().params.get("app"), ...values };
  const given = Object.entries(all).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${view}${text && `?${text}`}`;
}

/** Changes parameters of this view, without a new entry in the history. */
export function keep(values) {
  const { view, params } = read();
  const address = link(view, { ...Object.fromEntries(params), ...values });
  if (address !== location.hash) history.replaceState(null, "", address);
}

/** Goes to another address. */
export function go(view, values) {
  location.hash = link(view, values);
}
