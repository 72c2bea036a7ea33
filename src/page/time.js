// Times, which are in seconds since 1970, as texts; and functions that run later or again.

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

/** A function that calls `run` when it was not called again for some time. */
export function later(run, milliseconds = 200) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds, ...values);
  };
}

/** Calls `run` again and again until `signal` aborts, but not while the tab is hidden. Its errors are ignored. */
export async function repeat(run, milliseconds, signal) {
  for (;;) {
    await pause(milliseconds);
    if (signal?.aborted) return;
    if (!document.hidden) await run().catch(() => {});
  }
}
