// One clock for all clips that play. Each is held to it, so that they stay in step; a shorter clip waits on its last frame.
const clock = (() => {
  const TICK = 40, SEEK = 0.25, NEAR = 0.008; // ms between corrections; seconds off: jump, leave alone
  const BEFORE_END = 0.02; // seconds: a video that has come to its end takes longer to begin again
  const PATIENCE = 2500; // ms that those which are loaded wait for the others
  const playing = new Set(), wanted = new Set(); // wanted: still loading
  let began = 0, length = 0, timer = 0, turn = 0;
  const now = () => (performance.now() - began) / 1000;
  const ready = (video) => video.readyState >= 2 && Number.isFinite(video.duration);
  const measure = () => { length = Math.max(0, ...[...playing].map((video) => video.duration)); };
  const jump = (video, to) => { video.playbackRate = 1; video.currentTime = to; };
  const start = (video) => video.play().catch(() => {}); // a clip that cannot be played says so by its event "error"
  const restart = () => {
    turn = 0;
    began = performance.now();
    for (const video of playing) { jump(video, 0); start(video); }
  };
  const correct = (video) => {
    const target = now();
    if (video.seeking) return;
    if (target >= video.duration) { if (!video.ended) jump(video, video.duration); return; }
    const off = video.currentTime - target;
    if (Math.abs(off) > SEEK) jump(video, target + 0.02);
    else video.playbackRate = Math.abs(off) < NEAR ? 1 : Math.min(2, Math.max(0.25, 1 - 8 * off));
    if (video.paused) start(video);
  };
  const tick = () => {
    const left = 1000 * (length - BEFORE_END - now());
    if (left <= 0) { restart(); return; }
    if (left < TICK && !turn) turn = setTimeout(restart, left);
    playing.forEach(correct);
  };
  const enter = (videos) => {
    const added = videos.filter((video) => wanted.has(video) && ready(video));
    if (!added.length) return;
    const isFirst = !playing.size;
    for (const video of added) { wanted.delete(video); playing.add(video); }
    measure();
    if (isFirst) restart(); else added.forEach(correct);
    if (!timer) timer = setInterval(tick, TICK);
  };
  // Begins as soon as all of them are loaded, or cannot be; those that take too long come in later.
  const together = (videos) => {
    if (!videos.length) return;
    let waiting = videos.length, late = 0;
    const arrived = (video) => { waiting -= 1; if (waiting <= 0) { clearTimeout(late); enter(videos); } else if (!late) enter([video]); };
    late = setTimeout(() => { late = 0; enter(videos); }, PATIENCE);
    for (const video of videos) {
      wanted.add(video);
      video.loop = false;
      video.preload = "auto";
      if (ready(video)) { arrived(video); continue; }
      for (const event of ["loadeddata", "error"]) video.addEventListener(event, () => arrived(video), { once: true });
      video.load();
    }
  };
  const leave = (video) => {
    wanted.delete(video);
    if (!playing.delete(video)) return;
    video.pause();
    measure();
    if (playing.size) return;
    clearInterval(timer);
    clearTimeout(turn);
    timer = turn = 0;
  };
  return { together, leave, has: (video) => playing.has(video) || wanted.has(video) };
})();
