"""The recurrent language model of ``text/rnn`` (Mikolov et al. 2010): it learns to say the next token of a text.

Training is that of Merity et al. 2017 (AWD-LSTM, arXiv 1708.02182): dropout that stays the same along a text, and
truncated backpropagation through time, with the state carried on where all texts are read as one stream.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_core import Batch, Context, DataShape, Examples, Loss, Noise, Phase, TextData, UsageError
from aigc_text.corpus import Documents, Rows, Windows
from aigc_text.rnn.networks import Recurrent, State
from aigc_text.rnn.options import RnnConfig, RnnOptions
from aigc_text.steering import language_of, steering
from aigc_text.tokenizer import TOKENIZER, Tokenizer, make_tokenizer

#: Texts are learnt from each alone where the longest has at most so many tokens, unless the layout is said.
SHORT = 256
#: Rows and tokens whose likelihood is worked out at once.
ROWS, WINDOW = 16, 256

_SPECIALS = {"pad_token_id": Tokenizer.pad, "bos_token_id": Tokenizer.bos, "eos_token_id": Tokenizer.eos}
_TRAINING = {"betas": (0.9, 0.99), "clip": 1.0, "schedule": "cosine", "warmup": 100, "ema_images": 2_000}


class LanguageModel:
    """A network that says at each token which may follow, and how it is trained and judged."""

    Config = RnnConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "config": {"hidden": 256, "embedding": 128},
            "training": {**_TRAINING, "minutes": 5, "batch": 16, "lr": 4e-3},
        },
        "small": {
            "config": {"hidden": 512, "embedding": 256, "dropout": 0.1},
            "training": {**_TRAINING, "minutes": 30, "batch": 32, "lr": 3e-3},
        },
        "base": {
            "config": {"layers": 2, "hidden": 1024, "embedding": 384, "dropout": 0.25, "weight_dropout": 0.2},
            "training": {**_TRAINING, "minutes": 480, "batch": 64, "lr": 2e-3},
        },
    }
    inference = ("rnn",)
    phases = (Phase("likelihood", ("rnn",)),)

    def __init__(self, config: RnnConfig, data: DataShape) -> None:
        self.config, self.data = config, data
        self.tokenizer = Tokenizer.from_bytes(data.files[TOKENIZER])
        self.rnn = Recurrent(
            self.tokenizer.size,
            cell=config.cell,
            layers=config.layers,
            hidden=config.hidden,
            embedding=config.embedding,
            classes=len(data.labels),
            vector=data.vector + len(config.languages),
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
        )
        self.networks = {"rnn": self.rnn}
        self._carries = is_stream(
            config, data.shape[0], conditioned=bool(data.labels or data.vector or config.languages)
        )

    @classmethod
    def examples(cls, config: RnnConfig, texts: TextData, files: Mapping[str, bytes] | None = None) -> Examples:
        """Return texts as examples, each alone or all as one stream.

        Characters of a tokenizer that was made before are all there are: texts with others are left out.

        Raises:
            UsageError: there is nothing to learn from, or a stream of texts with labels or vectors is asked for.
        """
        if texts.sources is not None:
            raise UsageError("text/rnn learns no pairs of texts", hint="text/vae does, or give one column alone")
        kept = [place for place, text in enumerate(texts.texts) if text]
        if files is None:
            tokenizer = make_tokenizer(texts.texts, config.tokenizer, config.vocabulary)
        else:
            tokenizer = Tokenizer.from_bytes(files[TOKENIZER])
            kept = [place for place in kept if tokenizer.knows(texts.texts[place])]
        if not kept:
            raise UsageError("there is no text to learn from", hint="give a file with a text a line")
        if len(kept) < len(texts):
            texts = texts.some(np.array(kept))
        condition: NDArray[Any] | None = texts.labels
        if texts.vectors is not None or config.languages:
            if texts.labels is not None:
                raise UsageError("texts with labels are told no vectors or languages", hint="leave the labels out")
            spoken = [language_of(text) for text in texts.texts]
            condition = steering(texts.vectors, spoken, config.languages)
        rows = Rows.encode(texts.texts, tokenizer, begin=True)
        stream = is_stream(config, rows.longest, conditioned=condition is not None)
        if not stream and rows.longest > config.longest:
            rows = rows.cut(config.longest)
        described = DataShape(
            (rows.longest,),
            texts.label_names if texts.labels is not None else (),
            {TOKENIZER: tokenizer.to_bytes()},
            0 if texts.vectors is None else texts.vectors.shape[1],
        )
        return Windows(rows, config.window, described) if stream else Documents(rows, described, condition)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the mean ``log p`` of each token given those before it, in nats."""
        tokens, targets = batch.data[:, :-1], batch.data[:, 1:]  # (B, T) each
        network = context.networks["rnn"]
        total, state = network(tokens, context.state if self._carries else None, batch.condition, targets)
        if not self._carries:
            return Loss(total)
        return Loss(total, state=tuple(tuple(part.float() for part in layer) for layer in state))

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: what texts are drawn from is the network itself."""
        return {}

    def transformers_config(self) -> dict[str, Any]:
        """Return what ``RnnForCausalLMConfig`` takes."""
        return {
            "cell": self.config.cell,
            "num_hidden_layers": self.config.layers,
            "hidden_size": self.config.hidden,
            "embedding_size": self.config.embedding,
            "vocab_size": self.tokenizer.size,
            "labels": list(self.data.labels),
            "vector": self.data.vector + len(self.config.languages),
            "dropout": self.config.dropout,
            "weight_dropout": self.config.weight_dropout,
            **_SPECIALS,
        }

    def files(self) -> Mapping[str, bytes]:
        """Return what lets transformers load the model, once ``aigc_text.rnn.huggingface`` is imported."""
        config = {
            "architectures": ["RnnForCausalLM"],
            "model_type": "aigc_rnn",
            "dtype": "float32",
            **self.transformers_config(),
        }
        drawn = {"temperature": self.config.temperature, "top_k": 0, "top_p": self.config.top_p}
        generation = {
            "do_sample": self.config.temperature > 0,
            **(drawn if self.config.temperature else {}),
            "max_new_tokens": RnnOptions().max_tokens,
            "suppress_tokens": [Tokenizer.pad, Tokenizer.bos],
            **_SPECIALS,
        }
        return {
            "config.json": _json(config),
            "generation_config.json": _json(generation),
            "tokenizer_config.json": self.tokenizer.transformers_config(),
        }

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, its end included: what its likelihood is over."""
        return [len(ids) + 1 for ids in self.tokenizer.encode_all(texts)]

    def log_likelihood(self, texts: Sequence[str], noise: Noise, samples: int) -> tuple[Tensor, Tensor]:
        """Return ``log p`` of texts, their ends included, in nats ``(N,)``: exact, and so both bounds at once.

        Of a model that is conditioned by labels, that of texts whose label is not known: the mean of ``p`` over all
        labels, each as likely as any other.

        Raises:
            UsageError: the model is told vectors or languages, and says nothing of texts without.
        """
        if self.data.vector or self.config.languages:
            raise UsageError("the model is told what to write of, and knows no likelihood of a text alone")
        rows = Rows.encode(texts, self.tokenizer, begin=True)
        found = torch.zeros(len(texts))
        order = np.argsort(rows.lengths, kind="stable")
        with torch.inference_mode():
            for start in range(0, len(order), ROWS):
                places = order[start : start + ROWS]
                found[torch.from_numpy(places)] = self._log_p(rows.padded(places))
        return found, found

    def _log_p(self, data: Tensor) -> Tensor:
        """Return ``log p`` of padded texts ``(B, T)``, whatever their label, ``(B,)``."""
        if not self.data.labels:
            return self._log_p_given(data, None)
        labels = [torch.full((len(data),), label) for label in range(len(self.data.labels))]
        each = torch.stack([self._log_p_given(data, label) for label in labels])
        return each.logsumexp(dim=0) - math.log(len(labels))

    def _log_p_given(self, data: Tensor, condition: Tensor | None) -> Tensor:
        total = torch.zeros(len(data), dtype=torch.float64)
        state: State | None = None
        for start in range(0, data.shape[1] - 1, WINDOW):
            tokens, targets = data[:, start : start + WINDOW][:, : data.shape[1] - 1 - start], data[:, start + 1 :]
            targets = targets[:, :WINDOW]
            logits, state = self.rnn(tokens, state, condition)
            each = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=Tokenizer.pad, reduction="none")
            total -= each.view_as(targets).double().sum(dim=1)
        return total.float()


def is_stream(config: RnnConfig, longest: int, *, conditioned: bool) -> bool:
    """Whether texts are learnt from as one stream.

    Args:
        longest: tokens of the longest text.
        conditioned: each text has a label or vector of its own.

    Raises:
        UsageError: a stream is asked for, and each text has a condition of its own.
    """
    if config.layout == "stream" and conditioned:
        raise UsageError("texts with labels or vectors cannot be read as one stream", hint="layout = documents")
    return config.layout == "stream" or (config.layout == "auto" and not conditioned and longest > SHORT)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
