"""What both kinds of language model have in common: loading once, asking, writing, and scoring what was written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from aigc_core import Final, Item, LoadedModel, ModelError, Partial
from aigc_transformers.decoding import Chosen, Decoding, Likelihoods, repetition, warpers
from aigc_transformers.loading import Arithmetic, check_fit, load_network, load_tokenizer, quiet
from aigc_transformers.options import WritingOptions
from aigc_transformers.reading import Reader
from aigc_transformers.steady import LEAST_WIDTH, steady
from aigc_transformers.writing import Done, Draft, Progress, running

#: What of a checkpoint's ``generation_config.json`` always holds; the rest is answered by `Decoding`.
KEPT = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "suppress_tokens",
    "begin_suppress_tokens",
    "bad_words_ids",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint in memory.

    Attributes:
        said: its ``generation_config.json``.
        ends: tokens that end a text.
        pad: what fills up rows.
        longest: tokens that fit, or None.
    """

    network: Any
    tokenizer: Any
    said: GenerationConfig
    ends: tuple[int, ...]
    pad: int
    longest: int | None

    @property
    def start(self) -> int:
        """The token that says that a text begins."""
        return start_token(self.tokenizer, self.ends)


@dataclass(frozen=True, slots=True)
class Asked:
    """One item, ready to be written.

    Attributes:
        tokens: that the model reads.
        reader: of what it writes.
        finish: makes the item's content of the text that was written.
    """

    tokens: list[int]
    reader: Reader
    finish: Callable[[str], str]


