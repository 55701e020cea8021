// The page in a folder: its pairs are inside it, and answers stay in this browser until they are downloaded.
const source = (() => {
  const data = JSON.parse(byId("study-data").textContent);
  const key = `tpige-study-${data.study}`;
  const asked = Number(new URLSearchParams(location.search).get("list"));
  const isList = Number.isInteger(asked) && asked >= 1 && asked <= data.lists.length;
  const fresh = () => ({
    rater: `s${newId().replaceAll("-", "").slice(0, 8)}`,
    list: isList ? asked - 1 : crypto.getRandomValues(new Uint32Array(1))[0] % data.lists.length,
    agreed: false, votes: [],
  });
  let memory = null;
  const read = () => { // again each time: another tab may have written
    try { return JSON.parse(localStorage.getItem(key)) || memory || fresh(); } catch { return memory || fresh(); }
  };
  const write = (kept) => {
    memory = kept;
    try { localStorage.setItem(key, JSON.stringify(kept)); } catch { /* a browser that keeps nothing: answers last as long as this page */ }
  };
  write(read());
  const pairs = () => data.lists[read().list];
  const answersOf = (pair) => {
    const found = {};
    for (const vote of read().votes) if (vote.pair_id === pair.pair_id) found[vote.question] = vote.answer;
    return found;
  };
  const other = (side) => (side === "a" ? "b" : "a");
  const shown = (answer, left) => ("ab".includes(answer) ? (answer === left ? "left" : "right") : answer);
  const given = (answer, left) => ({ left, right: other(left) }[answer] || answer);
  const questions = Object.keys(data.words.questions);
  return {
    state: async () => {
      const about = { agreed: read().agreed, questions, words: data.words };
      if (!about.agreed) return about;
      const done = (pair) => { const found = answersOf(pair); return questions.every((name) => name in found); };
      return { ...about, break_after: data.break_after, pairs: pairs().map((pair, i) => ({ place: i + 1, done: done(pair) })) };
    },
    agree: async () => write({ ...read(), agreed: true }),
    pair: async (place) => {
      const pair = pairs()[place - 1], answers = answersOf(pair);
      for (const name of Object.keys(answers)) answers[name] = shown(answers[name], pair.left);
      return { prompt: pair.prompt, answers };
    },
    picture: (place) => pairs()[place - 1].picture,
    clips: async (place) => pairs()[place - 1].clips,
    keep: () => {},
    ahead: () => {},
    vote: async (place, vote) => {
      const pair = pairs()[place - 1], kept = read();
      if (kept.votes.some((one) => one.vote_id === vote.vote_id)) return;
      kept.votes.push({ ...vote, rater: kept.rater, pair_id: pair.pair_id, left: pair.left, answer: given(vote.answer, pair.left), seconds: Math.round(vote.seconds * 1000) / 1000, voted_at: new Date().toISOString().replace("Z", "+00:00") });
      write(kept);
    },
    remove: async () => write({ ...fresh(), list: read().list }),
    download: () => {
      const { rater, votes } = read();
      const text = JSON.stringify({ format: "tpige-study-votes/1", study: data.study, votes }, null, 1);
      const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      make("a", { href: url, download: `votes-${rater}.json` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    },
  };
})();
