// Relationships as a list of edges, as a picture and as a table.

import { counted, h, plainButton, svg, table } from "./dom.js";
import { utc } from "./time.js";

/** The size of the picture in a wide and in a narrow window. */
export const WIDE = { width: 900, height: 640 };
export const NARROW = { width: 420, height: 700 };

/** With more accounts, names are shorter, and relations of others than the chosen account are faint. */
const MANY = 25;

/** The kinds of relations, as they are named in the picture. */
export const KINDS = { mutual: "friends", friend: "friend, one way", pending: "pending", blocked: "blocked" };

/** The relations between the accounts, which are documents by UserID: `{ kind, from, to, since, about }`. */
export function edgesOf(accounts) {
  const edges = [];
  for (const [user, account] of Object.entries(accounts)) {
    const add = (kind, to, since, about = "") =>
      Object.hasOwn(accounts, to) && edges.push({ kind, from: user, to, since, about });
    for (const { to, mutual, add_time: since, remark, groups = [] } of account.friends) {
      // A pair is drawn once.
      if (mutual && Object.hasOwn(accounts, to) && to < user) continue;
      add(mutual ? "mutual" : "friend", to, since, [remark, ...groups].filter(Boolean).join(", "));
    }
    for (const { to, add_time: since } of account.blocklist) add("blocked", to, since);
    for (const { with: to, add_time: since, add_wording: wording } of account.sent) add("pending", to, since, wording);
  }
  return edges;
}

/** The relations as a table. `choose` is called with the account that the user chooses. */
export function edgeTable(edges, choose) {
  const name = (user, edge, end) =>
    plainButton(user, () => choose(user), { class: "quiet", "data-name": `${keyOf(edge)} ${end}` });
  const row = (edge) => {
    const { kind, from, to, since, about } = edge;
    return [name(from, edge, "from"), KINDS[kind], name(to, edge, "to"), since ? utc(since) : "", about];
  };
  const heads = ["From", "Relation", "To", "Since", "Remark, groups, wording"];
  return edges.length ? table("Relations", heads, edges.map(row)) : h("p", {}, "No relations.");
}

/** The legend. */
export function legend() {
  const mark = (kind) => h("li", {},
    svg("svg", { width: 44, height: 14, "aria-hidden": "true" }, line(kind, { x: 2, y: 7 }, { x: 42, y: 7 })), ` ${KINDS[kind]}`);
  return h("ul", { class: "row plain legend" }, Object.keys(KINDS).map(mark));
}

/**
 * A picture of accounts and edges. `places` keeps the place of each account, so that a change moves nothing else.
 * `choose` is called with the account that the user chooses; `before` has the keys of the edges that were drawn before.
 */
export function picture(names, edges, size, places, chosen, choose, before) {
  const isLarge = names.length > MANY;
  layOut(names, edges, size, places);
  // Further edges of a pair are drawn beside the first.
  const drawn = new Map();
  const edgeLine = (edge) => {
    const { kind, from, to } = edge;
    const pair = JSON.stringify([from, to].sort());
    const nth = drawn.get(pair) ?? 0;
    drawn.set(pair, nth + 1);
    const element = line(kind, places.get(from), places.get(to), nth * 6);
    element.classList.toggle("new", before !== null && !before.has(keyOf(edge)));
    element.classList.toggle("far", isLarge && names.includes(chosen) && from !== chosen && to !== chosen);
    return element;
  };
  const node = (name) => {
    const { x, y } = places.get(name);
    const press = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(name);
    };
    const relations = edges.filter(({ from, to }) => from === name || to === name).length;
    return svg("g", {
      class: name === chosen ? "node chosen" : "node", tabindex: 0, role: "button", "aria-pressed": String(name === chosen),
      "data-name": name, transform: `translate(${x} ${y})`,
      onclick: () => choose(name), onkeydown: press,
    }, svg("title", {}, `${name}, ${counted(relations, "relation")}`), svg("circle", { r: 7 }),
      svg("text", { y: 21 }, shortened(name, isLarge ? 4 : 8)));
  };
  const attributes = { viewBox: `0 0 ${size.width} ${size.height}`, class: "graph", role: "group", "aria-label": "Graph of the accounts" };
  // What is last is above the others.
  const sorted = [...names].sort((one, other) => (one === chosen) - (other === chosen));
  return svg("svg", attributes, edges.map(edgeLine), sorted.map(node));
}

