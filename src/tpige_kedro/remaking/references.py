"""The reference pictures of a recipe, found by their content: in the files that are given, else among those that conf names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import DatasetError

from tpige_kedro.datasets.drawn import DrawnPictureDataset
from tpige_kedro.datasets.pictures import load_reference
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.files.known import sha256_of
from tpige_kedro.provenance.recipe import Recipe, RecipeReference

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from PIL.Image import Image

WHAT = {"original": "photo", "enhanced": "redrawn reference"}
WHERE = {
    "original": "it is not among the reference pictures of samples_root",
    "enhanced": "data_root has no such redrawn reference",
}


def pictures_of(recipe: Recipe, given: Sequence[Path], catalog: DataCatalog) -> tuple[Image, ...]:
    """The pictures of the recipe in its order. Nothing is opened because a recipe names it.

    Raises:
        TpigeError: a given file is another picture, or one is nowhere to be found.
    """
    found: dict[str, Image] = {}
    for file in given:
        reference, picture = _given(file, recipe)
        found[reference.hash] = picture
    for reference in recipe.references:
        if reference.hash not in found:
            load = next(_at_home(reference, catalog), None)
            if load is None:
                raise TpigeError(_not_found(reference))
            found[reference.hash] = load()
    return tuple(found[reference.hash] for reference in recipe.references)


def _given(file: Path, recipe: Recipe) -> tuple[RecipeReference, Image]:
    """Which reference a file is."""
    for reference in recipe.references:
        if reference.source == "enhanced" and sha256_of(file) == reference.hash:
            return reference, DrawnPictureDataset(filepath=str(file)).load()
    picture = load_reference(file)
    mark = picture_hash(picture)
    for reference in recipe.references:
        if reference.source == "original" and mark == reference.hash:
            return reference, picture
    kinds = " and ".join(
        dict.fromkeys(f"the {WHAT[reference.source]}" for reference in recipe.references)
    )
    raise TpigeError(
        f"{file} is not {kinds} that the clip was made from; give that very file, not a copy that was scaled, turned or saved again"
    )


def _at_home(reference: RecipeReference, catalog: DataCatalog) -> Iterator[Callable[[], Image]]:
    """The picture where results or samples are."""
    if reference.source == "enhanced":
        for item in catalog.load("enhanced_references").values():
            if item.mark == reference.hash:
                yield item.load
        return
    try:
        pictures = catalog.load("references")
    except DatasetError:  # no such folder: the message about the picture says what to do
        return
    for name in pictures.every_name():
        if pictures.check(name).hash == reference.hash:
            yield pictures[name]


def _not_found(reference: RecipeReference) -> str:
    what = WHAT[reference.source]
    remedy = (
        "run reference_enhancement again, or give the PNG with --reference"
        if reference.source == "enhanced"
        else "give it with --reference PHOTO, or set samples_root (--params=samples_root=/path)"
    )
    return (
        f"the {what} that the clip was made from was not found: {WHERE[reference.source]}; {remedy}"
    )
