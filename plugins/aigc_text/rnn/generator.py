"""``text/rnn`` as a generator: from a model folder to texts, drawn token by token."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from aigc_core import DataShape, Final, Item, LoadedModel, ModelError, Partial, UsageError
from aigc_text.loading import config_of, fill
from aigc_text.rnn.acrostic import Acrostic
from aigc_text.rnn.model import LanguageModel
from aigc_text.rnn.options import RnnOptions
from aigc_text.rnn.stepping import Stepper
from aigc_text.rnn.writing import Text, Writing
from aigc_text.sampling import Warper
from aigc_text.steering import language_of, steering
from aigc_text.streaming import Stream
from aigc_text.tokenizer import TOKENIZER, Tokenizer


class Rnn(LanguageModel):
    """A language model that goes on from a prompt, or begins a text of its own."""

    model: LoadedModel | None = None
    _stepper: Stepper | None = None

    @classmethod
    def from_model(cls, model: LoadedModel) -> Self:
        """Build the generator that a model folder holds.

        Raises:
            ModelError: its options, tokenizer or tensors do not fit; the message names them.
        """
        if model.precision != "float32":
            raise ModelError(f"model {model.name!r} is pinned to {model.precision}", hint="only float32 is known here")
        if len(model.shape) != 1 or model.shape[0] < 1:
            raise ModelError(f"model {model.name!r} has the shape {tuple(model.shape)}, which no text has")
        config = config_of(cls.Config, model)
        files = {TOKENIZER: model.read(TOKENIZER)}
        # Networks start out random, from torch's own generator, which is not ours to move.
        with torch.random.fork_rng(devices=[]):
            made = cls(config, DataShape(tuple(model.shape), tuple(model.labels), files, model.vector))
        fill(made.networks, model.tensors("float32"), model.name)
        made.model = model
        made._stepper = Stepper(made.rnn)
        return made

    def generate(self, items: Sequence[Item]) -> Iterator[Partial | Final]:
        """Yield one text an item, as each ends, and what is written so far of those that somebody reads along.

        Items that are the same in everything, noise included, are written once: the core fills a call with copies.

        Raises:
            UsageError: a prompt, condition or option does not go with this model.
        """
        copies: dict[Hashable, list[int]] = {}
        for index, item in enumerate(items):
            copies.setdefault(_identity(item), []).append(index)
        others = {first: rest for first, *rest in copies.values()}
        for made in self._written({first: items[first] for first in others}):
            yield made
            if isinstance(made, Final):
                yield from (Final(copy, made.content, made.scores) for copy in others[made.index])

    def _written(self, items: Mapping[int, Item]) -> Iterator[Partial | Final]:
        """Write texts that all differ, as many at once as a call of the network may have rows."""
        drawn = [index for index, item in items.items() if not item.options.searches]
        # While it trains, its weights are others each time.
        stepper = self._stepper or Stepper(self.rnn)
        most = stepper.sizes[-1]
        for start in range(0, len(drawn), most):
            yield from self._drawn(stepper, {index: items[index] for index in drawn[start : start + most]})
        yield from self._searched({index: item for index, item in items.items() if item.options.searches})

    def _drawn(self, stepper: Stepper, items: Mapping[int, Item]) -> Iterator[Partial | Final]:
        texts = {index: self._text(item) for index, item in items.items()}
        writing = Writing(stepper, list(texts.values()))
        told = dict.fromkeys(texts, "")
        going = dict(texts)
        while writing.going:
            writing.step()
            for index, text in list(going.items()):
                begun = _begun(items[index])
                if text.stream.ended:
                    del going[index]
                    yield Final(index, begun + text.stream.text, {"log_likelihood": text.score})
                elif items[index].streamed and text.stream.settled != told[index]:
                    told[index] = text.stream.settled
                    yield Partial(index, begun + told[index])

    def _searched(self, items: Mapping[int, Item]) -> Iterator[Partial | Final]:
        """Write texts with what only transformers does, one by one: a text is the same whoever is written beside it."""
        if not items:
            return
        from aigc_text.rnn.searching import Searcher

        searcher = Searcher(self)
        for index, item in items.items():
            text = self._text(item)
            searcher.write(text, item.options)
            yield Final(index, _begun(item) + text.stream.text, {"log_likelihood": text.score})

    def _text(self, item: Item) -> Text:
        """Return the text of an item before its first token."""
        options: RnnOptions = item.options
        prompt = item.prompt or ""
        temperature = self.config.temperature if options.temperature is None else options.temperature
        top_p = self.config.top_p if options.top_p is None else options.top_p
        acrostic = None
        if options.acrostic:
            acrostic = Acrostic(options.acrostic, options.line_ends, prompt, self.tokenizer, options.max_tokens)
        return Text(
            [Tokenizer.bos, *self.tokenizer.encode(prompt)],
            Stream(self.tokenizer, options.stops, options.max_tokens),
            Warper.of(options, temperature, top_p),
            item.noise,
            options.min_tokens,
            self._condition(item),
            acrostic,
        )

    def _condition(self, item: Item) -> Tensor | None:
        vector, languages = item.condition.value, self.config.languages
        language = item.options.language
        if language is not None and language not in languages:
            known = ", ".join(languages) or "one language, and takes no such option"
            raise UsageError(f"the model does not tell {language!r} apart: it knows {known}")
        if self.data.vector and (item.condition.kind != "vector" or len(vector) != self.data.vector):
            raise UsageError(f"the model wants a vector of {self.data.vector} numbers to be conditioned by")
        if self.data.vector or languages:
            by_prompt = language_of(item.prompt) if item.prompt else ""
            spoken = language or (by_prompt if by_prompt in languages else next(iter(languages), ""))
            vectors = np.asarray(vector, np.float32)[None] if self.data.vector else None
            return torch.from_numpy(steering(vectors, [spoken], languages)[0])
        if self.data.labels:
            if item.condition.index is None:
                raise UsageError(f"the model wants a label: {', '.join(self.data.labels[:12])}")
            return torch.tensor(item.condition.index)
        return None


def _begun(item: Item) -> str:
    """Return what the text of an item begins with."""
    return item.prompt or "" if item.options.echo else ""


def _identity(item: Item) -> Hashable:
    """Return what decides an item's text."""
    condition = item.condition
    vector = condition.value.tobytes() if condition.kind == "vector" else None
    noise = tuple((weight, part.seed, part.name) for weight, part in item.noise.parts)
    return item.prompt, item.options.model_dump_json(), condition.kind, condition.index, vector, noise
