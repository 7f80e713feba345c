"""``text/causal-lm``: a language model that goes on from a text, out of a local transformers checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from aigc_core import Item, Noise, UsageError
from aigc_transformers.adapters import adapted, merged
from aigc_transformers.bases import find_base
from aigc_transformers.likelihood import continued, log_likelihoods
from aigc_transformers.loading import Arithmetic, check_fit, load_tokenizer, read_network, settled
from aigc_transformers.options import AdapterConfig, CausalOptions
from aigc_transformers.prompts import asked, conversation, wants_chat, worded
from aigc_transformers.reading import Reader
from aigc_transformers.writer import Asked, Loaded, Writer, ready


class CausalLM(Writer):
    """Writes what follows: of a text, or of a conversation where the checkpoint has a chat template."""

    kind: ClassVar = "AutoModelForCausalLM"
    draws: ClassVar = True
    padded_left: ClassVar = True

    def load(self, arithmetic: Arithmetic, options: Any) -> Loaded:
        """Load the checkpoint, or the one that an adapter belongs to, with the adapter's changes in its weights."""
        if not self.model.options:
            return super().load(arithmetic, options)
        config = AdapterConfig.model_validate(self.model.options)
        assert config.base is not None
        base = find_base(config.base, named=options.base if options else None, beside=self.model.folder)
        network, tokenizer = read_network(base, self.kind, arithmetic.dtype), load_tokenizer(base)
        check_fit(base, network, tokenizer)
        adapter = adapted(network, config)
        tensors = self.model.tensors("float32")
        adapter.load_state_dict({key.removeprefix("adapter."): value for key, value in tensors.items()})
        loaded = ready(settled(merged(adapter), arithmetic), tokenizer)
        if loaded.said.max_new_tokens is None:
            loaded.said.max_new_tokens = self.model.shape[0]  # it has seen no longer texts
        return loaded

    def asked(self, item: Item, loaded: Loaded) -> Asked:
        """Return the tokens of the prompt, as text or as a message."""
        options: CausalOptions = item.options
        words = worded(item, options)
        chat = wants_chat(words, options, loaded.tokenizer, self.model.name)
        goes_on = not chat and options.task is None and options.template is None
        if options.echo and not goes_on:
            raise UsageError("echo belongs to a text that is gone on from", hint="leave echo out, or set chat=false")
        if chat:
            text = conversation(words or "", options, loaded.tokenizer, self.model.name)
            tokens = loaded.tokenizer(text, add_special_tokens=False).input_ids
            return Asked(tokens, Reader(loaded.tokenizer, (), options.stop), str.strip)
        tokens = self._tokens(words or "", loaded)
        echoed = asked(item) or "" if goes_on and options.echo is not False else ""
        return Asked(tokens, Reader(loaded.tokenizer, tokens, options.stop), lambda text: echoed + text)

    def _tokens(self, words: str, loaded: Loaded) -> list[int]:
        """Return the tokens of a text that is gone on from; where there is none, that a text begins."""
        tokens: list[int] = loaded.tokenizer(words).input_ids
        if len(tokens) > 1 and tokens[-1] in loaded.ends:  # some tokenizers end every text
            tokens = tokens[:-1]
        return tokens or [loaded.start]

    def inputs(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return the prompt."""
        return {"input_ids": tokens, "attention_mask": mask}

    def before(self, tokens: Tensor) -> int:
        """The prompt stands before what is written."""
        return tokens.shape[1]

    def room(self, asked: Sequence[Asked], loaded: Loaded) -> int | None:
        """Return how many tokens fit behind the longest prompt."""
        if loaded.longest is None:
            return None
        longest = max(len(one.tokens) for one in asked)
        if longest >= loaded.longest:
            raise UsageError(
                f"the prompt has {longest:,} tokens, and {self.model.name} takes {loaded.longest:,}, its own included",
                hint="shorten it",
            )
        return loaded.longest - longest

    def score(self, loaded: Loaded, tokens: Tensor, mask: Tensor, written: Sequence[int]) -> float:
        """Return the mean log-likelihood of what was written after the prompt."""
        return continued(loaded.network, tokens[0][mask[0].bool()].tolist(), written)

    def log_likelihood(self, texts: Sequence[str], noise: Noise, samples: int) -> tuple[Tensor, Tensor]:
        """Return ``log p`` of each text in nats, ``(N,)``, twice: it is exact, so both bounds are the same.

        The text begins after the token that says so and ends with the one that says so; both count as the tokenizer
        has them, only the second is predicted.
        """
        loaded = self._measured()
        tokens = [[loaded.start, *self._plain(text, loaded), loaded.ends[0]] for text in texts]
        exact = log_likelihoods(loaded.network, tokens, loaded.longest).to(torch.float32)
        return exact, exact

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has that are predicted: its own, and the end."""
        loaded = self._measured()
        return [len(self._plain(text, loaded)) + 1 for text in texts]

    @property
    def _arithmetic(self) -> Arithmetic:
        return Arithmetic.of(self._options) if self._options else Arithmetic()

    def _measured(self) -> Loaded:
        return self.loaded(self._arithmetic, self._options)

    @staticmethod
    def _plain(text: str, loaded: Loaded) -> list[int]:
        tokens: list[int] = loaded.tokenizer(text, add_special_tokens=False).input_ids
        return tokens
