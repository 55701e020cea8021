"""Column names that are meant to be known ones are refused; all others are not used."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import SamplesDataset
from tpige_kedro.datasets.samples import COLUMNS
from tpige_kedro.datasets.table_files.columns import looks_like, sort_columns

LIKE = {
    "consent": [
        "Consent", "CONSENT", "consent ", " consent", "\tconsent", "consents", "concent", "cosnent", "consen", "consnt", "consemt",
        "c0nsent", "\ufeffconsent", "con\u00adsent", "con\u200bsent", "consent\u00a0", "\u00a0consent", "ｃｏｎｓｅｎｔ", "соnsеnt", "сonsent",
        "cοnsent", "cönsent", "'consent'", "“consent”", "consent?", "Consent:", "has_consent", "consent given", "consent_status",
        "Consent (y/n)", "CONSENT_DATE", "consented", "con sent", "con-sent", "𝐜𝐨𝐧𝐬𝐞𝐧𝐭",
    ],
    "prompt": ["Prompt", "PROMPT", "prompts", "promt", "promtp", "pompt", "prompt ", "рrоmрt", "Prompt.", "ｐｒｏｍｐｔ", "prompt\ufeff", "pr0mpt"],
    "reference": ["Reference", "referenc", "refernce", "refrence", "references", "Referenz", "reference ", "réference", "référence"],
    "person_id": ["person id", "person-id", "PersonID", "personid", "person.id", "Person_Id", "persn_id", "person_ids", "id_person", "person", "perѕon_id"],
    "sample_id": ["sampleid", "Sample ID", "sample-id", "SAMPLE_ID", "\ufeffsample_id", "sample_id\u200b", "samle_id", "id_sample", "ID sample", "sample__id", "sample"],
}  # fmt: skip
OTHERS = [
    "mood", "notes", "note", "comment", "comments", "age", "seed", "id", "name", "path", "image", "difference", "context", "score",
    "description", "language", "problem", "reference_hash", "enhanced_prompt", "overall", "variant", "category", "Kommentar", "",
    "日本", "7", "permission_number",
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "name"), [(k, name) for k, names in LIKE.items() for name in names]
)
def test_what_looks_like_a_known_name_is_refused_with_it(known: str, name: str) -> None:
    others = [column for column in COLUMNS if column != known]
    with pytest.raises(DatasetError, match=f"looks like {known}; write {known} exactly so"):
        sort_columns([*others, name], COLUMNS)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_a_word_of_its_own_is_not_used(name: str) -> None:
    assert not looks_like(name, COLUMNS)
    assert sort_columns([*COLUMNS, name], COLUMNS) == [name or "(no name)"]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_name_twice_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match=f"column {name} is there 2 times; keep one"):
        sort_columns([*COLUMNS, name], COLUMNS)


def test_all_that_is_wrong_is_one_message() -> None:
    with pytest.raises(DatasetError) as error:
        sort_columns(["Consent", "prompt", "prompt", "sampleid"], COLUMNS)
    told = str(error.value)
    assert all(
        words in told
        for words in ("'Consent'", "prompt is there 2", "'sampleid' looks like sample_id")
    )


def test_a_misspelt_consent_never_counts_as_consent(tmp_path: Path) -> None:
    file = tmp_path / "samples.csv"
    file.write_text(
        "sample_id,person_id,prompt,reference,Consent\na,p,A chef waves.,b.png,absent\n"
    )
    with pytest.raises(
        DatasetError, match=r"samples\.csv: the column 'Consent' looks like consent"
    ):
        SamplesDataset(filepath=str(file)).load()


def test_a_name_of_a_million_letters_takes_no_time_and_little_room() -> None:
    (told,) = sort_columns([*COLUMNS, "x" * 10**6], COLUMNS)
    assert len(told) < 100
