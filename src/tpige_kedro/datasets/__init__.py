"""Kedro datasets: item folders, tables, pictures and clips on the disk. Nothing here computes a result."""

from tpige_kedro.datasets.drawn import DrawnPictureDataset
from tpige_kedro.datasets.item_folder import ItemFolder
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
from tpige_kedro.datasets.pictures import PictureFolder
from tpige_kedro.datasets.sample_folder import ReferenceFolder, SampleFolder
from tpige_kedro.datasets.samples import SamplesDataset
from tpige_kedro.datasets.table import TableDataset
from tpige_kedro.datasets.text import TextFile

__all__ = [
    "Clip",
    "DrawnPictureDataset",
    "Item",
    "ItemFolder",
    "Items",
    "Mp4Dataset",
    "PictureFolder",
    "ReferenceFolder",
    "SampleFolder",
    "SamplesDataset",
    "TableDataset",
    "TextFile",
]