class Writer(ABC):
    """A language model that was found as a checkpoint.

    Nothing is loaded before it is needed, because what a request says decides how.
    """

    kind: ClassVar[str]
    draws: ClassVar[bool]
    padded_left: ClassVar[bool]

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self._loaded: tuple[Arithmetic, Loaded] | None = None
        self._options: WritingOptions | None = None

    @classmethod
    def from_model(cls, model: LoadedModel) -> Self:
        """Return the generator of a checkpoint."""
        return cls(model)

    def configure(self, options: WritingOptions) -> None:
        """Take the options of a run, by which a likelihood is worked out, too."""
        self._options = options

    @abstractmethod
    def asked(self, item: Item, loaded: Loaded) -> Asked:
        """Return what the model reads of an item. Raises UsageError where it cannot."""

    @abstractmethod
    def inputs(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return what ``generate`` is told besides its settings."""

    @abstractmethod
    def score(self, loaded: Loaded, tokens: Tensor, mask: Tensor, written: Sequence[int]) -> float:
        """Return the mean log-likelihood of what was written, worked out anew."""

    def loaded(self, arithmetic: Arithmetic, options: Any = None) -> Loaded:
        """Return the checkpoint in memory; another arithmetic than last time loads it again."""
        if self._loaded is None or self._loaded[0] != arithmetic:
            self._loaded = None  # two of them may not fit
            self._loaded = (arithmetic, self.load(arithmetic, options))
        return self._loaded[1]

    def load(self, arithmetic: Arithmetic, options: Any) -> Loaded:
        """Load the checkpoint. Raises ModelError where something of it is missing or broken."""
        tokenizer = load_tokenizer(self.model)
        network = load_network(self.model, self.kind, arithmetic)
        check_fit(self.model, network, tokenizer)
        return ready(network, tokenizer)

    def generate(self, items: Sequence[Item]) -> Iterator[Partial | Final]:
        """Write a text for each item. Items of one call that have the same options share a batch.

        Raises:
            UsageError: there is nothing to go on from, or it is longer than the model takes.
            ModelError: the checkpoint cannot be loaded.
        """
        for options, group in groupby(enumerate(items), key=lambda pair: pair[1].options):
            places, together = zip(*group, strict=True)
            loaded = self.loaded(Arithmetic.of(options), options)
            with closing(self._written(together, options, loaded)) as made:
                for one in made:
                    if isinstance(one, Final):
                        yield Final(places[one.index], one.content, one.scores)
                    else:
                        yield Partial(places[one.index], one.content)

    def _written(
        self, items: Sequence[Item], options: WritingOptions, loaded: Loaded
    ) -> Generator[Partial | Final, None, None]:
        asked = [self.asked(item, loaded) for item in items]
        decoding = Decoding.of(options, self.said(loaded, options), draws=self.draws)
        tokens, mask, padding = self._padded(asked, loaded)
        likelihoods = Likelihoods()
        noises = [item.noise for item in items] if decoding.temperature else []
        processors = repetition(decoding, padding)
        if decoding.beams == 1:
            processors = [likelihoods, *processors, *warpers(decoding), Chosen(noises, likelihoods)]

        def generate(progress: Progress) -> Tensor:
            with quiet():
                sequences: Tensor = loaded.network.generate(
                    **self.inputs(tokens, mask),
                    generation_config=decoding.configured(self.room(asked, loaded)),
                    logits_processor=LogitsProcessorList(processors),
                    stopping_criteria=StoppingCriteriaList([progress]),
                )
            return sequences

        readers, before = [one.reader for one in asked], self.before(tokens)
        with closing(running(generate, readers, before, loaded.ends, drafts=decoding.beams == 1)) as steps:
            for step in steps:
                if isinstance(step, Draft):
                    yield Partial(step.row, asked[step.row].finish(step.text))
                    continue
                done, progress = step
                for row, one in enumerate(asked):
                    written = self._cut(done, progress, row, before, loaded, searched=decoding.beams > 1)
                    text = one.reader.read(written).text
                    if decoding.beams > 1:
                        mean = self.score(loaded, tokens[row : row + 1], mask[row : row + 1], written)
                    else:
                        mean = likelihoods.mean(row, len(written))
                    yield Final(row, one.finish(text), {"log_likelihood": mean})

    def said(self, loaded: Loaded, options: WritingOptions) -> GenerationConfig:
        """Return what the checkpoint says of how it is best written."""
        return loaded.said

    @abstractmethod
    def room(self, asked: Sequence[Asked], loaded: Loaded) -> int | None:
        """Return how many tokens may be written, or None for any number. Raises UsageError where none may."""

    @abstractmethod
    def before(self, tokens: Tensor) -> int:
        """Return how many tokens ``generate`` returns before the first that was written."""

    def _padded(self, asked: Sequence[Asked], loaded: Loaded) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return tokens and mask ``(B, T)``, and how many on the left of each row are none, where any are."""
        width = max(LEAST_WIDTH, *(len(one.tokens) for one in asked))
        tokens = torch.full((len(asked), width), loaded.pad)
        mask = torch.zeros_like(tokens)
        for row, one in enumerate(asked):
            place = slice(width - len(one.tokens), None) if self.padded_left else slice(len(one.tokens))
            tokens[row, place], mask[row, place] = torch.tensor(one.tokens), 1
        device = loaded.network.device
        padding = width - mask.sum(dim=1)
        return tokens.to(device), mask.to(device), padding if self.padded_left and bool(padding.any()) else None

    def _cut(
        self, done: Done, progress: Progress, row: int, before: int, loaded: Loaded, *, searched: bool
    ) -> list[int]:
        """Return the tokens that were written in a row, its end token among them."""
        tokens: list[int] = done.sequences[row, before:].tolist()
        if not searched:
            return tokens[: progress.counts[row]]
        ends = [place for place, token in enumerate(tokens) if token in loaded.ends]
        return tokens[: ends[0] + 1] if ends else tokens


def ready(network: Any, tokenizer: Any) -> Loaded:
    """Return a network and its tokenizer with what is known of them; from now on its own settings are only `KEPT`.

    Raises:
        ModelError: nothing says which token ends a text.
    """
    said = network.generation_config
    ends = end_tokens(said, tokenizer)
    pads = (said.pad_token_id, tokenizer.pad_token_id, ends[0])
    pad = next(int(one) for one in pads if one is not None)
    kept = {key: getattr(said, key, None) for key in KEPT}
    network.generation_config = GenerationConfig(**{**kept, "eos_token_id": list(ends), "pad_token_id": pad})
    return Loaded(steady(network), tokenizer, said, ends, pad, room_of(network))


def end_tokens(said: GenerationConfig, tokenizer: Any) -> tuple[int, ...]:
    """Return the tokens that end a text. Raises ModelError where nothing says which."""
    end = said.eos_token_id if said.eos_token_id is not None else tokenizer.eos_token_id
    if end is None:
        raise ModelError(
            "nothing says which token ends a text", hint="set eos_token_id in the checkpoint's generation_config.json"
        )
    return tuple(end) if isinstance(end, list) else (int(end),)


def start_token(tokenizer: Any, ends: Sequence[int]) -> int:
    """Return the token that says that a text begins; where there is none, the one that ends the text before it.

    So does EleutherAI's lm-evaluation-harness (``HFLM.prefix_token_id``).
    """
    found: int | None = tokenizer.bos_token_id
    return ends[0] if found is None else found


def room_of(network: Any) -> int | None:
    """Return how many tokens a network has places for, or None for any number."""
    places: int | None = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    return places
