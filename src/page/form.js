// A form made from a JSON schema of openapi.json.

import { field, h, prose, rowOf, select } from "./dom.js";

let fetched = null;

/** openapi.json, which is fetched once. */
export function openapi(api) {
  fetched ??= api("GET", "/openapi.json").catch((error) => {
    fetched = null;
    throw error;
  });
  return fetched;
}

/**
 * A form for `value`, an object with this schema. `onChange` is called after a change of a field, with `true` if
 * fields were added or removed, so that the form has to be made again. Fields that the schema does not have
 * stay as they are.
 */
export function schemaForm(schema, value, schemas, onChange) {
  const resolve = (of) => (of?.$ref ? schemas[of.$ref.split("/").pop()] : of ?? {});
  return objectFields(resolve(schema), value, resolve, onChange);
}

/** Why a body is not a JSON object, with the place, which not every browser names; "" if it is one. */
export function jsonError(text) {
  try {
    const read = JSON.parse(text);
    return isObject(read) ? "" : "This is JSON, but not an object.";
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
    do if (!item()) return false;
    while (eat(/,/y));
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

/** The objects whose optional fields are shown. */
const opened = new WeakSet();

/** A longer list would make the page slow. */
const MAX_ITEMS = 50;

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function objectFields(schema, value, resolve, onChange) {
  const required = schema.required ?? [];
  const names = Object.keys(schema.properties ?? {});
  const isShown = (name) => required.includes(name) || name in value;
  const one = (name) => {
    const { description = "" } = resolve(schema.properties[name]);
    const isTold = !required.includes(name) || description.startsWith("Required");
    const label = isTold ? name : `${name} (required)`;
    return property(label, resolve(schema.properties[name]), value, name, resolve, onChange);
  };
  const toggle = ({ target }) => (target.open ? opened.add(value) : opened.delete(value));
  const [shown, more] = [names.filter(isShown), names.filter((name) => !isShown(name))];
  return [
    ...required.filter((name) => shown.includes(name)).map(one),
    ...shown.filter((name) => !required.includes(name)).map(one),
    more.length > 0 && h("details", { open: opened.has(value), ontoggle: toggle },
      h("summary", {}, `More fields (${more.length})`), more.map(one)),
  ];
}

function property(label, schema, owner, name, resolve, onChange) {
  const types = [schema.type ?? []].flat();
  const hint = schema.description && prose(schema.description);
  const given = owner[name];
  // A value of another type is shown as JSON.
  const fits = types.includes("array") ? Array.isArray(given) : !schema.properties || isObject(given);
  if (given != null && !fits) return field(label, leaf({}, [], owner, name, onChange), hint);
  if (types.includes("array")) return list(label, hint, resolve(schema.items), owner, name, resolve, onChange);
  if (schema.properties) {
    const value = given ?? {};
    const change = (added) => {
      owner[name] = value;
      onChange(added);
    };
    return group(label, hint, objectFields(schema, value, resolve, change));
  }
  return field(label, leaf(schema, types, owner, name, onChange), hint);
}

function group(label, hint, ...children) {
  return h("fieldset", {}, h("legend", {}, label), hint && h("small", {}, hint), children);
}

/** A list of values or of objects, to which items are added and from which they are removed. */
function list(label, hint, schema, owner, name, resolve, onChange) {
  const items = Array.isArray(owner[name]) ? owner[name] : [];
  const remove = (at) => {
    items.splice(at, 1);
    onChange(true);
  };
  const add = () => {
    owner[name] = [...items, schema.properties ? {} : ""];
    onChange(true);
  };
  const entry = (item, at) => {
    const title = `${label.split(" ")[0]} ${at + 1}`;
    const removeButton = h("button", { type: "button", class: "quiet", onclick: () => remove(at) }, `Remove ${title}`);
    if (schema.properties && isObject(item)) {
      return group(title, null, objectFields(schema, item, resolve, onChange), removeButton);
    }
    return rowOf(field(title, leaf(schema, [schema.type ?? []].flat(), items, at, onChange)), removeButton);
  };
  const more = h("button", { type: "button", onclick: add }, `Add to ${label.split(" ")[0]}`);
  return group(label, hint, items.slice(0, MAX_ITEMS).map(entry),
    items.length > MAX_ITEMS && h("p", {}, `${items.length - MAX_ITEMS} more are in the JSON only.`), more);
}

/** The control of a single value. An empty control leaves the field out. */
function leaf(schema, types, owner, name, onChange) {
  const value = owner[name];
  const options = schema.enum ?? (types.includes("boolean") ? [true, false] : null);
  const text = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const change = (event) => {
    const entered = event.target.value;
    if (entered === "" && !Array.isArray(owner)) delete owner[name];
    else owner[name] = parsed(entered, types, schema);
    onChange(false);
  };
  if (options) return select(["", ...options.map(String)], text, { onchange: change });
  const isNumber = types.includes("integer") || types.includes("number");
  const isAny = types.length === 0;
  return h("input", {
    value: text,
    inputmode: isNumber && "numeric",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: isAny && "text or JSON",
    oninput: change,
  });
}

/** What was entered, as the type wants it; else the text, because a call may be wrong on purpose. */
function parsed(text, types, schema) {
  const isText = types.includes("string");
  if (isText && !schema.enum) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
