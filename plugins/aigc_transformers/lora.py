"""``aigc train text/causal-lm … --from CHECKPOINT``: fine-tuning by a low-rank adapter, in the common loop.

Hu et al. 2021 (LoRA, arXiv 2106.09685), section 4.1: a weight ``W`` becomes ``W + α/r · B A``, of which only ``A`` and
``B`` are learnt; ``B`` starts as zero, so the first step starts from the checkpoint itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_core import Batch, Context, DataShape, Examples, Final, Item, Loss, Partial, Phase, TextData, UsageError
from aigc_transformers.adapters import Adapter, adapted, for_peft
from aigc_transformers.bases import Foundation, foundation
from aigc_transformers.causal import CausalLM
from aigc_transformers.documents import NOTHING, documents, pairs
from aigc_transformers.loading import Arithmetic
from aigc_transformers.options import AdapterConfig, CausalOptions
from aigc_transformers.prompts import conversation
from aigc_transformers.writer import Loaded, end_tokens, ready, room_of, start_token

#: Tokens learnt from at a time if nothing is said.
LONGEST = 256
#: Tokens of a sample on the way: enough to see what it is becoming.
GLIMPSE = 64

_TRAINING = {"lr": 2e-4, "clip": 1.0, "schedule": "cosine", "warmup": 10, "ema_images": 0, "log_every": 10}


class Lora:
    """A frozen language model with an adapter that learns."""

    Config = AdapterConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"config": {"rank": 4, "longest": 128}, "training": {**_TRAINING, "batch": 4, "minutes": 5}},
        "small": {"config": {}, "training": {**_TRAINING, "batch": 8, "minutes": 30}},
        "base": {"config": {"rank": 32, "alpha": 64, "longest": 1024}, "training": {**_TRAINING, "batch": 16}},
    }
    inference = ("adapter",)
    phases = (Phase("likelihood", ("adapter",)),)
    #: What a text is must not depend on which others share its call.
    micro_batch = 1
    #: Samples that the end of a training is measured by: each takes seconds.
    measured = 16

    def __init__(self, config: AdapterConfig, data: DataShape) -> None:
        self.config, self.data = config, data
        self._foundation = _base_of(config)
        self._adapter = adapted(self._foundation.network, config)
        self.networks = {"adapter": self._adapter}
        self._writer = _Trainee(self._foundation, self._adapter)

    @classmethod
    def examples(cls, config: AdapterConfig, texts: TextData, files: Mapping[str, bytes] | None = None) -> Examples:
        """Return texts, or pairs of what is asked and answered, as rows of the checkpoint's own tokens.

        Raises:
            UsageError: nothing can be learnt from them, or `longest` is more than the checkpoint takes.
        """
        base = _base_of(config)
        ends = end_tokens(base.network.generation_config, base.tokenizer)
        longest = _longest(config, base)
        if texts.sources is None:
            return documents(texts, base.tokenizer, longest, start_token(base.tokenizer, ends), ends[0])
        chat = bool(base.tokenizer.chat_template) if config.chat is None else config.chat

        def asked(source: str) -> str:
            if not chat:
                return f"{source}\n"
            return conversation(source, CausalOptions(), base.tokenizer, base.found.name)

        return pairs(texts, base.tokenizer, longest, ends[0], asked)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the mean ``log p`` of each token that is to be learnt, given those before it, in nats."""
        assert batch.source is not None
        there = batch.data != NOTHING
        logits = context.networks["adapter"](batch.data.clamp(min=0), there.long())
        places = torch.arange(batch.data.shape[1], device=batch.data.device)
        wanted = batch.data.masked_fill(places < batch.source, NOTHING)
        total = cross_entropy(logits[:, :-1].float().flatten(0, 1), wanted[:, 1:].flatten(), ignore_index=NOTHING)
        return Loss(total, {"perplexity": total.detach().exp()})

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: a language model samples as it is."""
        return {}

    def files(self) -> Mapping[str, bytes]:
        """Return what lets ``peft`` load the adapter, too."""
        return for_peft(self._adapter, self._foundation.found.name)

    def generate(self, items: Sequence[Item]) -> Iterator[Partial | Final]:
        """Write short samples with the adapter as it is now."""
        short = [
            replace(item, options=item.options.model_copy(update={"max_tokens": min(self.data.shape[0], GLIMPSE)}))
            for item in items
        ]
        yield from self._writer.generate(short)


class _Trainee(CausalLM):
    """A language model that is in memory already."""

    def __init__(self, base: Foundation, adapter: Adapter) -> None:
        self._base, self._adapter = base, adapter
        super().__init__(base.found)  # type: ignore[arg-type]  # it has all that is asked of a checkpoint

    def load(self, arithmetic: Arithmetic, options: Any) -> Loaded:
        """Return what is there."""
        return ready(self._adapter.model, self._base.tokenizer)


def _base_of(config: AdapterConfig) -> Foundation:
    assert config.base is not None, "AdapterConfig makes sure of it"
    return foundation(config.base)


def _longest(config: AdapterConfig, base: Foundation) -> int:
    """Return how many tokens are learnt from at a time. Raises UsageError where the checkpoint takes fewer."""
    room = room_of(base.network)
    if config.longest is not None and room is not None and config.longest > room:
        raise UsageError(
            f"{base.found.name} takes {room:,} tokens, and longest is {config.longest:,}", hint=f"set longest={room}"
        )
    return config.longest or min(LONGEST, room or LONGEST)
