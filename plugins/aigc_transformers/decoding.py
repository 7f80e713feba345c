"""How tokens are chosen: what the request says, or else the checkpoint, and which processors of logits that makes.

transformers draws from one global generator. Here nothing is drawn by it: the last processor adds Gumbel noise of the
item's own stream, and the largest is taken, which draws from the softmax (Gumbel 1954; Maddison et al. 2014, A*
sampling, section 2). So an item depends on its own seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from aigc_core import Noise
from aigc_transformers.options import WritingOptions

#: Where neither request nor checkpoint says anything: llama.cpp's defaults.
TEMPERATURE, TOP_P = 0.8, 0.95
MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tokens are chosen, every open question answered.

    Attributes:
        temperature: 0 takes the likeliest token.
        beams: more than one: the likeliest text of so many is looked for, and nothing is drawn.
        length_penalty, early_stopping: of beam search, as transformers has them.
        least_tokens: none ends before it has so many.
    """

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repetition_penalty: float
    no_repeat_ngram: int
    beams: int
    max_tokens: int
    least_tokens: int
    length_penalty: float
    early_stopping: bool | str

    @classmethod
    def of(cls, options: WritingOptions, said: GenerationConfig, *, draws: bool) -> Decoding:
        """Return what `options` ask for, or else what the checkpoint has `said`.

        Args:
            draws: whether a checkpoint that says nothing draws, or takes the likeliest.
        """
        beams = options.beams or (1 if options.temperature else said.num_beams) or 1
        temperature = 0.0 if beams > 1 else _temperature(options, said, draws=draws)
        silent = not said.do_sample and draws
        # A checkpoint's max_length and min_length count the prompt, too, where that is part of the text.
        longest, least = (None, None) if draws else (said.max_length, said.min_length)
        max_tokens = options.max_tokens or said.max_new_tokens or longest or MAX_TOKENS
        return cls(
            temperature=temperature,
            top_k=_first(options.top_k, said.top_k, default=0),
            top_p=_first(options.top_p, None if silent else said.top_p, default=TOP_P if silent else 1.0),
            min_p=_first(options.min_p, said.min_p, default=0.0),
            typical_p=_first(options.typical_p, said.typical_p, default=1.0),
            repetition_penalty=_first(options.repetition_penalty, said.repetition_penalty, default=1.0),
            no_repeat_ngram=_first(options.no_repeat_ngram, said.no_repeat_ngram_size, default=0),
            beams=beams,
            max_tokens=max_tokens,
            least_tokens=min(_first(said.min_new_tokens, least, default=0), max_tokens),
            length_penalty=_first(said.length_penalty, default=1.0),
            early_stopping=_first(said.early_stopping, default=False),
        )

    def configured(self, room: int | None) -> GenerationConfig:
        """Return it for ``generate``, with at most `room` tokens; what is drawn is not in it."""
        longest = self.max_tokens if room is None else min(self.max_tokens, room)
        return GenerationConfig(
            do_sample=False,
            num_beams=self.beams,
            max_new_tokens=longest,
            min_new_tokens=min(self.least_tokens, longest) or None,
            length_penalty=self.length_penalty,
            early_stopping=self.early_stopping,
            # These are processors of ours, behind the one that looks at what the network itself says.
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
        )


def _temperature(options: WritingOptions, said: GenerationConfig, *, draws: bool) -> float:
    if options.temperature is not None:
        return options.temperature
    if said.do_sample:
        return float(_first(said.temperature, default=1.0))
    return TEMPERATURE if draws else 0.0


def _first(*values: Any, default: Any) -> Any:
    return next((value for value in values if value is not None), default)


class Likelihoods(LogitsProcessor):
    """Keeps what the network itself held of each token that was chosen; changes nothing.

    It stands first, and `Chosen` last.

    Attributes:
        steps: the log-probability of each row's token, ``(B,)`` a step.
    """

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self._now: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._now = scores.float().log_softmax(dim=-1)
        return scores

    def chosen(self, tokens: Tensor) -> None:
        """Take note of the tokens ``(B,)`` that are chosen in this step."""
        assert self._now is not None
        self.steps.append(self._now.gather(1, tokens[:, None])[:, 0].cpu())

    def mean(self, row: int, count: int) -> float:
        """Return the mean log-likelihood of the first `count` tokens of a row, in nats a token."""
        return float(torch.stack([step[row] for step in self.steps[:count]]).double().mean()) if count else 0.0


class Chosen(LogitsProcessor):
    """Adds the Gumbel noise of each row's own stream, if anything is drawn; the largest is what greedy decoding takes.

    Args:
        noises: a stream a row; empty: the likeliest token is taken.
        likelihoods: is told what was chosen.
    """

    def __init__(self, noises: Sequence[Noise], likelihoods: Likelihoods) -> None:
        self._noises = noises
        self._likelihoods = likelihoods

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.float()
        if self._noises:
            noise = np.stack([noise.gumbel(scores.shape[1]) for noise in self._noises])  # (B, V)
            scores = scores + torch.from_numpy(noise).to(scores.device)
        self._likelihoods.chosen(scores.argmax(dim=-1))
        return scores


def warpers(decoding: Decoding) -> list[LogitsProcessor]:
    """Return what narrows down the tokens that are drawn from, in the order of transformers' own sampling."""
    if not decoding.temperature:
        return []
    made: list[LogitsProcessor] = []
    if decoding.temperature != 1:
        made.append(TemperatureLogitsWarper(decoding.temperature))
    if decoding.top_k:
        made.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        made.append(TopPLogitsWarper(decoding.top_p))
    if decoding.min_p > 0:
        made.append(MinPLogitsWarper(decoding.min_p))
    if decoding.typical_p < 1:
        made.append(TypicalLogitsWarper(decoding.typical_p))
    return made


def repetition(decoding: Decoding, padding: Tensor | None) -> list[LogitsProcessor]:
    """Return what holds a text from repeating itself.

    Args:
        padding: how many tokens on the left of each row are none, ``(B,)``.
    """
    made: list[LogitsProcessor] = []
    if padding is not None:
        padding = padding.repeat_interleave(decoding.beams)  # each text has as many rows
    if decoding.repetition_penalty != 1:
        made.append(RepetitionPenaltyLogitsProcessor(decoding.repetition_penalty, prompt_ignore_length=padding))
    if decoding.no_repeat_ngram:
        made.append(NoRepeatNGramLogitsProcessor(decoding.no_repeat_ngram))
    return made
