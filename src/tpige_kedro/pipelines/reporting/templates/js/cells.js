// A clip in the gallery: its first frame as a button, the video in its place while it plays, its scores below.
const linksOf = (gallery, cell) => ({
  clip: fill(gallery.links.clip, cell),
  strip: fill(gallery.links.strip, cell),
  page: fill(gallery.links.page, cell),
});
const SHOT = 300; // pixels a picture is wide
const makeShot = (gallery, cell) => {
  const { clip, strip } = linksOf(gallery, cell);
  return make("button", { type: "button", class: "shot", "data-clip": clip, "data-strip": strip, "aria-label": `play or pause ${cell.variant} of ${cell.sample}` });
};
// The first frame of the strip as a small canvas: the strips themselves, decoded, would fill the memory page by page.
const drawShot = (shot, frames) => {
  if (shot.dataset.drawn || !shot.dataset.strip) return;
  shot.dataset.drawn = "yes";
  const image = new Image(), canvas = make("canvas", { role: "img", "aria-label": "first frame" });
  image.onerror = () => shot.classList.add("bare");
  image.onload = async () => {
    const width = Math.floor(image.naturalWidth / frames), height = image.naturalHeight;
    for (const element of [byId("grid"), shot]) element.style.setProperty("--shape", width / height);
    const resizeWidth = Math.min(SHOT, width);
    const frame = await createImageBitmap(image, 0, 0, width, height, { resizeWidth, resizeQuality: "medium" });
    image.onload = image.onerror = null; // with these the browser would keep the strip, and the row
    image.removeAttribute("src");
    Object.assign(canvas, { width: frame.width, height: frame.height });
    canvas.getContext("bitmaprenderer").transferFromImageBitmap(frame);
    shot.prepend(canvas);
  };
  image.src = shot.dataset.strip;
};
// Videos that were dropped are used again: a browser keeps the player of each element until it collects garbage.
const idle = [];
const makeVideo = () => {
  const video = make("video", { preload: "auto", playsinline: true, "aria-hidden": "true", tabindex: -1 });
  video.muted = true;
  video.addEventListener("error", () => {
    const shot = video.parentElement;
    if (!shot || !video.hasAttribute("src")) return; // dropped meanwhile
    shot.classList.add("missing");
    shot.classList.remove("playing");
    clock.leave(video);
    sayMissing(shot.dataset.clip);
  });
  video.addEventListener("loadeddata", () => video.parentElement?.classList.add("loaded"));
  return video;
};
const videoOf = (shot) => {
  let video = shot.querySelector("video");
  if (video) return video;
  video = idle.pop() || makeVideo();
  video.src = shot.dataset.clip;
  shot.append(video);
  return video;
};
const dropVideo = (shot) => { // gives its memory back
  const video = shot.querySelector("video");
  if (!video) return;
  clock.leave(video);
  video.remove();
  video.removeAttribute("src");
  video.load();
  idle.push(video);
  shot.classList.remove("playing", "loaded");
};
const isPlaying = (shot) => { const video = shot.querySelector("video"); return Boolean(video) && clock.has(video); };
const playShots = (shots) => {
  const videos = shots.filter((shot) => !isPlaying(shot)).map(videoOf);
  for (const shot of shots) shot.classList.add("playing");
  clock.together(videos);
};
const pauseShots = (shots) => {
  for (const shot of shots) {
    shot.classList.remove("playing");
    const video = shot.querySelector("video");
    if (video) clock.leave(video);
  }
};
const toggleShots = (shots) => {
  const whole = shots.filter((shot) => !shot.classList.contains("missing"));
  if (whole.some((shot) => !isPlaying(shot))) playShots(whole); else pauseShots(whole);
};
const makeScores = (gallery, cell, metrics, best) => make("p", { class: "scores" }, ...metrics.map((metric) => {
  const value = gallery.value(cell, metric.name);
  return make("span", { "data-metric": metric.name, "data-value": value === null ? "nan" : value, title: `${metric.title}: ${metric.source}`, class: best[metric.name] === value && value !== null ? "best" : null }, `${metric.title} `, make("b", {}, short(value)));
}));
const makeCell = (gallery, sample, variant, metrics, best) => {
  const cell = sample.cells[variant], chosen = sample.chosen === variant;
  const head = make("p", { class: "name" }, make("b", {}, variant), chosen ? make("em", {}, "✓ chosen") : null);
  if (!cell.values) return make("div", { class: "cell failed", "data-variant": variant }, make("div", { class: "shot none" }, make("span", {}, cell.why || "no clip")), head);
  const rate = gallery.value(cell, "face_rate");
  const face = isHidden(cell, gallery) ? make("p", { class: "tag" }, rate === 0 ? "no face seen" : `face in ${Math.round(100 * rate)} % of frames`) : null;
  return make("div", { class: chosen ? "cell chosen" : "cell", "data-variant": variant }, makeShot(gallery, cell), head, makeScores(gallery, cell, metrics, best), face);
};
