// The page of a sample: its clips in step, two of them compared, the next and the previous sample, how the clips were made.
const startSample = (data) => {
  const id = document.body.dataset.sample;
  const players = [...document.querySelectorAll(".shot video")];
  const clips = players.map((video) => ({ name: video.dataset.variant, link: video.getAttribute("src"), poster: video.poster }));
  const shotOf = (video) => video.closest(".shot");
  const pause = (videos) => videos.forEach((video) => { clock.leave(video); shotOf(video)?.classList.remove("playing"); });
  const toggle = (videos) => {
    const whole = videos.filter((video) => !video.error);
    if (whole.every(clock.has)) { pause(whole); return; }
    whole.forEach((video) => shotOf(video)?.classList.add("playing", "loaded"));
    clock.together(whole.filter((video) => !clock.has(video)));
  };
  for (const video of players) {
    video.muted = true;
    video.addEventListener("error", () => { shotOf(video).classList.add("missing"); pause([video]); sayMissing(video.getAttribute("src")); });
    shotOf(video).addEventListener("click", () => toggle([video]));
  }
  byId("play").addEventListener("click", () => toggle(players));
  if (players[0]) players[0].preload = "metadata"; // says at once if the clips are not there

  const pair = byId("pair"), area = byId("area");
  let compared = [];
  const showPair = () => {
    compared.forEach(clock.leave);
    const [one, other] = ["one", "other"].map((name) => clips[pair[name].value]);
    const { box, videos } = comparison(one, other);
    compared = videos;
    area.replaceChildren(box);
  };
  if (clips.length > 1) {
    for (const name of ["one", "other"]) pair[name].append(...clips.map((clip, i) => make("option", { value: i }, clip.name)));
    pair.other.value = "1";
    byId("compare").addEventListener("toggle", () => { if (byId("compare").open) showPair(); else compared.forEach(clock.leave); });
    pair.addEventListener("input", showPair);
    byId("play-pair").addEventListener("click", () => (compared.every(clock.has) ? compared.forEach(clock.leave) : clock.together(compared)));
  } else byId("compare")?.remove();

  const links = data ? neighbours(readGallery(data), id) : {};
  const KEYS = {
    ArrowLeft: () => links.previous && location.assign(links.previous),
    ArrowRight: () => links.next && location.assign(links.next),
    g: () => location.assign(byId("to-gallery").href),
    p: () => toggle(players),
    c: () => { byId("compare").open = !byId("compare").open; },
  };
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || event.target.matches("input") || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  if (data) showMaking(data, id); else byId("no-data").hidden = false;
};
const neighbours = (gallery, id) => { // in the order of the gallery that the visitor came from
  let order = arrange(gallery, readState(location.hash)).map((sample) => sample.id);
  if (!order.includes(id)) order = gallery.samples.map((sample) => sample.id);
  const here = order.indexOf(id), hash = location.hash;
  const links = {};
  byId("to-gallery").href += hash;
  byId("position").textContent = `${here + 1} of ${order.length}`;
  for (const [name, by] of [["previous", -1], ["next", 1]]) {
    const other = order[here + by];
    if (here < 0 || other === undefined) continue;
    links[name] = fill(gallery.links.page, { sample: other }) + hash;
    Object.assign(byId(name), { href: links[name], title: other, hidden: false });
  }
  return links;
};
