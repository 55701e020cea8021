// Two clips in step. It says when both have played to the end once, and when one cannot be played.
const makePlayer = (videos, { watched, broken, playing }) => {
  const [left, right] = videos;
  let ended = new Set(), isWatched = false, turn = 0;
  const TOO_FAR = 0.04; // seconds apart
  const start = () => Promise.all(videos.map((video) => video.play())).catch(() => playing(false));
  const inStep = () => {
    const ahead = left.currentTime - right.currentTime;
    right.playbackRate = Math.abs(ahead) < TOO_FAR ? 1 : Math.min(1.5, Math.max(0.6, 1 + 2 * ahead));
  };
  for (const video of videos) {
    video.addEventListener("ended", () => {
      ended.add(video);
      if (ended.size < videos.length) return;
      playing(false);
      if (!isWatched) { isWatched = true; watched(); }
    });
    video.addEventListener("error", () => { if (video.getAttribute("src")) broken(); });
  }
  left.addEventListener("timeupdate", inStep);
  const replay = () => {
    ended = new Set();
    for (const video of videos) { video.currentTime = 0; video.playbackRate = 1; }
    playing(true);
    return start();
  };
  return {
    // Begins when both are there; what was loaded before does not begin any more.
    load: async (urls) => {
      turn += 1;
      const mine = turn;
      ended = new Set();
      isWatched = false;
      await Promise.all(videos.map((video, i) => new Promise((there) => {
        video.addEventListener("canplaythrough", there, { once: true });
        video.src = urls[i];
        video.load();
      })));
      if (mine === turn) await replay();
    },
    empty: () => { turn += 1; for (const video of videos) { video.pause(); video.removeAttribute("src"); video.load(); } },
    replay,
    toggle: () => {
      if (videos.every((video) => video.ended || !video.currentTime)) return replay();
      const isPaused = videos.every((video) => video.paused || video.ended);
      playing(isPaused);
      if (isPaused) return Promise.all(videos.filter((video) => !video.ended).map((video) => video.play())).catch(() => {});
      for (const video of videos) video.pause();
      return null;
    },
  };
};
