// Calls the control API, and reads its stream of calls.

import { query } from "./address.js";
import { ask, field, h } from "./dom.js";
import { pause, repeat } from "./time.js";

const PREFIX = "/_emulator/v1";

/** The control token, kept until the tab is closed. The address never has it. */
const TOKEN = "control-token";

/** The pause before the next attempt to reach the emulator, in milliseconds. */
const PAUSE = 1000;

/** An answer that is not a success. `errors` has the invalid fields: `{ part, pointer, detail }`. */
export class ApiError extends Error {
  constructor(status, { detail, errors = [] }) {
    super(detail || `HTTP ${status}`);
    this.status = status;
    this.errors = errors;
  }
}

/** Whether the page sends a token. */
export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

/** Tells a listener every second whether the emulator answers. */
export function watchReach(onReach) {
  repeat(async () => onReach(await fetch("/healthz").then(() => true, () => false)), PAUSE);
}

/** Calls a route such as `GET /apps`, and returns its JSON. Asks for the token if the emulator wants one. */
export async function api(method, route, body, signal) {
  const init = { method, signal, headers: {} };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  const answer = await call(PREFIX + route, init);
  const text = await answer.text();
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  return isJson ? JSON.parse(text) : text;
}

/** Calls what `explain` and `arrange` propose: `{ method, path, body }`, with a path of either API. */
export async function callProposed({ method, path, body }) {
  if (path.startsWith(PREFIX)) return api(method, path.slice(PREFIX.length), body);
  const { answer } = await callRest(path, JSON.stringify(body));
  if (answer.ErrorCode !== 0) throw new Error(`${answer.ErrorCode} ${answer.ErrorInfo}`);
  return answer;
}

/** Calls Tencent's API. `answer` is `null` if the answer is not JSON. */
export async function callRest(path, body, signal) {
  const init = { method: "POST", body, signal, headers: { "Content-Type": "application/json" } };
  const start = performance.now();
  const response = await reach(path, init);
  const text = await response.text().catch(() => {
    throw new Error("the answer broke off");
  });
  const milliseconds = performance.now() - start;
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // A fault can make the answer incomplete.
  }
  return { status: response.status, text, answer, milliseconds };
}

/** `fetch`, with a plain error when the emulator does not answer. */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the emulator did not answer");
  }
}

/** Calls the control API with the token. */
async function call(path, init) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    if (token) init.headers.Authorization = `Bearer ${token}`;
    const answer = await reach(path, init);
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    if (answer.status !== 401) throw new ApiError(answer.status, problem);
    // Another call may have asked already.
    if (sessionStorage.getItem(TOKEN) === token) await askToken(token !== null);
  }
}

let asking = null;

/** Asks for the token, once for all calls that wait for it. */
function askToken(wasRefused) {
  asking ??= (async () => {
    const input = h("input", { type: "password", required: true, autocomplete: "off" });
    await ask(
      { "aria-label": "Control token", oncancel: (event) => event.preventDefault() },
      h("h2", {}, "Control token"),
      h("p", {}, "The emulator printed it at its start, or control.token of its configuration has it."),
      wasRefused && h("p", { class: "error", role: "alert" }, "The emulator refuses this token."),
      field("Token", input),
      h("button", {}, "Use it"),
    );
    sessionStorage.setItem(TOKEN, input.value.trim());
    asking = null;
  })();
  return asking;
}

/**
 * Reads the stream of calls until `signal` aborts, and connects again when it breaks or the tab is shown again.
 * `filter` has the fields of `GET /events`; without `since`, the stream starts with the next call. `onCall` gets
 * each call, `onDropped` the id up to which calls are lost, `onRestart` that a new emulator answers, which
 * counts its calls from 1. `handlers` also remembers the emulator, for a reader that stops and goes on later.
 */
export async function events(filter, handlers, signal) {
  const { onCall, onDropped, onRestart } = handlers;
  let { since } = filter;
  while (!signal.aborted) {
    const visible = new AbortController();
    const hide = () => document.hidden && visible.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      await shown(signal);
      const process = await processOf(signal);
      if (handlers.process && handlers.process !== process) {
        since = 0;
        onRestart?.();
      }
      handlers.process = process;
      if (since === undefined) since = (await api("GET", "/requests?limit=1", undefined, signal)).last_id;
      const route = `/events${query({ ...filter, since })}`;
      const stop = AbortSignal.any([signal, visible.signal]);
      const answer = await call(PREFIX + route, { headers: {}, signal: stop });
      for await (const event of parse(answer.body)) {
        if (event.name === "call") {
          since = Number(event.id);
          onCall(JSON.parse(event.data));
        } else if (event.name === "dropped") onDropped?.(Number(event.data));
      }
    } catch (error) {
      // A rejected filter is not tried again.
      if (error instanceof ApiError && error.status < 500) throw error;
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (!signal.aborted && !document.hidden) await pause(PAUSE);
  }
}

/** Which process answers: another one counts its calls from 1 again. */
export async function processOf(signal) {
  const { pid, started } = await api("GET", "/health", undefined, signal);
  return `${pid} ${started}`;
}

/** Waits until the tab is shown. A hidden tab keeps no connection: a browser has only six for a server. */
function shown(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => {
    document.addEventListener("visibilitychange", done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}

/** The events of a stream. */
async function* parse(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        const [, name, text] = line.match(/^(event|id|data): ?(.*)$/s) ?? [];
        if (name) event[name === "event" ? "name" : name] = text;
      }
      if (event.name) yield event;
    }
  }
}
