import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import is_verbatim
from tpige_kedro.prompts.clause import compose_clause, insert_clause, with_article

CLAUSE = "an elderly pale-skinned man with red hair in a bun and blue eyes"

FULL = FaceAttributes(
    age=Attribute("elderly"),
    skin=Attribute("pale-skinned", 0.9),
    gender=Attribute("man"),
    hair=Attribute("red hair in a bun", 0.8),
    eyes=Attribute("blue eyes", 0.6),
    facial_hair=Attribute("a mustache", 0.4),
    traits=(Attribute("round glasses"),),
)


@pytest.mark.parametrize(
    ("attributes", "clause"),
    [
        (
            FULL,
            "an elderly pale-skinned man with red hair in a bun, blue eyes, a mustache and round glasses",
        ),
        (FaceAttributes(), ""),
        (FaceAttributes(gender=Attribute("woman")), "a woman"),
        (FaceAttributes(age=Attribute("elderly")), "an elderly person"),
        (FaceAttributes(hair=Attribute("a bald head")), "a person with a bald head"),
        (
            FaceAttributes(
                age=Attribute("young"),
                eyes=Attribute("amber eyes"),
                traits=(Attribute("freckles"),),
            ),
            "a young person with amber eyes and freckles",
        ),
        (
            FaceAttributes(
                gender=Attribute("man"), traits=(Attribute("a scar"), Attribute("a scar"))
            ),
            "a man with a scar",
        ),
        (FaceAttributes(hair=Attribute("  red \n hair ")), "a person with red hair"),
        (
            FaceAttributes(skin=Attribute("olive-skinned"), gender=Attribute("woman")),
            "an olive-skinned woman",
        ),
    ],
)
def test_compose_clause(attributes: FaceAttributes, clause: str) -> None:
    assert compose_clause(attributes) == clause


def test_attributes_below_the_confidence_are_left_out() -> None:
    assert compose_clause(FULL, 0.5) == (
        "an elderly pale-skinned man with red hair in a bun, blue eyes and round glasses"
    )
    assert compose_clause(FULL, 0.85) == "an elderly pale-skinned man with round glasses"


@pytest.mark.parametrize(
    ("phrase", "article"),
    [("elderly man", "an"), ("man", "a"), ("European man", "a"), ("hour", "an"), ("unicorn", "a"), ("uncle", "an"),
     ("18-year-old", "an"), ("80-year-old", "an"), ("20-year-old", "a"), ("one-eyed man", "a"), ("Asian man", "an")],
)  # fmt: skip
def test_article_by_sound(phrase: str, article: str) -> None:
    assert with_article(phrase) == f"{article} {phrase}"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "A video of an astronaut waving a hand in outer space.",
            "A video of an astronaut, {}, waving a hand in outer space.",
        ),
        ("A portrait photo of an astronaut.", "A portrait photo of an astronaut, {}."),
        ("A man", "A man, {}"),
        ("A man, tired, walks.", "A man, {}, tired, walks."),
        ("A man (tired) walks.", "A man, {}, (tired) walks."),
        ("A man — tired — walks.", "A man, {} — tired — walks."),
        ("A man\nwalks.", "A man, {},\nwalks."),
        ("A man 😀", "A man, {} 😀"),
        ('A man "the king" walks.', 'A man, {}, "the king" walks.'),
        ("Two dancers spin.", "Two dancers, one of them {}, spin."),
        ("The delivery man hands over a box.", "The delivery man, {}, hands over a box."),
        ("A ballerina mid-leap, toes pointed", "A ballerina, {}, mid-leap, toes pointed"),
        ("The president's bodyguard nods.", "The president's bodyguard, {}, nods."),
        ("A welder shaping steel", "A welder, {}, shaping steel"),
        ("The captain of the ship shouts.", "The captain of the ship, {}, shouts."),
        ("One of the dancers trips.", "One of the dancers, {}, trips."),
        ("Maria, a potter, shapes clay.", "Maria, {}, a potter, shapes clay."),
        ("The camera follows him away.", "The camera follows him, {}, away."),
        ("Push-in on her.", "Push-in on her, {}."),
        ("Slow motion: she turns.", "Slow motion: {} — she turns."),
        ("Sunset over the sea.", "Sunset over the sea, featuring {}."),
        ("Sunset over the sea", "Sunset over the sea, featuring {}"),
        ("一位宇航员在挥手。", "一位宇航员在挥手, featuring {}。"),
        ("What a view?!  ", "What a view, featuring {}?!  "),
        ("", "Featuring {}"),
    ],
)
def test_insert_clause(prompt: str, expected: str) -> None:
    assert insert_clause(prompt, CLAUSE) == expected.format(CLAUSE)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("She walks along the beach.", "{}: She walks along the beach."),
        ("As the train leaves, he waves.", "{}: As the train leaves, he waves."),
        ("Rain falls. He sits down.", "Rain falls. {}: He sits down."),
        ("She's late.", "{}: She's late."),
        ('"Go!" and she runs.', '{}: "Go!" and she runs.'),
        ("“She walks.”", "“{}: She walks.”"),
        ("Somebody's knocking at the door.", "{}: Somebody's knocking at the door."),
        ("Her hands tremble.", "{}: Her hands tremble."),
    ],
)  # fmt: skip
def test_the_clause_of_a_pronoun_stands_in_front(prompt: str, expected: str) -> None:
    enhanced = insert_clause(prompt, CLAUSE)
    assert enhanced == expected.format(CLAUSE[:1].upper() + CLAUSE[1:])
    assert is_verbatim(prompt, enhanced)


