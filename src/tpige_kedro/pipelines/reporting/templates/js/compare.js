// Two clips of a sample, one over the other: the slider moves the edge between them, the button exchanges what is seen.
const comparison = (left, right) => {
  const video = (clip) => {
    const element = make("video", { src: clip.link, poster: clip.poster, preload: "metadata", muted: true, playsinline: true, "aria-hidden": "true" });
    element.muted = true;
    element.addEventListener("error", () => sayMissing(clip.link));
    return element;
  };
  const below = video(right), above = video(left);
  above.className = "above";
  const stage = make("div", { class: "stage" }, below, above, make("i", { class: "edge" }));
  const range = make("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `how much of ${left.name} is seen beside ${right.name}, in percent` });
  const place = () => stage.style.setProperty("--cut", `${range.value}%`);
  range.addEventListener("input", place);
  place();
  const toggle = make("button", { type: "button", title: "show the other one alone", onclick: () => { range.value = Number(range.value) > 50 ? 0 : 100; place(); } }, "Toggle");
  const names = make("div", { class: "names" }, make("b", {}, left.name), toggle, make("b", {}, right.name));
  const box = make("div", { class: "comparison" }, stage, range, names);
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" && !event.buttons) return;
    const { left: start, width } = stage.getBoundingClientRect();
    range.value = Math.round((100 * (event.clientX - start)) / width);
    place();
  });
  return { box, videos: [below, above] };
};
