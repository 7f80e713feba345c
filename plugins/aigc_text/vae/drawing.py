"""Several texts drawn token by token, each with options and noise of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from aigc_text.sampling import Sampler
from aigc_text.streaming import Stream
from aigc_text.tokenizer import Tokenizer
from aigc_text.vae.beam import allowed, forbid_repeats
from aigc_text.vae.networks import Decoder, Writing


class Drawing:
    """Texts under way. All rows take all steps, so that the shape stays the same until the last text has ended.

    Args:
        decoder: gives what follows.
        writing: where it is in the texts.
        sampler: chooses, row by row.
        streams: take the tokens of each text, and know when it ends.
        no_repeat: for each text, no run of so many tokens twice; 0: any.

    Attributes:
        tokens: of each text, the end included.
    """

    def __init__(
        self,
        decoder: Decoder,
        writing: Writing,
        sampler: Sampler,
        streams: Sequence[Stream],
        no_repeat: Sequence[int],
    ) -> None:
        self._decoder = decoder
        self._writing = writing
        self._sampler = sampler
        self._streams = streams
        self._no_repeat = no_repeat
        self._last = torch.full((len(streams),), Tokenizer.bos)
        self._seen: torch.Tensor | None = None
        self._log_p = torch.zeros(len(streams))
        self.tokens: list[list[int]] = [[] for _ in streams]

    # Not around a loop that yields: it would be in force for whoever reads along.
    @torch.inference_mode()
    def step(self) -> None:
        """Write one more token of each text that goes on."""
        logits, self._writing = self._decoder.step(self._last, self._writing)
        logits = allowed(logits)
        log_p = logits.log_softmax(dim=1)
        forbid_repeats(logits, self.tokens, self._no_repeat)
        if self._seen is None:
            self._seen = torch.zeros(logits.shape, dtype=torch.bool)
        self._last = self._sampler.choose(logits, self._seen)
        self._seen.scatter_(1, self._last[:, None], True)
        chosen = log_p.gather(1, self._last[:, None])[:, 0]
        for row, stream in enumerate(self._streams):
            if not stream.ended:
                token = int(self._last[row])
                stream.take(token)
                self.tokens[row].append(token)
                self._log_p[row] += chosen[row]

    def mean_log_p(self, row: int) -> float:
        """Return the mean ``log p`` of the tokens of a text, in nats: of the model's, whatever was drawn from."""
        return (self._log_p[row] / len(self.tokens[row])).item()
