"""Reading what is learnt from, and what is evaluated against.

`read` gives pictures as arrays, `read_texts` texts, each with a survey of what was found. `open_source` gives the
records as they are. Imports numpy and Pillow, never torch.
"""

from aigc_core.data.captions import SEEN, CaptionedPictures
from aigc_core.data.gathering import Dataset
from aigc_core.data.pictures import FITS, Fit
from aigc_core.data.reading import read, read_parts
from aigc_core.data.records import Record, Skipped, Source
from aigc_core.data.sources import open_source
from aigc_core.data.splits import SPLITS, split_of
from aigc_core.data.survey import Survey
from aigc_core.data.text_survey import TextSurvey
from aigc_core.data.texts import TextData, TextReading, TextSet, read_texts

__all__ = [
    "FITS",
    "SEEN",
    "SPLITS",
    "CaptionedPictures",
    "Dataset",
    "Fit",
    "Record",
    "Skipped",
    "Source",
    "Survey",
    "TextData",
    "TextReading",
    "TextSet",
    "TextSurvey",
    "open_source",
    "read",
    "read_parts",
    "read_texts",
    "split_of",
]
