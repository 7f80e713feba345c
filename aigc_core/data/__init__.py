"""Reading what is learnt from, and what is evaluated against.

`read` gives pictures as arrays, with a `Survey` of what was found. `open_source` gives the records as they are, texts
as well. Imports numpy and Pillow, never torch.
"""

from aigc_core.data.gathering import Dataset
from aigc_core.data.pictures import FITS, Fit
from aigc_core.data.reading import read, read_parts
from aigc_core.data.records import Record, Skipped, Source
from aigc_core.data.sources import open_source
from aigc_core.data.splits import SPLITS, split_of
from aigc_core.data.survey import Survey

__all__ = [
    "FITS",
    "SPLITS",
    "Dataset",
    "Fit",
    "Record",
    "Skipped",
    "Source",
    "Survey",
    "open_source",
    "read",
    "read_parts",
    "split_of",
]
