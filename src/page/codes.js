// Every code, with its provenance.

import { keep, link } from "./address.js";
import { api } from "./api.js";
import { codeMark, field, formOf, h, prose, select, show, term, withWords } from "./dom.js";
import { later } from "./time.js";

export async function mount(root, { params, signal }) {
  const codes = await api("GET", "/codes", undefined, signal);
  const search = h("input", { type: "search", autocomplete: "off" });
  const provenances = [...new Set(codes.map((code) => code.code_is))].sort();
  const provenance = select([["", "any"], ...provenances]);
  const count = h("p", { role: "status" });
  const list = h("div", { class: "cards" });
  const find = () => {
    const known = codes.filter((code) => !provenance.value || code.code_is === provenance.value);
    const text = ({ recorded, ...code }) => [Object.values(code), Object.values(recorded ?? {})].flat(2).join(" ");
    const found = withWords(search.value, known, text);
    show(count, `${found.length} of ${codes.length} outcomes`);
    show(list, found.map(card));
    keep("codes", { search: search.value, known: provenance.value });
  };
  const update = (now) => {
    search.value = now.get("search") ?? "";
    provenance.value = now.get("known") ?? "";
    find();
  };
  search.addEventListener("input", later(find));
  provenance.addEventListener("change", find);
  show(root, formOf({ class: "filter", role: "search" }, field("Search", search), field("Known from", provenance)), count, list);
  update(params);
  return { update };
}

function card(code) {
  return h(
    "article",
    { class: "card" },
    h("h2", {}, codeMark(code.code), ` ${code.outcome}`),
    h("p", {}, prose(code.meaning)),
    h("dl", {},
      term("Text", code.info && h("code", {}, code.info)),
      term("Causes", h("ul", {}, code.causes.map((cause) => h("li", {}, prose(cause))))),
      term("Fix", prose(code.fix)),
      term("How to get it", prose(code.how)),
      term("Code known from", code.code_is),
      term("Text known from", code.info_is),
      term("Recorded", code.recorded && `${code.recorded.commands.join(", ")} (${code.recorded.years}): ${code.recorded.code} ${code.recorded.info}`),
    ),
    h("p", {}, h("a", { href: link("trouble", { code: code.outcome }) }, `Arrange ${code.outcome}`)),
  );
}
