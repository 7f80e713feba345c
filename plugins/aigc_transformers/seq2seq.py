"""``text/seq2seq``: a language model that makes a text out of another one, out of a local transformers checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor
from transformers import GenerationConfig

from aigc_core import Item, UsageError
from aigc_transformers.likelihood import transformed
from aigc_transformers.options import WritingOptions
from aigc_transformers.prompts import settings_of, worded
from aigc_transformers.reading import Reader
from aigc_transformers.writer import Asked, Loaded, Writer


class Seq2Seq(Writer):
    """Writes a summary, a translation, an answer: whatever the checkpoint was trained to make of a text."""

    kind: ClassVar = "AutoModelForSeq2SeqLM"
    draws: ClassVar = False
    padded_left: ClassVar = False

    def asked(self, item: Item, loaded: Loaded) -> Asked:
        """Return the tokens of the text that is worked on."""
        words = worded(item, item.options, settings_of(loaded.network.config, item.options))
        if not words:
            raise UsageError(f"{self.model.name} makes a text out of another one", hint="give that as the prompt")
        tokens: list[int] = loaded.tokenizer(words).input_ids
        if loaded.longest is not None and len(tokens) > loaded.longest:
            raise UsageError(
                f"the text has {len(tokens):,} tokens, and {self.model.name} reads {loaded.longest:,}",
                hint="shorten it",
            )
        return Asked(tokens, Reader(loaded.tokenizer, (), item.options.stop), str.strip)

    def said(self, loaded: Loaded, options: WritingOptions) -> GenerationConfig:
        """Return what the checkpoint says of how it is best written, for the task if it has more to say of that."""
        said = copy.deepcopy(loaded.said)
        for key, value in (settings_of(loaded.network.config, options) or {}).items():
            if hasattr(said, key):
                setattr(said, key, value)
        return said

    def inputs(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return the text that is read."""
        return {"input_ids": tokens, "attention_mask": mask}

    def before(self, tokens: Tensor) -> int:
        """One token starts the decoder."""
        return 1

    def room(self, asked: Sequence[Asked], loaded: Loaded) -> int | None:
        """Return how many tokens the decoder has places for."""
        return None if loaded.longest is None else loaded.longest - 1

    def score(self, loaded: Loaded, tokens: Tensor, mask: Tensor, written: Sequence[int]) -> float:
        """Return the mean log-likelihood of what was written, given the text that was read."""
        said = loaded.said
        start = said.decoder_start_token_id if said.decoder_start_token_id is not None else said.bos_token_id
        return transformed(loaded.network, tokens, mask, [start, *written])
