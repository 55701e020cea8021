// Small helpers for elements; texts go in as text, never as HTML.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};
const byId = (id) => document.getElementById(id);
const isTyping = ({ target, ctrlKey, metaKey, altKey }) => ctrlKey || metaKey || altKey || target.matches("input:not([type=checkbox]), select, textarea");
const sayMissing = (link) => {
  const note = byId("moved");
  if (!note.hidden) return;
  byId("moved-link").textContent = link;
  note.hidden = false;
};
