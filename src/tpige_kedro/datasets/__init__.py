"""Kedro datasets that survive a crash: clips, partitions saved atomically, the index of what is finished, pictures."""

from tpige_kedro.datasets.completion import CompletionIndex
from tpige_kedro.datasets.drawn import DrawnPictureDataset
from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
from tpige_kedro.datasets.partitions import ResumablePartitionedDataset
from tpige_kedro.datasets.pictures import PictureFolder
from tpige_kedro.datasets.sample_folder import ReferenceFolder, SampleFolder
from tpige_kedro.datasets.samples import SamplesDataset

__all__ = [
    "Clip",
    "CompletionIndex",
    "DrawnPictureDataset",
    "Mp4Dataset",
    "PictureFolder",
    "ReferenceFolder",
    "ResumablePartitionedDataset",
    "SampleFolder",
    "SamplesDataset",
]
