// Which samples are shown and in which order: the same for the gallery and for "previous" and "next" on a sample's page.
const shownVariants = (gallery, state) => {
  const left = gallery.names.filter((name) => !state.hide.includes(name));
  return left.length ? left : gallery.names;
};
const sortValue = (sample, gallery, state, shown) => {
  const metric = gallery.metrics[gallery.place[state.sort]], sign = signOf(metric) || 1;
  const of = (name) => gallery.value(sample.cells[name], metric.name);
  const best = () => shown.map(of).filter((found) => found !== null).reduce((a, b) => (a === null || sign * (b - a) > 0 ? b : a), null);
  const first = state.of in sample.cells ? of(state.of) : best();
  if (!(state.minus in sample.cells)) return first;
  const second = of(state.minus);
  return first === null || second === null ? null : first - second;
};
const arrange = (gallery, state) => {
  const shown = shownVariants(gallery, state);
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const tags = state.tags.filter((name) => name in TAGS);
  const found = gallery.samples.filter((sample) =>
    words.every((word) => sample.text.includes(word))
    && tags.every((name) => TAGS[name][2](sample, shown, gallery))
    && (!state.chosen || (state.chosen === "-" ? !sample.chosen : sample.chosen === state.chosen)));
  const turn = state.worst ? -1 : 1;
  if (state.sort === "disputed") {
    const share = ({ dispute }) => (dispute.of ? dispute.against / dispute.of : -1);
    const lead = (a, b) => (a.dispute.lead === b.dispute.lead ? 0 : a.dispute.lead - b.dispute.lead);
    return found.sort((a, b) => turn * (share(b) - share(a) || lead(a, b)) || a.i - b.i);
  }
  if (!(state.sort in gallery.place)) return state.worst ? found.reverse() : found;
  const sign = (signOf(gallery.metrics[gallery.place[state.sort]]) || 1) * turn;
  const keys = new Map(found.map((sample) => [sample, sortValue(sample, gallery, state, shown)]));
  return found.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    if (x === null || y === null) return (x === null) - (y === null) || a.i - b.i; // without a value: last, either way
    return sign * (y - x) || a.i - b.i;
  });
};
