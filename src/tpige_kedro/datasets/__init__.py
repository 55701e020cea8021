"""Kedro datasets: item folders, tables, pictures and clips on the disk. Nothing here computes a result."""

from tpige_kedro.datasets.chosen import ChosenClips
from tpige_kedro.datasets.drawn import DrawnPictureDataset
from tpige_kedro.datasets.item_folder import ItemFolder
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
from tpige_kedro.datasets.pictures import PictureFolder
from tpige_kedro.datasets.printed_table import PrintedTable, PrintedTableDataset
from tpige_kedro.datasets.sample_folder import ReferenceFolder, SampleFolder
from tpige_kedro.datasets.samples import SamplesDataset
from tpige_kedro.datasets.table import TableDataset
from tpige_kedro.datasets.table_set import KeptTables, TableFiles
from tpige_kedro.datasets.tables import TablesDataset
from tpige_kedro.datasets.text import TextFile, TextFiles

__all__ = [
    "ChosenClips",
    "Clip",
    "DrawnPictureDataset",
    "Item",
    "ItemFolder",
    "Items",
    "KeptTables",
    "Mp4Dataset",
    "PictureFolder",
    "PrintedTable",
    "PrintedTableDataset",
    "ReferenceFolder",
    "SampleFolder",
    "SamplesDataset",
    "TableDataset",
    "TableFiles",
    "TablesDataset",
    "TextFile",
    "TextFiles",
]
