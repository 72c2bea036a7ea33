// Times as texts, and what is done later or again. Times are in seconds since 1970, pauses in milliseconds.

/** The date and time. */
export function utc(time) {
  const date = new Date(time * 1000);
  return Number.isNaN(date.getTime()) ? "beyond all dates" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The time of the day, with milliseconds. */
export function timeOfDay(time) {
  return new Date(time * 1000).toISOString().slice(11, 23);
}

export function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** Calls `run` when `pause` has gone without another call. */
export function later(run, pause = 200) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(run, pause, ...values);
  };
}

/** Calls `run` again and again, while the tab is seen, until `signal` aborts. Errors are the banner's subject. */
export async function repeat(run, milliseconds, signal) {
  for (;;) {
    await pause(milliseconds);
    if (signal?.aborted) return;
    if (!document.hidden) await run().catch(() => {});
  }
}
