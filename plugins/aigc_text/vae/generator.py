"""From items to texts: what is read, where latents come from, and how texts are written from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from aigc_core import DataShape, Final, Item, LoadedModel, ModelError, Partial, UsageError
from aigc_text.corpus import Rows
from aigc_text.loading import config_of, fill
from aigc_text.sampling import Sampler, Warper
from aigc_text.streaming import Stream
from aigc_text.tokenizer import TOKENIZER, Tokenizer
from aigc_text.vae.beam import Beams
from aigc_text.vae.drawing import Drawing
from aigc_text.vae.latents import latents
from aigc_text.vae.networks import Decoder, Encoder, Writing
from aigc_text.vae.options import VaeConfig, VaeOptions
from aigc_text.vae.summary import SummaryDecoder

#: Beams, and the longest run of tokens that may stand twice, where nobody says: in summaries, and in other texts.
SUMMARY, OTHER = (4, 3), (1, 0)


class VaeGenerator:
    """A text VAE that is used.

    Every tensor has the same shape whatever the items are: so what an item becomes does not depend, in any bit, on
    what stands beside it.

    Args:
        config: sizes.
        data: ``shape`` is ``(T,)`` for texts of at most T tokens, and ``(T, S)`` where they are made of sources of at
            most S; ``files`` has the tokenizer.
    """

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        self.config = config
        self.data = data
        self.tokenizer = Tokenizer.from_bytes(data.files[TOKENIZER])
        self.encoder = Encoder(config, self.tokenizer.size, data)
        self.decoder: Decoder = (SummaryDecoder if self.summarises else Decoder)(config, self.tokenizer.size, data)

    @property
    def summarises(self) -> bool:
        """Whether it was trained on pairs, and writes about a source."""
        return len(self.data.shape) == 2

    @classmethod
    def from_model(cls, model: LoadedModel) -> Self:
        """Build the generator that a model folder holds.

        Raises:
            ModelError: its options, tokenizer or tensors do not fit; the message names them.
        """
        if model.precision != "float32":
            raise ModelError(f"model {model.name!r} is pinned to {model.precision}", hint="only float32 is known here")
        if len(model.shape) not in (1, 2) or min(model.shape) < 1:
            raise ModelError(f"model {model.name!r} has the shape {tuple(model.shape)}, which no text has")
        config = config_of(VaeConfig, model)
        files = {TOKENIZER: model.read(TOKENIZER)}
        # Networks start out random, from torch's own generator, which is not ours to move.
        with torch.random.fork_rng(devices=[]):
            made = cls(config, DataShape(tuple(model.shape), tuple(model.labels), files, model.vector))
        fill({"encoder": made.encoder, "decoder": made.decoder}, model.tensors("float32"), model.name)
        return made

    def generate(self, items: Sequence[Item]) -> Iterator[Partial | Final]:
        """Yield one text an item: drawn ones as they grow where somebody reads along, then those of beam searches.

        Raises:
            UsageError: a prompt, input or option does not go with this model or with the others.
        """
        for item in items:
            self._check(item)
        plans = [self._plan(item) for item in items]
        with torch.inference_mode():
            writing = self._begin(items)
        if any(plan.width == 1 for plan in plans):
            yield from self._drawn(items, plans, writing)
        for plan in dict.fromkeys(plan for plan in plans if plan.width > 1):
            with torch.inference_mode():
                found = plan.search(self.decoder, writing)
            for index, (tokens, score) in enumerate(found):
                if plans[index] == plan:
                    stream = Stream(self.tokenizer, items[index].options.stops, plan.limit)
                    for token in tokens:
                        stream.take(token)
                    yield Final(index, stream.text, {"log_likelihood": score})

    def _check(self, item: Item) -> None:
        options: VaeOptions = item.options
        if self.summarises and not (item.prompt or "").strip():
            raise UsageError("there is nothing to summarise", hint="give the text as the prompt, or on stdin")
        if not self.summarises and item.prompt is not None:
            raise UsageError(
                "this model takes no prompt: it writes texts of its own",
                hint="give a sentence to vary as the input: --like 'a sentence'",
            )
        if (options.beams or 1) > 1 and options.temperature is not None:
            raise UsageError("a beam search draws nothing, so no temperature goes with beams", hint="set one of them")

    def _warper(self, item: Item) -> Warper:
        """Return what the options of an item make of logits. From a given text goes the likeliest word, if not said."""
        options: VaeOptions = item.options
        temperature = 0.0 if "like" in item.inputs else self.config.temperature
        return Warper.of(
            options,
            temperature if options.temperature is None else options.temperature,
            options.top_p or self.config.top_p,
        )

    def _plan(self, item: Item) -> Beams:
        """Return how the text of an item is looked for; one of width 1 is drawn."""
        options: VaeOptions = item.options
        width, no_repeat = SUMMARY if self.summarises else OTHER
        if options.temperature is not None:
            width = 1
        return Beams(
            options.beams or width,
            options.max_tokens or self.data.shape[0],
            no_repeat if options.no_repeat_ngram is None else options.no_repeat_ngram,
        )

    def _begin(self, items: Sequence[Item]) -> Writing:
        """Return the place before the first token of each item's text."""
        condition = self._condition(items)

        def encode(texts: Sequence[Any]) -> Tensor:
            given = [text if isinstance(text, str) else "" for text in texts]
            tokens = self._tokens(given, self.config.longest, end=True, cut=[False] * len(given))
            mean: Tensor = self.encoder(tokens, condition)[0]
            return mean

        latent = latents(items, self.config.latent_dim, encode)
        if not self.summarises:
            return self.decoder.begin(latent, condition)
        sources = [item.prompt or "" for item in items]
        longest = self.config.longest_source or self.data.shape[1]
        cut = [item.options.cut or self.config.longest_source is not None for item in items]
        return self.decoder.begin(latent, condition, self._tokens(sources, longest, end=False, cut=cut))

    def _condition(self, items: Sequence[Item]) -> Tensor | None:
        """Return labels ``(B,)`` or vectors ``(B, D)``, or None where the model has neither."""
        if self.data.vector:
            vectors = [np.asarray(item.condition.value, np.float32) for item in items]
            if any(vector.shape != (self.data.vector,) for vector in vectors):
                raise UsageError(f"this model is steered by a vector of {self.data.vector} numbers, and none was given")
            return torch.from_numpy(np.stack(vectors))
        return torch.tensor([item.condition.index for item in items]) if self.data.labels else None

    def _tokens(self, texts: Sequence[str], longest: int, *, end: bool, cut: Sequence[bool]) -> Tensor:
        """Return texts as ``(B, longest)``, whatever their lengths. Raises UsageError where one is longer, uncut."""
        rows = Rows.encode(texts, self.tokenizer, None, end=end)
        for count, cuts in zip(rows.lengths, cut, strict=True):
            if count > longest and not cuts:
                raise UsageError(
                    f"the text has {count:,} tokens, and this model reads at most {longest:,}",
                    hint="shorten it" if end else "shorten it, or read its beginning alone: --set cut=true",
                )
        return rows.padded(range(len(texts)), longest)

    def _drawn(self, items: Sequence[Item], plans: Sequence[Beams], writing: Writing) -> Iterator[Partial | Final]:
        """Yield the texts whose plans have width 1."""
        streams = [
            Stream(self.tokenizer, item.options.stops, plan.limit) for item, plan in zip(items, plans, strict=True)
        ]
        sampler = Sampler([self._warper(item) for item in items], [item.noise for item in items])
        drawing = Drawing(self.decoder, writing, sampler, streams, [plan.no_repeat for plan in plans])
        going = [index for index, plan in enumerate(plans) if plan.width == 1]
        told = dict.fromkeys(going, "")
        while going:
            drawing.step()
            for index in going:
                stream = streams[index]
                if stream.ended:
                    yield Final(index, stream.text, {"log_likelihood": drawing.mean_log_p(index)})
                elif items[index].streamed and stream.settled != told[index]:
                    told[index] = stream.settled
                    yield Partial(index, told[index])
            going = [index for index in going if not streams[index].ended]
