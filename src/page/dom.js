// Makes elements. Text stays text: nothing here parses HTML.

import { later } from "./time.js";

/**
 * A new element: `h("button", { class: "main", onclick: send }, "Send")`. An attribute that begins with "on" is
 * a listener; `true` sets an attribute without a value; `false`, `null` and `undefined` leave it out. Children
 * are nodes, texts, or lists of these.
 */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** A new element of SVG. */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...shown(children));
  return element;
}

/** A form that the browser does not submit. */
export function formOf(attributes, ...children) {
  return h("form", { ...attributes, onsubmit: (event) => event.preventDefault() }, children);
}

/** Controls beside each other. */
export function rowOf(...children) {
  return h("div", { class: "row" }, children);
}

/** A text that is shown only when it is asked for. */
export function detailsOf(title, ...children) {
  return h("details", {}, h("summary", {}, title), children);
}

/** Sets a text, unless it is shown already. */
export function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Replaces all children of an element. */
export function show(element, ...children) {
  element.replaceChildren(...shown(children));
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== false && child != null);
}

/** A button that does something at once, and cannot fail. */
export function plainButton(text, press, attributes) {
  return h("button", { type: "button", onclick: press, ...attributes }, text);
}

/**
 * A button that does something. While it runs, a second press does nothing. An error is shown beside it, until a
 * button succeeds.
 */
export function button(text, run, attributes) {
  const error = h("span", { class: "error", role: "alert" });
  let running = false;
  const press = async () => {
    if (running) return;
    running = true;
    element.setAttribute("aria-busy", "true");
    show(error);
    try {
      await run(element);
      for (const old of document.querySelectorAll(".action > .error")) show(old);
    } catch (failure) {
      if (failure.name !== "AbortError") show(error, ` ${failure.message}`);
    } finally {
      running = false;
      element.removeAttribute("aria-busy");
    }
  };
  const element = plainButton(text, press, attributes);
  return h("span", { class: "action" }, element, error);
}

let fields = 0;

/** A control with its label: `field("Seconds", h("input", { type: "number" }))`. */
export function field(label, control, hint) {
  control.id ||= `field-${(fields += 1)}`;
  const about = hint && h("small", { id: `${control.id}-hint` }, hint);
  if (about) control.setAttribute("aria-describedby", about.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, about);
}

/** A list to choose from. An option is a text, or a pair of value and text. */
export function select(options, chosen, attributes) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const option = ([value, text]) =>
    h("option", { value, selected: String(value) === String(chosen ?? "") }, text);
  return h("select", attributes, pairs.map(option));
}

/** A table. A cell is a text or a node; the first cell of a row is its header. */
export function table(caption, heads, rows) {
  const row = (cells) =>
    h("tr", {}, cells.map((cell, at) => (at ? h("td", {}, cell) : h("th", { scope: "row" }, cell))));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(row)),
    ),
  );
}

/** A block of code or JSON, with a button that copies it. `value` is a text, or is shown as JSON. */
export function code(label, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return h(
    "figure",
    { class: "code" },
    h("figcaption", {}, label, copyButton(() => text, `Copy: ${label}`)),
    h("pre", { tabindex: "0", role: "region", "aria-label": label }, text),
  );
}

/** A button that copies the result of `makeText`. `label` is what it is called where it is not seen. */
export function copyButton(makeText, label, caption = "Copy") {
  const copy = async () => {
    await copyText(makeText());
    announce("Copied");
  };
  return button(caption, copy, { "aria-label": label, class: "quiet" });
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // A browser has no clipboard for pages that come over plain HTTP from another machine.
  const focused = document.activeElement;
  const area = h("textarea", { class: "hidden" }, text);
  focused.after(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  focused.focus();
  if (!isCopied) throw new Error("the browser does not copy from this page");
}

/** A code with its state: 0 is good. */
export function codeMark(code) {
  return h("span", { class: code === 0 ? "ok" : "bad" }, String(code));
}

/** Shows a dialog until one of its buttons is pressed, whose value is returned. The focus returns to where it was. */
export function ask(attributes, ...children) {
  return new Promise((done) => {
    const dialog = h("dialog", attributes, h("form", { method: "dialog" }, children));
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks a question, and returns whether the answer is yes. */
export async function confirm(question) {
  const answers = rowOf(h("button", { value: "yes", class: "main" }, "Yes"), h("button", { value: "no" }, "No"));
  return (await ask({ "aria-label": question }, h("p", {}, question), answers)) === "yes";
}

const hideStatus = later(() => document.getElementById("status").classList.add("hidden"), 4000);

/** Says something to a screen reader, and shows it for some seconds. */
export function announce(text) {
  const status = document.getElementById("status");
  show(status, text);
  status.classList.remove("hidden");
  hideStatus();
}

/** `1 call`, `2 calls`. */
export function counted(number, noun) {
  return `${number} ${noun}${Number(number) === 1 ? "" : "s"}`;
}

/** A text in which `code` is between backticks. */
export function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

/** The items whose text has every word. */
export function withWords(words, items, textOf) {
  const wanted = words.toLowerCase().split(/\s+/);
  return items.filter((item) => wanted.every((word) => textOf(item).toLowerCase().includes(word)));
}

/** A term of a list of descriptions, with its description, if it has one. */
export function term(name, description) {
  return description && [h("dt", {}, name), h("dd", {}, description)];
}
