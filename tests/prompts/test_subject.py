import pytest

from tpige_kedro.prompts.subject import find_subject, subject_of

CASES = [
    ("A video of an astronaut waving a hand in outer space.", "an astronaut"),
    ("A portrait photo of a construction worker.", "a construction worker"),
    ("A man walks.", "A man"),
    ("The young chef is cooking.", "The young chef"),
    ("In a kitchen, a woman chops onions.", "a woman"),
    ("Young woman, smiling at the sea", "Young woman"),
    ("A 30-year-old man smiles.", "A 30-year-old man"),
    ("A 30-year-old smiles.", "A 30-year-old"),
    ("A student nurse runs down the hall.", "A student nurse"),
    ("A singer-songwriter tunes a guitar.", "A singer-songwriter"),
    ("A woman named Anna Maria waves.", "A woman named Anna Maria"),
    ("The camera follows a lone cyclist through rain.", "a lone cyclist"),
    ("A member of the royal guard stands still.", "the royal guard"),
    ("An extremely happy little boy jumps.", "An extremely happy little boy"),
    ("A MAN WALKS.", "A MAN"),
    ("🎥 a firefighter 🔥 runs", "a firefighter"),
    ("Two men watch as a dancer spins.", "a dancer"),
    ("A chef and two waiters serve dinner.", "A chef"),
    ("Next to a man, a woman dances.", "a woman"),
    ("While a child sleeps, a mother sings.", "a mother"),
    ("Behind a man stands a wall.", "a man"),
    ("Inside a doctor's office, a nurse writes.", "a nurse"),
    ("At a barber shop, an old barber laughs.", "an old barber"),
    ('A sign says "a king". A woman laughs.', "A woman"),
    ("A sign says “the man”. A woman laughs.", "A woman"),
    ('"A man walks in the park."', "A man"),
    ("A glassblower shapes a vase.", "A glassblower"),
    ("A flower opens. A glassblower watches.", "A glassblower"),
    ("She walks along the river.", "She"),
    ("They cook dinner.", "They"),
    ("A cook prepares dinner.", "A cook"),
    ("Dancers on a stage.", "Dancers"),
    ("一位 astronaut 在 space", "astronaut"),
    ("Close-up of smiling woman in rain", "smiling woman"),
    ("A man's hat lies on the table.", ""),
    ("A woman’s hand reaches out.", ""),
    ("A chef hat on a table.", ""),
    ("Quarterback throws a long pass", "Quarterback"),
    ("A guide guides a group.", "A guide"),
    ("A red car passes a hitchhiker.", "a hitchhiker"),
    ("The delivery man hands over a package.", "The delivery man"),
    ("A tall, weary courier naps.", "A tall, weary courier"),
    ("In the doorway stands a cloaked figure.", "a cloaked figure"),
    ("The printer jams.", ""),
    ("A printer with ink on his sleeves pulls a sheet.", "A printer"),
    ("A vacuum cleaner hums.", ""),
    ("A dog wags its tail.", ""),
    ("No man is here.", ""),
    ("Sunset over the sea.", ""),
    ("The river runs under a tower in winter weather.", ""),
    ("一位宇航员在挥手。", ""),
    ("", ""),
    (" \n\t", ""),
    ("!!! ??? 🙂", ""),
]


@pytest.mark.parametrize(("prompt", "subject"), CASES)
def test_subject_of(prompt: str, subject: str) -> None:
    assert subject_of(prompt) == subject


@pytest.mark.parametrize(
    ("prompt", "plural"),
    [("Two dancers spin.", True), ("A dancer spins.", False), ("He spins.", False)],
)
def test_groups_are_plural(prompt: str, plural: bool) -> None:
    subject = find_subject(prompt)
    assert subject is not None
    assert subject.plural is plural


def test_span_is_that_of_the_prompt() -> None:
    subject = find_subject("In rain, an old fisherman rows.")
    assert subject is not None
    assert (subject.start, subject.end) == (9, 25)
