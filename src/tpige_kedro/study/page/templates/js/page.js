// The page: consent, one pair at a time, a break now and then, the end.
const startPage = () => {
  const views = ["consent", "study", "pause", "finished", "sorry"];
  let words, state, place = 0, answers = {}, isWatched = false, isBusy = false, since = 0, shownAt = 0, showing = 0;
  const show = (name) => { for (const view of views) byId(view).hidden = view !== name; };
  const say = (text, isAlert = false) => { byId("note").textContent = text; byId("note").classList.toggle("alert", isAlert); };
  const offer = (...buttons) => byId("offers").replaceChildren(...buttons);
  const button = (text, act) => make("button", { type: "button", onclick: act }, text);
  const stop = (word) => { byId("sorry-text").textContent = words[word] || words.unknown; player.empty(); show("sorry"); };
  const hint = () => (matchMedia("(pointer: coarse)").matches ? words.tap : words.choose);
  const done = () => state.pairs.filter((pair) => pair.done).length;
  const indexOf = (wanted) => state.pairs.findIndex((pair) => pair.place === wanted);
  const mark = () => {
    markAnswers(byId("questions"), answers, isWatched && !isBusy);
    byId("next").disabled = isBusy || !nextPlace(true);
    byId("previous").disabled = isBusy || indexOf(place) <= 0;
    byId("bar").max = state.pairs.length;
    byId("bar").value = done();
    byId("count").textContent = fill(words.progress, { done: done(), total: state.pairs.length });
  };
  // The next pair without an answer, else none; with `isAny` the following one, as far as that is answered or this one is.
  const nextPlace = (isAny = false) => {
    const at = indexOf(place), open = [...state.pairs.slice(at + 1), ...state.pairs.slice(0, Math.max(at, 0))].find((pair) => !pair.done);
    if (!isAny) return open ? open.place : 0;
    const following = state.pairs[at + 1];
    return following && state.pairs[at].done ? following.place : 0;
  };
  // Until the server answers: an answer is not lost while it is away.
  const patiently = async (act) => {
    for (let pause = 300; ; pause = Math.min(5000, pause * 2)) {
      try { return await act(); } catch (problem) {
        if (!(problem instanceof Problem) || problem.message !== "network") throw problem;
        say(words ? words.waiting : "…", true);
        await wait(pause);
      }
    }
  };
  const player = makePlayer([byId("left"), byId("right")], {
    watched: () => { isWatched = true; say(hint()); mark(); },
    broken: () => fail("broken"),
    playing: (is) => byId("study").classList.toggle("playing", is),
  });
  // A pair that cannot be shown: try again, or skip it.
  const fail = (word) => {
    say(words[word], true);
    const go = word === "removed" ? button(words.next, () => { drop(); advance(); }) : button(words.skip, skip);
    offer(word === "removed" ? null : button(words.try_again, () => { source.keep([]); open(place, false); }), go);
  };
  const drop = () => { const at = indexOf(place); state.pairs.splice(at, 1); place = state.pairs.length ? state.pairs[Math.max(0, at - 1)].place : 0; };
  const open = async (wanted, isNew = true) => {
    showing += 1;
    const mine = showing;
    place = wanted;
    answers = {};
    isWatched = false;
    player.empty();
    source.keep([place, nextPlace()]);
    show("study");
    offer();
    mark();
    if (isNew && location.hash !== `#${place}`) history.pushState(null, "", `#${place}`);
    byId("person").src = source.picture(place);
    try {
      const found = await patiently(() => source.pair(place));
      if (mine !== showing) return;
      byId("prompt").textContent = found.prompt;
      answers = found.answers;
      mark();
      const urls = await patiently(() => source.clips(place, (part) => { if (mine === showing) say(fill(words.loading, { percent: Math.floor(100 * part) })); }));
      if (mine !== showing) return;
      say(words.watch);
      shownAt = performance.now();
      const ahead = nextPlace();
      if (ahead) source.ahead(ahead);
      await player.load(urls);
    } catch (problem) { if (mine === showing) meet(problem); }
  };
  const meet = (problem) => {
    if (!(problem instanceof Problem)) { fail("broken"); throw problem; }
    if (problem.message === "removed" || problem.message === "not asked") fail("removed");
    else if (problem.message === "agree") begin();
    else stop(problem.message);
  };
  const choose = async (question, answer, isSkip = false) => {
    if (isBusy || !(isWatched || isSkip)) return;
    isBusy = true;
    mark();
    say(words.saving);
    const vote = { vote_id: newId(), question, answer, seconds: shownAt ? (performance.now() - shownAt) / 1000 : 0 };
    const at = place;
    try { await patiently(() => source.vote(at, vote)); } catch (problem) {
      isBusy = false;
      if (problem instanceof Problem && problem.message === "watch") { source.keep([]); open(place, false); } else meet(problem);
      return;
    }
    isBusy = false;
    answers[question] = answer;
    if (state.questions.every((name) => name in answers)) {
      const pair = state.pairs[indexOf(at)];
      if (!pair.done) since += 1;
      pair.done = true;
      if (!isSkip) { mark(); await wait(120); } // the mark on the answer is seen
      if (place === at) advance();
    } else { say(hint()); mark(); }
  };
  const skip = async () => { for (const name of state.questions) if (!(name in answers)) await choose(name, "unsure", true); };
  const advance = () => {
    const next = nextPlace();
    if (!next) { finish(); return; }
    if (since >= state.break_after) {
      since = 0;
      player.empty();
      byId("pause-text").textContent = fill(words.pause, { done: done(), total: state.pairs.length });
      show("pause");
      byId("go-on").onclick = () => open(next);
      byId("go-on").focus();
      return;
    }
    open(next);
  };
  const finish = () => {
    player.empty();
    byId("finished-text").textContent = source.download ? words.finished_file : words.finished;
    byId("download").hidden = !source.download;
    show("finished");
    if (location.hash !== "#end") history.pushState(null, "", "#end");
  };
  const fromAddress = () => {
    const wanted = Number(location.hash.slice(1));
    if (state.pairs.some((pair) => pair.place === wanted)) { open(wanted, false); return true; }
    return false;
  };
  const begin = async () => {
    try { state = await patiently(source.state); } catch (problem) { stop(problem.message); return; }
    words = state.words;
    if (!state.agreed) { show("consent"); return; }
    drawQuestions(byId("questions"), words, state.questions, (name, answer) => choose(name, answer));
    if (!state.pairs.length) { stop("removed"); return; }
    if (location.hash !== "#end" && fromAddress()) return;
    const first = state.pairs.find((pair) => !pair.done);
    if (!first) { place = state.pairs.at(-1).place; finish(); } else open(first.place);
  };
  byId("agree").onclick = async () => { await patiently(source.agree); begin(); };
  byId("play").onclick = () => player.replay();
  for (const id of ["left", "right"]) byId(id).onclick = () => player.toggle();
  byId("previous").onclick = () => { const at = indexOf(place); if (at > 0) open(state.pairs[at - 1].place); };
  byId("next").onclick = () => { const next = nextPlace(true); if (next) open(next); };
  byId("back").onclick = () => { if (state.pairs.length) open(state.pairs.at(-1).place); };
  byId("download").onclick = () => source.download();
  const really = byId("really");
  for (const opener of document.querySelectorAll(".delete")) opener.onclick = () => really.showModal();
  byId("keep").onclick = () => really.close();
  byId("delete").onclick = async () => {
    really.close();
    await patiently(source.remove);
    player.empty();
    showing += 1;
    since = 0;
    history.replaceState(null, "", location.pathname + location.search);
    byId("deleted").hidden = false;
    begin();
  };
  window.addEventListener("popstate", () => { if (state && state.agreed && !isBusy && !fromAddress() && location.hash === "#end") finish(); });
  document.addEventListener("keydown", (event) => {
    if (byId("study").hidden || really.open || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === " ") { event.preventDefault(); if (isWatched) player.replay(); else player.toggle(); return; }
    const answer = KEYS[event.key];
    if (answer) { event.preventDefault(); choose(currentQuestion(byId("questions")), answer); }
  });
  begin();
};
startPage();
