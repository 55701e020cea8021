"""From the filled form to the attributes of a face, and what in it is not fit for a clause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tpige_kedro.errors import AnswerError, NoFaceError
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import is_word, tokens
from tpige_kedro.prompts.clause import with_article
from tpige_kedro.prompts.fitting import wording_failures
from tpige_kedro.vision_language.answers import object_in
from tpige_kedro.vision_language.forms import AGE_RANGES, FACE, GENDERS, NOTED

AGES = dict(
    zip(AGE_RANGES, ("", "teenage", "young", "middle-aged", "older", "elderly"), strict=True)
)
PEOPLE = {("masculine", False): "man", ("feminine", False): "woman", ("masculine", True): "boy", ("feminine", True): "girl"}  # fmt: skip
MAX_WORDS = 10  # of one attribute
MAX_TRAITS = 4
UNWRITTEN = re.compile(r"[.!?;:\n\r<>{}\[\]\"“”]")
COUNTABLE = re.compile(r"\b(beard|mustache|moustache|goatee)$")


@dataclass(frozen=True)
class Reading:
    """The attributes that can be used, and what is wrong with the others."""

    attributes: FaceAttributes
    problems: tuple[str, ...] = ()


def read_form(answer: str) -> Reading:
    """The attributes in a filled form.

    Raises:
        AnswerError: not the form: no JSON, a missing key, a value of the wrong type or outside its list.
        NoFaceError: the form says that no face can be seen.
    """
    form = object_in(answer, FACE.schema["required"])
    missing = set(FACE.schema["required"]) - set(form)
    if missing:
        raise AnswerError(f"the form lacks {', '.join(sorted(missing))}")
    if form["face_visible"] is False:
        raise NoFaceError("the model sees no face in the picture")
    problems: list[str] = []
    age = _noted(form, "age_range", AGE_RANGES)
    gender = _noted(form, "gender_presentation", GENDERS)
    noted = {name: _fit(name, _noted(form, name), problems) for name in NOTED}
    traits = [_fit("traits", _attribute("traits", t), problems) for t in _list(form, "traits")]
    attributes = FaceAttributes(
        age=_worded_age(age),
        gender=_worded_gender(gender, age),
        traits=tuple(t for t in traits if t)[:MAX_TRAITS],
        **_in_grammar(noted),
    )
    return Reading(attributes, tuple(problems))


def _noted(form: dict[str, Any], key: str, allowed: tuple[str, ...] = ()) -> Attribute | None:
    if form[key] is None:
        return None
    attribute = _attribute(key, form[key])
    if allowed and attribute.text not in allowed:
        raise AnswerError(f"{key}: {attribute.text!r} is none of {', '.join(allowed)}")
    return attribute


def _attribute(key: str, seen: object) -> Attribute:
    if not isinstance(seen, dict) or not isinstance(seen.get("value"), str):
        raise AnswerError(f"{key}: not an object with value and confidence")
    confidence = seen.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise AnswerError(f"{key}: its confidence is not a number")
    if not 0 <= confidence <= 1:
        raise AnswerError(f"{key}: its confidence {confidence} lies outside 0 to 1")
    text = " ".join(seen["value"].split()).rstrip(" .,;")
    return Attribute(text[:1].lower() + text[1:], float(confidence))  # it goes into a sentence


def _list(form: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(form[key], list):
        raise AnswerError(f"{key}: not a list")
    return list(form[key])


def _fit(key: str, attribute: Attribute | None, problems: list[str]) -> Attribute | None:
    """The attribute, or None and a problem if its words do not belong into a clause about a face."""
    if attribute is None or attribute.text.lower() in {"", "none", "null", "unknown", "n/a"}:
        return None
    text = _completed(key, attribute.text)
    if UNWRITTEN.search(text) or sum(map(is_word, tokens(text))) > MAX_WORDS:
        problems.append(f"{key}: not a short phrase ({text[:60]!r})")
        return None
    failures = wording_failures(key, f"{_bare_skin(text)}-skinned" if key == "skin" else text)
    problems += [f"{key}: {failure}" for failure in failures]
    return None if failures else Attribute(text, attribute.confidence)


def _completed(key: str, text: str) -> str:
    """Hair and eyes that are named by a bare adjective with their noun: "brown" becomes "brown hair"."""
    if key == "hair" and text.lower() in {"bald", "shaved", "shaven"}:
        return f"a {text} head"
    if key not in {"hair", "eyes"} or not wording_failures(key, text):
        return text
    return text if wording_failures(key, f"{text} {key}") else f"{text} {key}"


def _worded_age(age: Attribute | None) -> Attribute | None:
    return Attribute(AGES[age.text], age.confidence) if age and AGES[age.text] else None


def _worded_gender(gender: Attribute | None, age: Attribute | None) -> Attribute | None:
    if gender is None or gender.text == "unclear":
        return None
    is_minor = age is not None and age.text in AGE_RANGES[:2]
    return Attribute(PEOPLE[gender.text, is_minor], gender.confidence)


def _in_grammar(noted: dict[str, Attribute | None]) -> dict[str, Attribute | None]:
    """Skin as an adjective, a beard with its article, hair that is only named by its colour as hair."""
    skin, beard = noted["skin"], noted["facial_hair"]
    if skin:
        noted["skin"] = Attribute(f"{_bare_skin(skin.text)}-skinned", skin.confidence)
    if beard and COUNTABLE.search(beard.text) and not re.match(r"(?:an?|the) ", beard.text):
        noted["facial_hair"] = Attribute(with_article(beard.text), beard.confidence)
    if beard and beard.text.lower() == "clean-shaven":
        noted["facial_hair"] = None
    return noted


def _bare_skin(text: str) -> str:
    """ "Light brown skin tone" → "light brown"."""
    return re.sub(r"[ -]skin(ned)?( tone)?$", "", text.lower())
