// What is shown, as the part of the address behind "#": a link to it shows the same again.
const LISTS = ["hide", "tags", "compare"];
const TEXTS = ["q", "chosen", "sort", "of", "minus", "worst", "page"];
const readState = (hash) => {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const state = {};
  for (const name of LISTS) state[name] = (given.get(name) || "").split(",").filter(Boolean);
  for (const name of TEXTS) state[name] = given.get(name) || "";
  return state;
};
const writeState = (state) => {
  const found = new URLSearchParams();
  for (const name of [...LISTS, ...TEXTS]) {
    const value = String(state[name]);
    if (value && !(name === "page" && value === "1")) found.set(name, value);
  }
  const text = found.toString().replaceAll("%2C", ",");
  return text ? `#${text}` : "";
};
