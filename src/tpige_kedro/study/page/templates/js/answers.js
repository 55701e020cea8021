// The questions and their buttons; the first one without an answer takes the keys.
const ANSWERS = ["left", "tie", "right", "unsure"];
const KEYS = { ArrowLeft: "left", ArrowRight: "right", t: "tie", T: "tie", u: "unsure", U: "unsure" };
const drawQuestions = (place, words, questions, choose) => {
  place.replaceChildren(...questions.map((name) => make("fieldset", { "data-question": name },
    make("legend", {}, words.questions[name]),
    ...ANSWERS.map((answer) => make("button", { type: "button", "data-answer": answer, "aria-pressed": "false", onclick: () => choose(name, answer) }, words[answer])))));
};
const markAnswers = (place, answers, isOpen) => {
  const open = [...place.children].find((set) => !(set.dataset.question in answers));
  for (const set of place.children) {
    set.classList.toggle("current", set === open);
    for (const button of set.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(answers[set.dataset.question] === button.dataset.answer));
      button.disabled = !isOpen;
    }
  }
};
const currentQuestion = (place) => (place.querySelector(".current") || place.lastElementChild).dataset.question;
