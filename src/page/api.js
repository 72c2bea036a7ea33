// Calls the control API, and reads its stream of calls.

import { query } from "./address.js";
import { ask, field, h } from "./dom.js";
import { pause, repeat } from "./time.js";

const PREFIX = "/_emulator/v1";

/** The control token, kept until the tab is closed. The address never has it. */
const TOKEN = "control-token";

/** The pause before the next attempt to reach the emulator, and how long it may take, in milliseconds. */
const PAUSE = 1000;
const DEADLINE = 3000;

let description = null;

/** openapi.json, which is fetched once. */
export function openapi() {
  description ??= api("GET", "/openapi.json").catch((error) => {
    description = null;
    throw error;
  });
  return description;
}

/** An answer that is not a success. `errors` has the invalid fields: `{ part, pointer, detail }`. */
export class ApiError extends Error {
  constructor(status, { detail, errors = [] }) {
    super(detail || `HTTP ${status}`);
    this.status = status;
    this.errors = errors;
  }
}

/** Whether a token was entered in this tab. */
export function hasToken() {
  return Boolean(sessionStorage.getItem(TOKEN));
}

/** Tells a listener every second whether the emulator answers. A suspended process still accepts calls, hence the deadline. */
export function watchReach(onReach) {
  const isReached = () => fetch("/healthz", { signal: AbortSignal.timeout(DEADLINE) }).then(() => true, () => false);
  repeat(async () => onReach(await isReached()), PAUSE);
}

/** The emulator did not answer, or broke its answer off. */
export class UnreachableError extends Error {}

/** Calls a route such as `GET /apps`, and returns its JSON. Asks for the token if the emulator wants one. */
export async function api(method, route, body, signal) {
  const init = { method, signal, headers: {} };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  const answer = await callControl(PREFIX + route, init);
  const text = await textOf(answer);
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
  const text = await textOf(response);
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
    throw new UnreachableError("the emulator did not answer");
  }
}

async function textOf(response) {
  try {
    return await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new UnreachableError("the answer broke off");
  }
}

/** Calls the control API with the token. */
async function callControl(path, init) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    if (token) init.headers.Authorization = `Bearer ${token}`;
    const answer = await reach(path, init);
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    if (answer.status !== 401) throw new ApiError(answer.status, problem);
    // Another call may have asked already.
    if (sessionStorage.getItem(TOKEN) === token) await askToken(Boolean(token));
  }
}

let asking = null;

/** Asks for the token, once for all calls that wait for it. */
function askToken(wasRefused) {
  asking ??= (async () => {
    // A header has no other characters, and is not empty.
    const input = h("input", { type: "password", required: true, pattern: "[ -~]*[!-~][ -~]*", autocomplete: "off" });
    await ask(
      { "aria-label": "Control token", oncancel: (event) => event.preventDefault() },
      h("h2", {}, "Control token"),
      h("p", {}, "The emulator printed it at its start; or EMULATOR__CONTROL__TOKEN has it, or control.token of its configuration."),
      wasRefused && h("p", { class: "error", role: "alert" }, "The emulator rejected this token."),
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
 * `filter` has the fields of `GET /events`; without `since`, the stream starts with the next call. The reader's
 * `onCall` gets each call, its `onDropped` the id up to which calls are lost, its `onRestart` that a new emulator
 * answers, which counts its calls from 1. Its `process` is the emulator that was read, also by an earlier stream.
 */
export async function events(filter, reader, signal) {
  let { since } = filter;
  while (!signal.aborted) {
    const visible = new AbortController();
    const hide = () => document.hidden && visible.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      // A hidden tab keeps no connection: a browser has only six for a server.
      while (document.hidden && !signal.aborted) await pause(PAUSE);
      const process = await processOf(signal);
      if (reader.process && reader.process !== process) {
        since = 0;
        reader.onRestart?.();
      }
      reader.process = process;
      if (since === undefined) since = (await api("GET", "/requests?limit=1", undefined, signal)).last_id;
      const route = `/events${query({ ...filter, since })}`;
      const stop = AbortSignal.any([signal, visible.signal]);
      const answer = await callControl(PREFIX + route, { headers: {}, signal: stop });
      for await (const event of parse(answer.body)) {
        if (event.event === "call") {
          since = Number(event.id);
          reader.onCall(JSON.parse(event.data));
        } else if (event.event === "dropped") reader.onDropped?.(Number(event.data));
      }
    } catch (error) {
      // A rejected request is not tried again.
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

/** The events of a stream, each with its fields `event`, `id` and `data`. */
async function* parse(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = block.split("\n").map((line) => line.match(/^(\w+): ?(.*)$/s)?.slice(1, 3));
        yield Object.fromEntries(fields.filter(Boolean));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
