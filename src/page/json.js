// Reads JSON without loss, and names the place of an error.

/**
 * Reads JSON. A number that JavaScript would write in another way, such as 1.0 or one of twenty digits, keeps its
 * text, if the browser can do that.
 */
export function parseJson(text) {
  return JSON.parse(text, (key, value, context) => {
    const isOther = typeof value === "number" && context?.source && context.source !== String(value);
    return isOther ? JSON.rawJSON(context.source) : value;
  });
}

/** JSON with line breaks. A text that would lose something, such as a repeated field, stays as it is. */
export function indented(text) {
  const compact = text.replace(/("(?:\\.|[^"\\])*")|\s+/g, "$1");
  try {
    const value = parseJson(text);
    return JSON.stringify(value) === compact ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !JSON.isRawJSON?.(value);
}

/** Why a body is not a JSON object, with the place, which not every browser names; "" if it is one. */
export function jsonError(text) {
  try {
    return isObject(JSON.parse(text)) ? "" : "This is JSON, but not an object.";
  } catch {
    const at = goodLength(text);
    const lines = text.slice(0, at).split("\n");
    const end = at === text.length;
    const found = end ? "the text ends too early" : `unexpected ${String.fromCodePoint(text.codePointAt(at))}`;
    return `Not JSON at line ${lines.length}, column ${lines.at(-1).length + 1}: ${found}.`;
  }
}

const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** The length of the part of a text that is the beginning of JSON. */
function goodLength(text) {
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.test(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const eat = (pattern) => match(/[ \t\n\r]*/y) && match(pattern);
  const list = (end, item) => {
    if (eat(end)) return true;
    do {
      if (!item()) return false;
    } while (eat(/,/y));
    return eat(end);
  };
  const value = () => {
    if (eat(/\{/y)) return list(/\}/y, () => eat(STRING) && eat(/:/y) && value());
    if (eat(/\[/y)) return list(/\]/y, value);
    return eat(STRING) || eat(SCALAR);
  };
  if (value()) eat(/$/y);
  return at;
}
