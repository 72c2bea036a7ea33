// Relationships as a list of edges, as a picture and as a table.

import { counted, h, svg, table } from "./dom.js";

const WIDTH = 900;
const HEIGHT = 560;

/** Longer names are shortened in the picture. Their ends stay: numbered names differ there. */
const MAX_NAME = 18;

/** The kinds of relations, as they are named in the picture. */
export const KINDS = { mutual: "friends", friend: "friend, one way", pending: "pending", blocked: "blocked" };

/** The edges between accounts, which are documents by UserID: `{ kind, from, to, since, about }`. */
export function edgesOf(accounts) {
  const edges = [];
  for (const [user, account] of Object.entries(accounts)) {
    for (const friend of account.friends) {
      const { to, mutual, add_time: since, remark, groups = [] } = friend;
      // A pair is drawn once, if the other account is known.
      if (mutual && Object.hasOwn(accounts, to) && to < user) continue;
      edges.push({ kind: mutual ? "mutual" : "friend", from: user, to, since, about: [remark, ...groups].filter(Boolean).join(", ") });
    }
    for (const { to, add_time: since } of account.blocklist) edges.push({ kind: "blocked", from: user, to, since, about: "" });
    for (const { with: to, add_time: since, add_wording: about } of account.sent) edges.push({ kind: "pending", from: user, to, since, about: about ?? "" });
    for (const { with: from, add_time: since, add_wording: about } of account.received) {
      if (!Object.hasOwn(accounts, from)) edges.push({ kind: "pending", from, to: user, since, about: about ?? "" });
    }
  }
  return edges;
}

/** A time of the API, to the minute. */
export const minute = (since) => (since ? new Date(since * 1000).toISOString().slice(0, 16).replace("T", " ") : "");

export function edgeTable(edges) {
  const row = ({ kind, from, to, since, about }) => [from, KINDS[kind], to, minute(since), about];
  return edges.length ? table("Relations", ["From", "Relation", "To", "Since (UTC)", "Remark, groups, wording"], edges.map(row)) : h("p", {}, "No relations.");
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
export function picture(names, edges, places, chosen, choose, before) {
  arrange(names, edges, places);
  const shownEdges = edges.filter(({ from, to }) => places.has(from) && places.has(to));
  const degree = new Map(names.map((name) => [name, 0]));
  for (const { from, to } of shownEdges) for (const end of [from, to]) degree.set(end, degree.get(end) + 1);
  // Further edges of a pair are drawn beside the first.
  const drawn = new Map();
  const edgeLine = (edge) => {
    const pair = JSON.stringify([edge.from, edge.to].sort());
    const nth = drawn.get(pair) ?? 0;
    drawn.set(pair, nth + 1);
    return line(edge.kind, places.get(edge.from), places.get(edge.to), before && !before.has(keyOf(edge)), nth * 6);
  };
  const node = (name) => {
    const { x, y } = places.get(name);
    const press = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(name);
    };
    const label = name.length > MAX_NAME ? `${name.slice(0, 8)}…${name.slice(-9)}` : name;
    return svg("g", {
      class: name === chosen ? "node chosen" : "node", tabindex: 0, role: "button", "aria-pressed": String(name === chosen),
      "data-name": name, transform: `translate(${x} ${y})`,
      onclick: () => choose(name), onkeydown: press,
    }, svg("title", {}, `${name}, ${counted(degree.get(name), "relation")}`), svg("circle", { r: 7 }), svg("text", { y: 21 }, label));
  };
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "graph", role: "group", "aria-label": "Graph of the accounts" },
    shownEdges.map(edgeLine),
    names.map(node));
}

export function keyOf({ kind, from, to }) {
  return JSON.stringify([kind, from, to]);
}

/** A line with its end: an arrow for one way, a bar for blocked. */
function line(kind, from, to, isNew, aside = 0) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const gap = length > 60 ? 10 : 2;
  const place = ({ x, y }, along) => ({ x: x + dx * along - dy * aside, y: y + dy * along + dx * aside });
  const [a, b] = [place(from, gap), place(to, -gap)];
  const side = (back, width) => `${b.x - dx * back - dy * width} ${b.y - dy * back + dx * width}`;
  const end = { mutual: "", friend: `M${side(7, 4)} L${b.x} ${b.y} L${side(7, -4)}`, blocked: `M${side(0, 6)} L${side(0, -6)}` };
  end.pending = end.friend;
  return svg("g", { class: `edge ${kind}${isNew ? " new" : ""}` },
    svg("path", { d: `M${a.x} ${a.y} L${b.x} ${b.y}` }), end[kind] && svg("path", { class: "end", d: end[kind] }));
}

/** Gives each account a place. Accounts that have one stay there; forces move only the others. */
function arrange(names, edges, places) {
  for (const name of [...places.keys()]) if (!names.includes(name)) places.delete(name);
  const added = names.filter((name) => !places.has(name));
  if (added.length === 0) return;
  const [x, y] = [WIDTH / 2, HEIGHT / 2];
  added.forEach((name, at) => {
    const angle = (2 * Math.PI * at) / added.length;
    places.set(name, { x: x + x * 0.8 * Math.cos(angle), y: y + y * 0.8 * Math.sin(angle) });
  });
  const pairs = edges.filter(({ from, to }) => places.has(from) && places.has(to));
  const ideal = Math.min(150, 0.7 * Math.sqrt((WIDTH * HEIGHT) / names.length));
  for (let heat = 40; heat > 1; heat *= 0.96) {
    const moves = new Map(added.map((name) => [name, { x: 0, y: 0 }]));
    for (const name of added) {
      const [here, move] = [places.get(name), moves.get(name)];
      for (const other of names) {
        if (other === name) continue;
        const there = places.get(other);
        const [dx, dy] = [here.x - there.x, here.y - there.y];
        const distance = Math.max(1, Math.hypot(dx, dy));
        const force = (ideal * ideal) / (distance * distance);
        move.x += dx * force;
        move.y += dy * force;
      }
      move.x += (x - here.x) * 0.5;
      move.y += (y - here.y) * 0.8;
    }
    for (const { from, to } of pairs) {
      const [one, other] = [places.get(from), places.get(to)];
      const [dx, dy] = [other.x - one.x, other.y - one.y];
      const force = Math.hypot(dx, dy) / ideal;
      for (const [name, sign] of [[from, 1], [to, -1]]) {
        const move = moves.get(name);
        if (move) {
          move.x += sign * dx * force;
          move.y += sign * dy * force;
        }
      }
    }
    for (const [name, move] of moves) {
      const here = places.get(name);
      const length = Math.max(1, Math.hypot(move.x, move.y));
      const step = Math.min(length, heat);
      here.x = Math.min(WIDTH - 70, Math.max(70, here.x + (move.x / length) * step));
      here.y = Math.min(HEIGHT - 30, Math.max(15, here.y + (move.y / length) * step));
    }
  }
}