def test_empty_clause_changes_nothing() -> None:
    assert insert_clause("A man walks.", "  ") == "A man walks."


def is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


@given(st.text(max_size=300))
def test_any_text_keeps_every_character_in_order(prompt: str) -> None:
    enhanced = insert_clause(prompt, CLAUSE)
    assert is_subsequence(prompt, enhanced)
    assert CLAUSE.lower() in enhanced.lower()
    assert is_verbatim(prompt, enhanced)
    assert insert_clause(prompt, CLAUSE) == enhanced


PIECES = st.sampled_from(
    ["A video of", "an astronaut", "the old king", "a man's", "two boys", "she", "waves", "in a kitchen", ",", ".", "\n",
     '"', "“hello”", "“", "🙂", "宇航员", "chef", "hat", "—", "(", ")", "#1", "while", "a", "Dr.", "3.5", "don’t", "_", "'"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map(" ".join))
def test_prompts_of_many_structures_survive(prompt: str) -> None:
    enhanced = insert_clause(prompt, CLAUSE)
    assert is_verbatim(prompt, enhanced)
    assert enhanced.lower().count(CLAUSE.lower()) == 1


@given(
    st.builds(
        FaceAttributes,
        **{
            name: st.none() | st.builds(Attribute, st.sampled_from(texts), st.floats(0, 1))
            for name, texts in {
                "age": ["young", "elderly"],
                "skin": ["pale-skinned", "olive-skinned"],
                "gender": ["man", "woman"],
                "hair": ["red hair", "a black bob"],
                "eyes": ["blue eyes"],
                "facial_hair": ["a goatee"],
            }.items()
        },
        traits=st.lists(
            st.builds(Attribute, st.sampled_from(["freckles", "glasses"])), max_size=3
        ).map(tuple),
    ),
    st.floats(0, 1),
)
def test_every_subset_reads_well(attributes: FaceAttributes, confidence: float) -> None:
    clause = compose_clause(attributes, confidence)
    if clause:
        assert clause.split()[0] in {"a", "an"}
        assert any(noun in clause.split() for noun in ("man", "woman", "person"))
    for broken in ("  ", " ,", ",,", "with and", " with ,"):
        assert broken not in clause
    assert not clause.endswith(("with", "and", ","))


@pytest.mark.parametrize(("minimum", "clause"), [(0.6, "a man"), (0.61, "")])
def test_a_confidence_that_is_just_the_minimum_is_enough(minimum: float, clause: str) -> None:
    assert compose_clause(FaceAttributes(gender=Attribute("man", 0.6)), minimum) == clause
