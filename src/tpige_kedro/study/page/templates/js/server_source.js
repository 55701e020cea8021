// Asks the server that gave out this page, and saves there. What fails is a Problem with one word: "network" or the server's.
const source = (() => {
  const root = location.pathname.replace(/\/$/, "");
  const ask = async (path, options = {}) => {
    let answer;
    try { answer = await fetch(`${root}${path}`, { cache: "no-store", credentials: "omit", ...options }); } catch { throw new Problem("network"); }
    if (answer.ok) return answer;
    if (answer.status >= 500) throw new Problem("network");
    throw new Problem((await answer.json().catch(() => ({}))).problem || "network");
  };
  const get = async (path) => {
    const answer = await ask(path);
    try { return await answer.json(); } catch { throw new Problem("network"); }
  };
  const post = async (path, body = {}) => {
    const answer = await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    try { await answer.text(); } catch { throw new Problem("network"); }
  };
  const coming = new Map(); // clips on their way or here, by place and side
  const download = async (place, side) => {
    const answer = await ask(`/pairs/${place}/${side}`);
    const total = Number(answer.headers.get("content-length")) || 1, parts = [], reader = answer.body.getReader();
    let have = 0;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        have += value.length;
        const entry = coming.get(`${place}/${side}`);
        if (entry) { entry.part = have / total; entry.tell(); }
      }
    } catch { throw new Problem("network"); }
    return URL.createObjectURL(new Blob(parts, { type: "video/mp4" }));
  };
  const clip = (place, side) => {
    const key = `${place}/${side}`;
    if (!coming.has(key)) {
      const entry = { part: 0, tell: () => {} };
      coming.set(key, entry);
      entry.url = download(place, side).catch((problem) => { coming.delete(key); throw problem; });
    }
    return coming.get(key);
  };
  const clips = (place, told = () => {}) => {
    const both = ["left", "right"].map((side) => clip(place, side));
    const tell = () => told((both[0].part + both[1].part) / 2);
    for (const one of both) one.tell = tell;
    tell();
    return Promise.all(both.map((one) => one.url));
  };
  // Only the clips of these pairs stay in memory.
  const keep = (places) => {
    for (const [key, entry] of coming) {
      if (places.includes(Number(key.split("/")[0]))) continue;
      coming.delete(key);
      entry.url.then((url) => URL.revokeObjectURL(url), () => {});
    }
  };
  return {
    state: () => get("/state"),
    agree: () => post("/agree"),
    pair: (place) => get(`/pairs/${place}`),
    picture: (place) => `${root}/pairs/${place}/person`,
    clips, keep,
    ahead: (place) => { clips(place).catch(() => {}); },
    vote: (place, vote) => post(`/pairs/${place}/votes`, vote),
    remove: () => post("/delete"),
    download: null,
  };
})();
