// The data as samples with a cell per variant, and what the tags mean.
const fill = (pattern, cell) => pattern.replaceAll("{variant}", cell.variant || "").replaceAll("{sample_id}", cell.sample);
const signOf = (metric) => ({ higher: 1, lower: -1, neither: 0 })[metric.better];
const short = (value) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const text = value.toFixed(size < 10 ? 3 : size < 100 ? 2 : 1);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
};
const signed = (value) => (Number(value.toFixed(3)) > 0 ? "+" : "") + short(value);
const readGallery = (data) => {
  const place = Object.fromEntries(data.metrics.map((metric, i) => [metric.name, i]));
  const variants = data.variants.map((variant) => variant.name);
  const cellOf = (sample, i, variant) => ({
    sample,
    variant,
    values: data.scores[variant][i],
    why: (data.why[variant] || {})[i] || "",
  });
  const samples = data.samples.map(([id, person, prompt, enhanced, chosen, reason], i) => ({
    i, id, person, prompt, enhanced, chosen, reason,
    text: [id, person, prompt, enhanced].join(" ").toLowerCase(),
    cells: Object.fromEntries(variants.map((variant) => [variant, cellOf(id, i, variant)])),
  }));
  const value = (cell, name) => {
    const found = cell && cell.values && name in place ? cell.values[place[name]] : null;
    return found === undefined ? null : found;
  };
  const gallery = { ...data, place, names: variants, samples, value };
  for (const sample of samples) sample.dispute = disputeOf(sample, gallery);
  return gallery;
};
// How many of the metrics another expert is better in than the chosen one, and by how much the choice leads in Overall.
const disputeOf = (sample, gallery) => {
  const experts = gallery.variants.filter((variant) => variant.expert && variant.name !== sample.chosen).map((variant) => variant.name);
  const own = sample.cells[sample.chosen];
  if (!own || !own.values || !experts.length) return { against: 0, of: 0, lead: Infinity };
  let against = 0, of = 0;
  for (const metric of gallery.metrics) {
    const sign = signOf(metric), mine = gallery.value(own, metric.name);
    if (!sign || mine === null || metric.name === "overall" || metric.name === "face_rate") continue;
    of += 1;
    if (experts.some((name) => { const theirs = gallery.value(sample.cells[name], metric.name); return theirs !== null && sign * (theirs - mine) > 0; })) against += 1;
  }
  const others = experts.map((name) => gallery.value(sample.cells[name], "overall")).filter((found) => found !== null);
  return { against, of, lead: others.length ? gallery.value(own, "overall") - Math.max(...others) : Infinity };
};
const isDisputed = (sample) => sample.dispute.of > 0 && 2 * sample.dispute.against >= sample.dispute.of;
const isHidden = (cell, gallery) => { const rate = gallery.value(cell, "face_rate"); return rate !== null && rate < 1; };
const TAGS = {
  failed: ["failed", "a clip or its scores are missing", (sample, shown) => shown.some((name) => !sample.cells[name].values)],
  hidden: ["hidden face", "a clip has frames without a face", (sample, shown, gallery) => shown.some((name) => isHidden(sample.cells[name], gallery))],
  disputed: ["disputed", "in half of the metrics or more, another expert is better than the chosen one", (sample) => isDisputed(sample)],
};
