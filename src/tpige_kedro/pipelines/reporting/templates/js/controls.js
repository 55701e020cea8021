// What the choices of the gallery are: variants, tags and metrics come from the data.
const buildControls = (gallery, form) => {
  const option = (value, text) => make("option", { value }, text);
  const box = (kind, name, text, title) => make("label", { title }, make("input", { type: "checkbox", [`data-${kind}`]: name }), ` ${text}`);
  form.querySelector(".variants").append(...gallery.variants.map(({ name, description }) => box("show", name, name, description)));
  form.querySelector(".tags").append(...Object.entries(TAGS).map(([name, [title, meaning]]) => box("tag", name, title, meaning)));
  form.chosen.append(...gallery.names.map((name) => option(name, name)), option("-", "nothing"));
  form.sort.append(...gallery.metrics.map(({ name, title }) => option(name, title)));
  for (const select of [form.of, form.minus, form.one, form.other]) select.append(...gallery.names.map((name) => option(name, name)));
  const made = gallery.variants.filter(({ made, device }) => made || device);
  byId("made").append(...made.map(({ name, description, seconds, device, commit, made: day }) => make("tr", {}, make("th", { scope: "row" }, name, make("small", {}, description)), make("td", {}, seconds === null ? "–" : seconds.toFixed(seconds < 10 ? 1 : 0)), ...[device, commit, day].map((text) => make("td", { class: "left" }, text)))));
};
