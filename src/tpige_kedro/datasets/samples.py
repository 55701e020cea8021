"""The list of samples, read as text, with errors that say how to write one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset

from tpige_kedro.files.errors import DatasetError

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

HOW = "write a header line sample_id,person_id,prompt,reference,consent and one line per sample, as UTF-8"


class SamplesDataset(AbstractDataset[None, pd.DataFrame]):
    """``samples.csv``, read-only: every cell is text (ids keep their zeros), an empty cell is the empty text.

    ``nrows`` takes the first rows only: a small run of a large set.
    """

    def __init__(
        self, *, filepath: str, nrows: int | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._filepath = Path(filepath)
        self._nrows = nrows
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table. Raises ``DatasetError`` naming the file when it is absent, empty, or no CSV."""
        try:
            table = pd.read_csv(
                self._filepath,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                skipinitialspace=True,
                nrows=self._nrows,
            )
        except FileNotFoundError as error:
            raise DatasetError(
                f"{self._filepath}: no such file; set samples_root to a folder with samples.csv and references/ "
                "(kedro run --params=samples_root=/path)"
            ) from error
        except pd.errors.EmptyDataError as error:
            raise DatasetError(f"{self._filepath} is empty; {HOW}") from error
        except (pd.errors.ParserError, UnicodeDecodeError) as error:
            raise DatasetError(
                f"{self._filepath} is not a readable CSV file: {str(error).strip()}; {HOW}"
            ) from error
        if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus cells for an index
            raise DatasetError(
                f"{self._filepath} has rows with more cells than the header line; put prompts that hold commas into "
                f"quotes; {HOW}"
            )
        return table

    def save(self, data: None) -> NoReturn:
        """Refused: the list of samples is the user's own file."""
        raise DatasetError("samples.csv is only read")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        return self.load().head(nrows).to_dict(orient="split")  # type: ignore[return-value]

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "nrows": self._nrows}

    def _exists(self) -> bool:
        return self._filepath.is_file()
