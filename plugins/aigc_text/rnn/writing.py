"""Texts written token by token, many at once, each as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from aigc_core import Noise
from aigc_text.rnn.acrostic import Acrostic
from aigc_text.rnn.networks import State
from aigc_text.rnn.stepping import Stepper, one_thread
from aigc_text.sampling import Sampler, Warper
from aigc_text.streaming import Stream
from aigc_text.tokenizer import Tokenizer


@dataclass(slots=True)
class Text:
    """A text under way.

    Attributes:
        prompt: token ids that stand before it, ``<s>`` first.
        stream: takes its tokens, and knows when it ends.
        warper: what its options make of logits.
        noise: its own.
        min_tokens: it does not end before so many.
        condition: label ``()`` or vector ``(D,)`` that it is conditioned by, or None.
        acrostic: what its lines begin with, or None.
        tokens: that were written, the end included.
        log_p: sum of their ``log p`` under the model itself, whatever they were drawn from, in nats.
    """

    prompt: Sequence[int]
    stream: Stream
    warper: Warper
    noise: Noise
    min_tokens: int = 0
    condition: Tensor | None = None
    acrostic: Acrostic | None = None
    tokens: list[int] = field(default_factory=list)
    log_p: float = 0.0

    def token(self, place: int) -> int:
        """Return what is read at a place."""
        return self.prompt[place] if place < len(self.prompt) else self.tokens[place - len(self.prompt)]

    @property
    def score(self) -> float:
        """The mean of ``log p`` over its tokens, in nats."""
        return self.log_p / len(self.tokens)


class Writing:
    """Writes texts, one token of each at a step.

    A prompt is read token by token as what is written is: so all rows are of one kind, and none waits for another.

    Args:
        stepper: the network.
        texts: at most as many as a call may have rows; see ``Stepper.sizes``.

    Attributes:
        going: the texts that have not ended.
    """

    def __init__(self, stepper: Stepper, texts: Sequence[Text]) -> None:
        self._stepper = stepper
        self.going = list(texts)
        self._place = 0
        conditions = [text.condition for text in texts if text.condition is not None]
        self._state: State
        with torch.inference_mode():
            self._state, self._code = stepper.begun(
                torch.stack(conditions) if conditions else None, stepper.size_for(len(texts))
            )
        self._written: Tensor | None = None
        if any(text.warper.repetition_penalty != 1 for text in texts):
            self._written = torch.zeros(self._rows, len(stepper.embedding), dtype=torch.bool)

    @property
    def _rows(self) -> int:
        return len(self._state[0][0])

    # Not around a loop that yields: it would be in force for whoever reads along.
    @torch.inference_mode()
    def step(self) -> None:
        """Read the next token of each text, and write one more of those that are read to their ends."""
        with one_thread():
            read = torch.tensor([text.token(self._place) for text in self.going])
            self._remember(read)
            outputs, self._state = self._stepper.read(self._filled(read), self._state, self._code)
            self._place += 1
            rows = [row for row, text in enumerate(self.going) if self._place >= len(text.prompt)]
            if rows:
                self._write(rows, self._stepper.logits(outputs))
        self._leave()

    def _filled(self, tokens: Tensor) -> Tensor:
        """Return tokens of all rows of a call; rows that hold no text read padding."""
        return torch.cat([tokens, tokens.new_full((self._rows - len(tokens),), Tokenizer.pad)])

    def _remember(self, tokens: Tensor) -> None:
        if self._written is not None:
            self._written[torch.arange(len(tokens)), tokens] = True

    def _write(self, rows: Sequence[int], logits: Tensor) -> None:
        """Choose a token for the texts in some of the rows."""
        texts = [self.going[row] for row in rows]
        if len(rows) != len(logits):
            logits = logits[torch.tensor(rows)]  # (n, V)
        total = logits.logsumexp(dim=1)
        too_short = [len(text.tokens) < text.min_tokens for text in texts]
        logits[:, : Tokenizer.eos] = -torch.inf  # padding and <s> are no part of a text
        if any(too_short):
            logits[torch.tensor(too_short), Tokenizer.eos] = -torch.inf
        written = None if self._written is None else self._written[torch.tensor(rows)]
        sampler = Sampler([text.warper for text in texts], [text.noise for text in texts])
        noise = sampler.noise(logits.shape[1])
        chosen = (sampler.warped(logits, written) + noise).argmax(dim=1)
        for place, text in enumerate(texts):
            if text.acrostic is not None and not text.acrostic.done:
                own = slice(place, place + 1)
                row = None if written is None else written[own]
                chosen[place] = _fitting(text, text.acrostic, int(chosen[place]), logits[own], row, noise[own])
        log_p = logits.gather(1, chosen[:, None])[:, 0] - total
        for text, token, each in zip(texts, chosen.tolist(), log_p.tolist(), strict=True):
            before = text.stream.text
            text.stream.take(token)
            text.tokens.append(token)
            text.log_p += each
            if text.acrostic is not None:
                text.acrostic.took(before, text.stream)

    def _leave(self) -> None:
        """Drop texts that have ended, and rows with them where a call of fewer is as good."""
        kept = [row for row, text in enumerate(self.going) if not text.stream.ended]
        if len(kept) == len(self.going):
            return
        self.going = [self.going[row] for row in kept]
        places = torch.tensor(kept + [0] * (self._stepper.size_for(len(kept)) - len(kept)))
        self._state = tuple(tuple(part[places] for part in layer) for layer in self._state)
        if self._code is not None:
            self._code = self._code[places]
        if self._written is not None:
            self._written = self._written[places]


def _fitting(
    text: Text, acrostic: Acrostic, choice: int, possible: Tensor, written: Tensor | None, noise: Tensor
) -> int:
    """Return the token that an acrostic lets pass: the model's own choice, or the best of those that fit.

    Options that narrow the choice apply to what fits, or they could leave nothing.
    """
    mask = acrostic.allowed(text.stream, choice)
    if mask is None:
        return choice
    fitting = possible.masked_fill(~torch.from_numpy(mask), -torch.inf)
    return int((text.warper(fitting, written) + noise).argmax(dim=1))
