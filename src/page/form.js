// A form made from a JSON schema of openapi.json.

import { field, h, plainButton, prose, rowOf, select } from "./dom.js";
import { isObject, parseJson } from "./json.js";

/**
 * A form for `value`, an object with this schema. `onChange` is called after a change of a field, with `true` if
 * fields were added or removed, so that the form has to be made again. Fields that the schema does not have
 * stay as they are.
 */
export function schemaForm(schema, value, schemas, onChange) {
  const resolve = (of) => (of?.$ref ? schemas[of.$ref.split("/").pop()] : of ?? {});
  return objectFields(resolve(schema), value, resolve, onChange);
}

/** The objects whose optional fields are shown. */
const opened = new WeakSet();

/** A longer list would make the page slow. */
const MAX_ITEMS = 50;

function objectFields(schema, value, resolve, onChange) {
  const required = schema.required ?? [];
  const names = Object.keys(schema.properties ?? {});
  const isShown = (name) => required.includes(name) || name in value;
  const one = (name) => {
    const schemaOfField = resolve(schema.properties[name]);
    const isMarked = required.includes(name) && !schemaOfField.description?.startsWith("Required");
    return property(isMarked ? `${name} (required)` : name, schemaOfField, value, name, resolve, onChange);
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
    const title = `${name} ${at + 1}`;
    const removeButton = plainButton(`Remove ${title}`, () => remove(at), { class: "quiet" });
    if (schema.properties && isObject(item)) {
      return group(title, null, objectFields(schema, item, resolve, onChange), removeButton);
    }
    return rowOf(field(title, leaf(schema, [schema.type ?? []].flat(), items, at, onChange)), removeButton);
  };
  const more = plainButton(`Add to ${name}`, add);
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
  if (types.includes("string") && !schema.enum) return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
