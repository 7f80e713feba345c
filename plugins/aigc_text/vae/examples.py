"""Texts as ``text/vae`` learns from them: each a row of tokens with its end, padded where it stands in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aigc_core import Batch, DataShape, TextData, UsageError
from aigc_text.corpus import Rows
from aigc_text.tokenizer import TOKENIZER, Tokenizer, make_tokenizer
from aigc_text.vae.options import VaeConfig

#: Batches are as wide as a multiple of this: oneDNN keeps some megabytes for every width that it has met.
WIDTH = 8
#: Tokens of a source that attention may have to choose from.
MOST_OF_SOURCE = 4096


class Sentences:
    """Texts in memory as token ids, each alone, with what they were made of and what they are conditioned by.

    Args:
        config: how texts become tokens.
        texts: what is learnt from.
        files: with the tokenizer that was made before; without, one is made of the texts.
        cut: whether texts are cut where they are longer than `config` says; sources always are.

    Raises:
        UsageError: there are no texts, or one is empty.
    """

    def __init__(
        self, config: VaeConfig, texts: TextData, files: Mapping[str, bytes] | None = None, *, cut: bool = True
    ) -> None:
        if not len(texts):
            raise UsageError("there is no text", hint="give a file with a text a line")
        for kind, texts_of in (("text", texts.texts), ("source", texts.sources or ())):
            for place, text in enumerate(texts_of):
                if not text:
                    raise UsageError(f"{kind} {place + 1} is empty", hint="leave empty lines and cells out")
        self.tokenizer = Tokenizer.from_bytes(files[TOKENIZER]) if files else _tokenizer(config, texts)
        self._rows = Rows.encode(texts.texts, self.tokenizer, config.longest if cut else None, end=True)
        self._sources = _sources(config, texts, self.tokenizer)
        given = texts.labels if texts.vectors is None else texts.vectors
        self._condition = None if given is None else torch.from_numpy(np.ascontiguousarray(given))
        self.described = DataShape(
            (self._rows.longest, *([self._sources.longest] if self._sources else [])),
            texts.label_names,
            {TOKENIZER: self.tokenizer.to_bytes()},
            0 if texts.vectors is None else texts.vectors.shape[1],
        )

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def token_counts(self) -> list[int]:
        """Tokens of each text, its end included."""
        counts: list[int] = self._rows.lengths.tolist()
        return counts

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all texts in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.batch(np.arange(start, min(start + size, len(self))))

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return the texts at `indices`, padded to the longest of them or a little more."""
        return Batch(
            _padded(self._rows, indices),
            None if self._condition is None else self._condition[torch.from_numpy(indices)],
            None if self._sources is None else _padded(self._sources, indices),
        )


def _padded(rows: Rows, indices: NDArray[np.int64]) -> Tensor:
    longest = int(rows.lengths[indices].max())
    return rows.padded(indices, -(-longest // WIDTH) * WIDTH)


def _sources(config: VaeConfig, texts: TextData, tokenizer: Tokenizer) -> Rows | None:
    if texts.sources is None:
        return None
    rows = Rows.encode(texts.sources, tokenizer, config.longest_source, end=False)
    if rows.longest > MOST_OF_SOURCE:
        raise UsageError(
            f"source {int(rows.lengths.argmax()) + 1} has {rows.longest:,} tokens; at most {MOST_OF_SOURCE:,} are read",
            hint="read the beginning of each: --set longest_source=512",
        )
    return rows


def _tokenizer(config: VaeConfig, texts: TextData) -> Tokenizer:
    everything = [*texts.texts, *texts.sources] if texts.sources else texts.texts
    return make_tokenizer(everything, config.tokenizer, config.vocabulary)
