// Answers of Tencent's API, and what the query of a recorded call says.

import { codeMark } from "./dom.js";

/** The items of an answer that have a ResultCode: `{ account, ResultCode, ResultInfo }`. */
export function itemsOf(answer) {
  const items = Object.values(answer ?? {}).filter(Array.isArray).flat();
  const found = items.filter((item) => typeof item?.ResultCode === "number");
  return found.map((item) => ({ ...item, account: item.To_Account ?? item.UserID ?? "" }));
}

/** The codes of an answer: the ErrorCode, and the first ResultCode that is not 0. `text` is an answer that is not JSON. */
export function codesOf(answer, text) {
  if (!answer) return ["Answer: ", text || "nothing"];
  const item = itemsOf(answer).find(({ ResultCode: code }) => code !== 0);
  return [
    "Answer: ErrorCode ", codeMark(answer.ErrorCode), ` ${answer.ErrorInfo || answer.ActionStatus}`,
    item && [`, ${item.account} ResultCode `, codeMark(item.ResultCode), ` ${item.ResultInfo}`],
  ];
}

export function newRandom() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** The caller of a recorded call. */
export function callerOf({ query }) {
  return new URLSearchParams(query).get("identifier") ?? "";
}
