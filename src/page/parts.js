// Helpers of the sections of Trouble.

/** The number that was typed; or the text, so that the emulator says what is wrong. */
export const number = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));

/** Shows a row for each entry of a `Map`. A row that stays is not touched; if one goes, its focus moves to `home`. */
export function keyed(list, home, make) {
  const rows = new Map();
  return (items) => {
    for (const [key, element] of rows) {
      if (items.has(key)) continue;
      if (element.contains(document.activeElement)) home.focus();
      element.remove();
      rows.delete(key);
    }
    for (const [key, item] of items) {
      if (rows.has(key)) continue;
      rows.set(key, make(item));
      list.append(rows.get(key));
    }
  };
}
