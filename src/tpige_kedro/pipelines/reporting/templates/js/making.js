// How the clips of a sample were made: what differs between the variants first, then what they have alike.
const showMaking = (data, id) => {
  const names = data.variants.map((variant) => variant.name).filter((name) => data.facts[name]?.clips[id]);
  if (!names.length) return;
  const facts = names.map((name) => ({ ...data.facts[name].shared, ...data.facts[name].clips[id] }));
  const keys = [...new Set(facts.flatMap(Object.keys))];
  const text = (value) => (value === undefined || value === "" ? "–" : String(value));
  const cell = (value, span) => { // hashes are cut, and whole in the tooltip
    const whole = text(value), hash = /^[0-9a-f]{32,}$/.test(whole);
    return make("td", { colspan: span, title: hash ? whole : null }, hash ? `${whole.slice(0, 10)}…` : whole);
  };
  const alike = (key) => facts.length > 1 && facts.every((found) => text(found[key]) === text(facts[0][key]));
  const line = (key) => make("tr", {}, make("th", { scope: "row" }, key), ...facts.map((found) => cell(found[key])));
  const same = (key) => make("tr", {}, make("th", { scope: "row" }, key), cell(facts[0][key], facts.length));
  const head = make("tr", {}, make("th", { scope: "col" }, "Record"), ...names.map((name) => make("th", { scope: "col", class: "left" }, name)));
  byId("record").append(make("thead", {}, head), make("tbody", {}, ...keys.filter((key) => !alike(key)).map(line)));
  byId("alike").append(make("tbody", {}, ...keys.filter(alike).map(same)));
  byId("commands").append(...names.map((name) => make("li", {}, `${name}: `, make("code", {}, `kedro run --pipelines=full --params=run_variants=${name}`))));
  if (keys.every(alike)) { byId("record").parentElement.hidden = true; byId("alike").closest("details").open = true; }
  byId("made").hidden = false;
};
