"""Write ``prompts/grammar/word_kinds.csv.gz`` from WordNet: which words name things, describe, or are verbs. It lists no words for people.

    python -m benchmarks.words.word_kinds /usr/share/wordnet   # Debian and Ubuntu: apt-get install wordnet-base

A word has one letter for each kind:

* ``b``: a noun that names an animal first of all, or an animal or a person;
* ``t``: another noun that mostly names no person (at most ``RARE`` of its senses, weighted by use, are hyponyms of *person*); also of
  two words if the last one ends like a word for people ("vacuum cleaner");
* ``r``: such a noun that has a sense for people all the same and is first of all nothing solid ("enemy", "beauty");
* ``m``: a noun that names people and other things, neither of them rarely: things first ("mime"), or both by its ending
  ("printer");
* ``a``: mostly an adjective;
* ``n``: beside ``a``: a noun too ("veteran");
* ``d``: an adverb and nothing else;
* ``v``: can be a verb;
* ``p``: a proper name of a place, time or thing ("Paris", "Monday").

Words that mostly name a person are no ``t`` and no ``m``: the rules must find people by grammar. Words for animals and concrete
things are all there; others are left out if WordNet neither counts them nor uses them, or one that means the same, in its definitions.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

TARGET = (
    Path(__file__).parents[2] / "src" / "tpige_kedro" / "prompts" / "grammar" / "word_kinds.csv.gz"
)
PERSON = (
    "00007846",
    "10378412",
)  # offsets of noun synsets in WordNet 3.0; operators (drivers …) are no persons there
TALES = ("09483738", "09504135")  # imaginary and spiritual beings: most are drawn as people
ANIMAL = "00015388"
CONCRETE = {
    "06",
    "08",
    "13",
    "17",
    "19",
    "20",
}  # artifacts, body, food, natural objects and phenomena, plants
AGENT_ENDINGS = ("er", "or", "ist", "ian")
RARE, SELDOM = 0.2, 0.04
PLAIN = re.compile(r"[a-z]+(?:-[a-z]+)*")
PAIR = re.compile(r"[a-z]+_[a-z]+")
NAME = re.compile(r"[A-Z][a-z]+")


def synsets(folder: Path, part: str) -> Iterator[tuple[str, str, list[str], list[str], str]]:
    """Offset, number of the lexicographer's file, lemmas, offsets of the hypernyms, and the gloss."""
    for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            continue
        data, _, gloss = line.partition("|")
        fields = data.split()
        count = int(fields[3], 16)
        lemmas = [fields[4 + 2 * i].split("(")[0] for i in range(count)]
        pointers = fields[5 + 2 * count :]
        above = [pointers[i + 1] for i, p in enumerate(pointers) if p in {"@", "@i"}]
        yield fields[0], fields[1], lemmas, above, gloss


def uses(folder: Path) -> dict[tuple[str, str, int], int]:
    """How often each sense (lemma, part of speech, number) was tagged."""
    counts = {}
    for line in (folder / "cntlist.rev").read_text().splitlines():
        key, number, count = line.split()
        lemma, _, rest = key.partition("%")
        counts[lemma, "_nvara"[int(rest[0])] if rest[0] != "4" else "r", int(number)] = int(count)
    return counts


def weights(
    folder: Path, part: str, letter: str, counts: dict, proper: set[tuple[str, str]]
) -> dict[str, list[tuple[str, float]]]:
    """For each lemma its senses in order: offset and weight (times tagged, and a little for every sense, less for later ones).

    Senses of the capitalised word ("Crane") are left out.
    """
    found = {}
    for line in (folder / f"index.{part}").read_text().splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        senses = fields[-int(fields[2]) :]
        found[fields[0]] = [
            (offset, counts.get((fields[0], letter, rank), 0) + 1 / rank)
            for rank, offset in enumerate(senses, start=1)
            if (fields[0], offset) not in proper
        ]
    return found


def below(parents: dict[str, list[str]], *roots: str) -> set[str]:
    """The synsets under ``roots``, themselves included."""
    children = defaultdict(list)
    for offset, above in parents.items():
        for parent in above:
            children[parent].append(offset)
    found, todo = set(), [*roots]
    while todo:
        offset = todo.pop()
        if offset not in found:
            found.add(offset)
            todo += children[offset]
    return found


def main(folder: Path) -> None:  # noqa: PLR0912 one kind a loop
    counts = uses(folder)
    used: Counter[str] = Counter()
    parents, names, proper, mates = {}, set(), set(), defaultdict(set)
    concrete, solid = set(), set()
    for part in ("noun", "verb", "adj", "adv"):
        for offset, field, lemmas, above, gloss in synsets(folder, part):
            used.update(re.findall(r"[a-z]+(?:-[a-z]+)*", gloss.lower()))
            for lemma in lemmas:
                mates[lemma].update(lemmas)
            if part == "noun":
                parents[offset] = above
                if field in CONCRETE:
                    solid.add(offset)
                    concrete.update(lemmas)
                names.update((lemma, offset) for lemma in lemmas if NAME.fullmatch(lemma))
                proper.update((lemma.lower(), offset) for lemma in lemmas if lemma[0].isupper())
    people = below(parents, *PERSON, *TALES)
    animals = below(parents, ANIMAL)
    nouns, verbs, adjectives = (
        weights(folder, part, letter, counts, proper)
        for part, letter in (("noun", "n"), ("verb", "v"), ("adj", "a"))
    )
    kinds: dict[str, set[str]] = defaultdict(set)

    for word, senses in nouns.items():
        total = sum(weight for _, weight in senses)
        if not senses:
            continue
        person = sum(w for offset, w in senses if offset in people)
        beast = max((w for offset, w in senses if offset in animals), default=0)
        human = max((w for offset, w in senses if offset in people), default=0)
        if senses[0][0] in animals or (human < 2 * beast and not word.endswith("er")):
            kinds[word].add("b")
        elif person <= RARE * total:
            kinds[word].add("r" if person >= SELDOM * total and senses[0][0] not in solid else "t")
        elif person < (1 - RARE) * total and (
            senses[0][0] not in people or word.endswith(("er", "or"))
        ):
            kinds[word].add("m")
    for word, senses in adjectives.items():
        if sum(w for _, w in senses) > sum(w for _, w in nouns.get(word, [])):
            kinds[word].update("an" if nouns.get(word) and not kinds[word] else "a")
    for word in verbs:
        kinds[word].add("v")
    for word in weights(folder, "adv", "r", counts, proper):
        if word not in nouns and word not in adjectives and word not in verbs:
            kinds[word].add("d")
    tagged = {lemma for lemma, _, _ in counts}
    rows = {
        w: k
        for w, k in kinds.items()
        if PLAIN.fullmatch(w)
        and not ("-" in w and k <= {"a", "v"})
        and (
            w in tagged
            or used[w]
            or (k & {"t", "r"} and w in concrete)
            or (k & {"t", "r", "v"} and any(used[m] > 1 for m in mates[w]))
            or "b" in k
            or ("t" in k and w.endswith(AGENT_ENDINGS))
        )
    }
    rows |= {
        word.replace("_", " "): {"t"}
        for word, k in kinds.items()
        if k & {"t", "b"} and PAIR.fullmatch(word) and word.endswith(AGENT_ENDINGS)
    }
    for name, offset in sorted(names):
        if offset not in people and used[name.lower()] > 1:
            rows.setdefault(name.lower(), set()).add("p")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (w, "".join(sorted(k))) for w, k in sorted(rows.items())
    )
    TARGET.write_bytes(
        gzip.compress(text.getvalue().encode(), mtime=0)
    )  # the same rows, the same file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
