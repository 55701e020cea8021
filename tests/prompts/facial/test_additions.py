"""Additions case by case: words of faces in the company of something else, forms of words, places in the sentence."""

from __future__ import annotations

import pytest

from tpige_kedro.prompts.checks import failed_checks, non_facial_words

HOMONYMS = (
    """
the mouth of a river|a crow's nest|a chestnut horse|the bridge at dusk|temple ruins|the temple|a hair salon|a bun with raisins
nodding|by candlelight|almond trees|olive oil|hazel bushes|a golden bridge|a crown|a golden crown|a bow in her hair|the eye of a needle
a ring in the lower lip|a patch over one eye|an ear of corn|a clock face|the teeth of a saw|locks and keys|soft waves on the shore
ocean waves|high waves|a lantern|a handlebar|a button|a walrus|a pencil|a heart|a bald eagle|a bearded dragon|an old house|a dark alley
black|gold and silver|in blue|in black|in black and white|warm light|a soft glow|dark shadows|a shadow across the face|in profile
in the corner|at the front|on the left|in the middle|tall and slender|broad shoulders|long legs|a thick neck|tattooed arms
with eyes closed|his lips parted|head tilted|looking left|with raised eyebrows|a big smile|frowning|chin up|cheek to cheek
and a woman|with a child|with a bearded man|two men|his wife|in the thirties|in the 1920s|1950s|ten|at five|three people
lipstick|eyeliner|an earring|a nose ring|an eye patch|a neck tattoo|a face mask|sunglasses|a beard net|a lace veil|wet hair
sweat on the forehead|flowers in her hair|snow in the beard|a cat with green eyes|freckels|blu eyes|long har|vintage|baroque
brown hair and a golden crown|blue eyes and blue jeans|an old man on a bench|grey eyes, at the bridge|with brown hair, in blue
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

FACIAL = (
    """
a nose with a high bridge|a bald crown|his hair is grey at the temples|hollow temples|a chestnut ponytail|almond-shaped eyes
hair in a low bun|crow's feet at the corners of the eyes|a widow's peak|a five o'clock shadow|olive skin|porcelain-pale skin
a lantern jaw|a walrus moustache|a button nose|laugh lines|frown lines between the brows|bags under the eyes|a cleft in the chin
in her mid-40s|in his late thirties|30 years old|aged about 70|a 25-year-old woman|a thirty-year-old man|between thirty and forty
no older than eight|forty-something|a woman of about fifty|middle-aged|a septuagenarian|of West African descent|a Latina
blue-eyed, blond and freckled|round-faced|heavy-lidded|olive-skinned|gap-toothed|shoulder-length hair|salt-and-pepper stubble
longer hair|the lower lip is fuller than the upper|a man's face|a scar on the bridge of the nose|type IV skin|a mole on the right cheek
two tiny moles below the left eye|his dark beard hides a weak chin|hair parted in the middle|hair tied back|curls framing the face
piercing green eyes|round glasses|Fitzpatrick type III skin|deep-set eyes|a Van Dyke beard|hair as black as coal
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

CARRIERS = ("A man, {}, walks through the park.", "A man {} walks through the park.")


@pytest.mark.parametrize("phrase", HOMONYMS)
def test_words_of_faces_in_other_company_are_refused(phrase: str) -> None:
    for carrier in CARRIERS:
        assert non_facial_words("A man walks through the park.", carrier.format(phrase)), carrier


@pytest.mark.parametrize("phrase", FACIAL)
def test_faces_are_accepted(phrase: str) -> None:
    variants = (phrase, phrase.upper(), phrase.replace("'", "’").replace("-", "‑"))
    for text in (carrier.format(said) for carrier in CARRIERS for said in variants):
        assert non_facial_words("A man walks through the park.", text) == []


@pytest.mark.parametrize(
    ("prompt", "enhanced", "refused"),
    [
        # modifiers stand before the person or a feature, or between marks
        ("A man rides a horse.", "A young man rides a horse.", []),
        ("A man rides a horse.", "A man rides a young horse.", ["young"]),
        ("A man rides a horse.", "A man rides a chestnut horse.", ["chestnut"]),
        ("A man, bald, rides.", "A man, bald and bearded, rides.", []),
        ("The astronaut floats.", "The blond astronaut floats.", []),
        ("A white table stands there.", "A blond white table stands there.", ["blond"]),
        ("A man with hair waits.", "A man with curly hair waits.", []),
        ("A man with brown hair waits.", "A man with brown hair in a bun waits.", []),
        ("A man with a hat waits.", "A man with a beard and a hat waits.", []),
        ("A man with a hat waits.", "A man with a beard and a golden hat waits.", ["golden"]),
        # the prompt's name for the person may be repeated, its other words may not
        ("An astronaut floats.", "An astronaut, an astronaut with red hair, floats.", []),
        ("A construction worker waits.", "A construction worker, a construction worker with freckles, waits.", []),
        ("A man in a jacket walks.", "A man in a jacket, a man in a jacket with freckles, walks.", ["jacket"]),
        ("A man and a dog.", "A man, a dog with freckles, and a dog.", ["dog"]),
        # several additions
        ("A man walks his dog.", "A young man with a satchel walks his brown dog.", ["satchel", "brown"]),
        # marks and scripts
        ("A man walks.", "A man (with freckles) walks.", []),
        ("A man walks.", "A man – freckled – walks.", []),
        ("A man walks.", "A man 🙂 walks.", ["🙂"]),
        ("A man walks.", "A man “old” walks.", ["“", "”"]),
        ("一位宇航员 walks.", "一位宇航员, a young person, walks.", []),
        ("A man walks.", "A man，有胡子， walks.", ["，", "有胡子", "，"]),
    ],
)  # fmt: skip
def test_where_and_what(prompt: str, enhanced: str, refused: list[str]) -> None:
    assert non_facial_words(prompt, enhanced) == refused


def test_the_model_is_told_which_words() -> None:
    (failure,) = failed_checks("A man walks.", "A man with freckles, a satchel and a lamp walks.")
    assert str(failure) == "facial_only: 'satchel', 'lamp' are not about the face"


@pytest.mark.parametrize(
    ("clause", "check"),
    [("smiling", "expression"), ("dancing", "action"), ("holding a book", "action"), ("in a straw hat", "facial_only")],
)  # fmt: skip
def test_each_refusal_has_its_check(clause: str, check: str) -> None:
    failures = failed_checks("A man walks.", f"A man, {clause}, walks.")
    assert check in {failure.check for failure in failures}