/** A long name without its middle: numbered names differ at the end. */
function shortened(name, kept) {
  return name.length > 2 * kept + 2 ? `${name.slice(0, kept)}…${name.slice(-kept - 1)}` : name;
}

export function keyOf({ kind, from, to }) {
  return JSON.stringify([kind, from, to]);
}

/** A line with its end: an arrow for one way, a bar for blocked. It is moved aside by some units. */
function line(kind, from, to, aside = 0) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const gap = length > 60 ? 10 : 2;
  const place = ({ x, y }, along) => ({ x: x + dx * along - dy * aside, y: y + dy * along + dx * aside });
  const [a, b] = [place(from, gap), place(to, -gap)];
  const side = (back, width) => `${b.x - dx * back - dy * width} ${b.y - dy * back + dx * width}`;
  const arrow = `M${side(7, 4)} L${b.x} ${b.y} L${side(7, -4)}`;
  const end = { friend: arrow, pending: arrow, blocked: `M${side(0, 6)} L${side(0, -6)}` }[kind];
  return svg("g", { class: `edge ${kind}` }, svg("path", { d: `M${a.x} ${a.y} L${b.x} ${b.y}` }), end && svg("path", { d: end }));
}

/**
 * Gives each account a place: accounts repel each other, relations attract, and the step becomes smaller
 * (Fruchterman and Reingold). Accounts that have a place stay there.
 */
function layOut(names, edges, { width, height }, places) {
  for (const name of [...places.keys()]) if (!names.includes(name)) places.delete(name);
  const added = names.filter((name) => !places.has(name));
  if (added.length === 0) return;
  const [x, y] = [width / 2, height / 2];
  added.forEach((name, at) => {
    const angle = (2 * Math.PI * at) / added.length;
    places.set(name, { x: x + x * 0.8 * Math.cos(angle), y: y + y * 0.8 * Math.sin(angle) });
  });
  const ideal = Math.min(150, 0.7 * Math.sqrt((width * height) / names.length));
  // Many relations would pull all accounts to one point.
  const weight = 1 / (ideal * Math.max(1, edges.length / names.length));
  for (let heat = 40; heat > 1; heat *= 0.96) {
    const moves = new Map(added.map((name) => [name, { x: 0, y: 0 }]));
    /** Moves an account along the way to another; a negative force repels. */
    const pull = (name, other, force) => {
      const [move, here, there] = [moves.get(name), places.get(name), places.get(other)];
      if (!move) return;
      const [dx, dy] = [there.x - here.x, there.y - here.y];
      const by = force(Math.max(1, Math.hypot(dx, dy)));
      move.x += dx * by;
      move.y += dy * by;
    };
    for (const name of added) {
      for (const other of names) pull(name, other, (distance) => -((ideal / distance) ** 2));
      const here = places.get(name);
      moves.get(name).x += x - here.x;
      moves.get(name).y += (y - here.y) * 1.5;
    }
    for (const { from, to } of edges) {
      pull(from, to, (distance) => distance * weight);
      pull(to, from, (distance) => distance * weight);
    }
    for (const [name, move] of moves) {
      const here = places.get(name);
      const length = Math.max(1, Math.hypot(move.x, move.y));
      const step = Math.min(length, heat) / length;
      here.x += move.x * step;
      here.y += move.y * step;
    }
  }
  const moved = added.map((name) => places.get(name));
  fit(moved, "x", 50, width - 50, added.length === names.length);
  fit(moved, "y", 15, height - 30, added.length === names.length);
}

/** Moves places between two bounds: all places of a picture come closer to each other, or single ones move. */
function fit(places, axis, low, high, isAll) {
  const values = places.map((place) => place[axis]);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const scale = Math.min(1, (high - low) / (max - min || 1));
  for (const place of places) {
    if (isAll) place[axis] = (low + high) / 2 + (place[axis] - (min + max) / 2) * scale;
    else place[axis] = Math.min(high, Math.max(low, place[axis]));
  }
}
