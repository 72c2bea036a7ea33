// The address holds what is shown: `#/traffic?app=88888888&command=friend_add`.

/** The view and its parameters. */
export function read() {
  const [view, text = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view, params: new URLSearchParams(text) };
}

/** `?a=1&b=2`, without the values that are not given. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** An address for a link. The app stays, unless another is given. */
export function link(view, values) {
  return `#/${view}${query({ app: read().params.get("app"), ...values })}`;
}

/** An address of this view with some other parameters. */
export function linkHere(values) {
  const { view, params } = read();
  return link(view, { ...Object.fromEntries(params), ...values });
}

/** Changes parameters of a view, without a new entry in the history. A view that was left changes nothing. */
export function keep(view, values) {
  if (read().view === view) replace(linkHere(values));
}

/** Changes the address, without a new entry in the history. */
export function replace(address) {
  if (address !== location.hash) history.replaceState(null, "", address);
}

/** Goes to another address. */
export function go(address) {
  location.hash = address;
}
