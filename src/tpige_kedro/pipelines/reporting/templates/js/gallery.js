// The gallery: a page of samples at a time, so that a thousand of them open as fast as ten.
const PAGE = 20;
const startGallery = (gallery) => {
  let state = readState(location.hash);
  let observer = null;
  const inView = new Set();
  const grid = byId("grid"), form = byId("controls");
  const go = (changes, keep = false) => {
    const next = writeState({ ...state, ...(keep ? {} : { page: "" }), ...changes });
    location.replace(next || "#");
  };
  const rows = () => [...grid.children];
  const shotsOf = (row) => [...row.querySelectorAll("button.shot")];

  const shownMetrics = () => {
    const names = [gallery.place.overall === undefined ? gallery.metrics[0]?.name : "overall", state.sort];
    return gallery.metrics.filter((metric) => names.includes(metric.name));
  };
  const bestOf = (sample, metrics, shown) => Object.fromEntries(metrics.map((metric) => {
    const values = shown.map((name) => gallery.value(sample.cells[name], metric.name)).filter((value) => value !== null);
    const sign = signOf(metric);
    return [metric.name, sign && values.length > 1 ? sign * Math.max(...values.map((value) => sign * value)) : undefined];
  }));
  const clipOf = (sample, name) => { const { clip } = linksOf(gallery, sample.cells[name]); return { name, link: clip, poster: null }; };
  const differences = (sample, one, other) => {
    const line = (metric) => {
      const [left, right] = [one, other].map((name) => gallery.value(sample.cells[name], metric.name));
      const known = left !== null && right !== null;
      return make("tr", {}, make("th", { scope: "row", title: metric.source }, metric.title), ...[left, right].map((value) => make("td", {}, short(value))), make("td", {}, known ? signed(left - right) : "–"));
    };
    const head = make("tr", {}, ...["Metric", one, other, "difference"].map((text) => make("th", { scope: "col" }, text)));
    return make("table", {}, make("thead", {}, head), make("tbody", {}, ...gallery.metrics.map(line)));
  };
  const makeComparison = (sample, [one, other]) => {
    const made = comparison(clipOf(sample, one), clipOf(sample, other));
    const play = make("button", { type: "button", onclick: () => (clock.has(made.videos[0]) ? made.videos.forEach(clock.leave) : clock.together(made.videos)) }, "Play or pause");
    made.box.querySelector(".names").after(play);
    return make("div", { class: "pair" }, made.box, differences(sample, one, other));
  };
  const difference = (sample) => {
    if (!(state.sort in gallery.place) || !(state.minus in sample.cells)) return null;
    const value = sortValue(sample, gallery, state, shownVariants(gallery, state));
    return make("span", { class: "tag", "data-difference": value === null ? "nan" : value }, `${state.of || "best"} − ${state.minus}: ${value === null ? "–" : signed(value)}`);
  };
  const makeRow = (sample, shown) => {
    const metrics = shownMetrics(), best = bestOf(sample, metrics, shown);
    const tags = Object.entries(TAGS).filter(([, tag]) => tag[2](sample, shown, gallery)).map(([, [title, meaning]]) => make("span", { class: "tag", title: meaning }, title));
    const link = make("a", { href: fill(gallery.links.page, { sample: sample.id }) + writeState(state) }, sample.id);
    const all = make("button", { type: "button", class: "play", "aria-label": `play or pause all clips of ${sample.id}`, onclick: () => toggleShots(shotsOf(row)) }, "Play row");
    const pair = state.compare.filter((name) => sample.cells[name]?.values);
    const comparing = pair.length === 2;
    const cells = comparing ? [makeComparison(sample, pair)] : shown.map((name) => makeCell(gallery, sample, name, metrics, best));
    const row = make("article", { id: `sample-${sample.id}`, "data-sample": sample.id, tabindex: -1 },
      make("header", {}, make("h2", {}, link), ...tags, difference(sample), comparing ? null : all),
      make("p", { class: "prompt" }, sample.prompt),
      sample.chosen ? null : make("p", { class: "note" }, `nothing was chosen${sample.reason ? `: ${sample.reason}` : ""}`),
      make("div", { class: comparing ? "cells comparing" : "cells" }, ...cells));
    return row;
  };

  const fitControls = () => {
    for (const name of TEXTS) if (form[name] && form[name].value !== state[name]) form[name].value = state[name];
    form.worst.checked = Boolean(state.worst);
    for (const box of form.querySelectorAll("[data-show]")) box.checked = !state.hide.includes(box.dataset.show);
    for (const box of form.querySelectorAll("[data-tag]")) box.checked = state.tags.includes(box.dataset.tag);
    form.one.value = state.compare[0] || "";
    form.other.value = state.compare[1] || "";
    const byMetric = state.sort in gallery.place;
    form.of.disabled = form.minus.disabled = !byMetric;
  };
  const fitPager = (count, page, pages) => {
    for (const pager of document.querySelectorAll(".pager")) {
      pager.hidden = pages < 2;
      pager.querySelector("[data-step='-1']").disabled = page <= 1;
      pager.querySelector("[data-step='1']").disabled = page >= pages;
      pager.querySelector("span").textContent = `page ${page} of ${pages}`;
    }
    byId("count").textContent = count === gallery.samples.length ? `${count} samples` : `${count} of ${gallery.samples.length} samples`;
  };
  const draw = (row) => shotsOf(row).forEach((shot) => drawShot(shot, gallery.frames));
  const drawer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) { draw(target); drawer.unobserve(target); }
  }, { rootMargin: "600px" });
  const watch = () => {
    observer?.disconnect();
    inView.clear();
    observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) inView.add(target);
        else { inView.delete(target); shotsOf(target).forEach(dropVideo); target.querySelectorAll("video").forEach(clock.leave); }
      }
      if (playsView()) playShots([...inView].flatMap(shotsOf).filter((shot) => !shot.classList.contains("missing")));
    }, { rootMargin: "60px" });
    rows().forEach((row) => observer.observe(row));
    drawer.disconnect();
    rows().forEach((row) => drawer.observe(row));
  };
  const button = byId("play-view");
  const playsView = () => button.getAttribute("aria-pressed") === "true";
  const pairs = () => [...inView].flatMap((row) => [...row.querySelectorAll(".stage video")]);
  const playView = (on) => {
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Pause" : "Play all in view";
    const shots = [...inView].flatMap(shotsOf).filter((shot) => !shot.classList.contains("missing"));
    if (on) playShots(shots); else pauseShots(shots);
    if (on) clock.together(pairs().filter((video) => !clock.has(video))); else pairs().forEach(clock.leave);
  };

  const render = () => {
    state = readState(location.hash);
    const found = arrange(gallery, state), shown = shownVariants(gallery, state);
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    const page = Math.min(pages, Math.max(1, Number.parseInt(state.page || "1", 10) || 1));
    grid.querySelectorAll("button.shot").forEach(dropVideo);
    grid.querySelectorAll("video").forEach(clock.leave);
    for (const canvas of grid.querySelectorAll("canvas")) canvas.width = 0; // gives its memory back now
    grid.style.setProperty("--columns", shown.length);
    grid.replaceChildren(...found.slice((page - 1) * PAGE, page * PAGE).map((sample) => makeRow(sample, shown)));
    byId("nothing").hidden = found.length > 0;
    fitControls();
    fitPager(found.length, page, pages);
    watch();
    window.pages = [page, pages];
  };

  const step = (by) => { const [page, pages] = window.pages; const next = Math.min(pages, Math.max(1, page + by)); if (next !== page) { go({ page: String(next) }, true); window.scrollTo(0, 0); } };
  const walk = (by) => { // to the next or the last row from the one that has the focus, or is on top
    const all = rows();
    const here = all.indexOf(document.activeElement.closest?.("article"));
    const top = all.findIndex((row) => row.getBoundingClientRect().bottom > 80);
    const next = all[here < 0 ? Math.max(0, top) : Math.min(all.length - 1, Math.max(0, here + by))];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "start" });
  };
  const KEYS = {
    "/": () => form.q.focus(),
    j: () => walk(1),
    k: () => walk(-1),
    p: () => { const row = document.activeElement.closest?.("article"); if (row) toggleShots(shotsOf(row)); else playView(!playsView()); },
    n: () => step(1),
    b: () => step(-1),
    o: () => document.activeElement.closest?.("article")?.querySelector("h2 a").click(),
  };

  buildControls(gallery, form);
  form.querySelector("details").open = window.innerWidth > 900 || state.hide.length + state.tags.length + state.compare.length > 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const checked = (kind, is) => [...form.querySelectorAll(`[data-${kind}]`)].filter((box) => box.checked === is).map((box) => box.dataset[kind]);
    const pair = [form.one.value, form.other.value];
    go({ q: form.q.value, chosen: form.chosen.value, sort: form.sort.value, of: form.of.value, minus: form.minus.value, worst: form.worst.checked ? "1" : "", hide: checked("show", false), tags: checked("tag", true), compare: pair[0] && pair[1] ? pair : pair.filter(Boolean) });
  });
  grid.addEventListener("click", ({ target }) => { const shot = target.closest("button.shot"); if (shot) toggleShots([shot]); });
  button.addEventListener("click", () => playView(!playsView()));
  document.querySelectorAll(".pager button").forEach((turn) => turn.addEventListener("click", () => step(Number(turn.dataset.step))));
  byId("reset").addEventListener("click", () => location.replace("#"));
  document.addEventListener("keydown", (event) => { if (!isTyping(event) && KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); } });
  window.addEventListener("hashchange", render);
  render();
  probe(gallery);
};
// Whether the clips are where the data says: one is asked for its length, no more.
const probe = (gallery) => {
  const cells = gallery.samples.flatMap((sample) => Object.values(sample.cells)).filter((cell) => cell.values);
  if (!cells.length) return;
  const link = linksOf(gallery, cells[0]).clip, video = document.createElement("video");
  video.preload = "metadata";
  video.addEventListener("error", () => sayMissing(link));
  video.addEventListener("loadedmetadata", () => video.removeAttribute("src"));
  video.src = link;
};
