"""How likely a language model holds a text to be: exact, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

#: So many logits at most are held at a time: 256 MB of float32.
MOST_LOGITS = 1 << 26


@torch.inference_mode()
def continued(network: Any, prompt: Sequence[int], tokens: Sequence[int]) -> float:
    """Return the mean log-likelihood of `tokens` after `prompt`, in nats a token; of a decoder."""
    ids = torch.tensor([[*prompt, *tokens]], device=network.device)
    found = _of_next(network(input_ids=ids, use_cache=False).logits, ids)[0]  # (T - 1,)
    return float(found[len(prompt) - 1 :].double().mean()) if tokens else 0.0


@torch.inference_mode()
def transformed(network: Any, source: Tensor, mask: Tensor, tokens: Sequence[int]) -> float:
    """Return the mean log-likelihood of what a decoder writes about a source ``(1, S)``, its start token first."""
    ids = torch.tensor([list(tokens)], device=network.device)
    logits = network(input_ids=source, attention_mask=mask, decoder_input_ids=ids, use_cache=False).logits
    return float(_of_next(logits, ids)[0].double().mean()) if len(tokens) > 1 else 0.0


def _of_next(logits: Tensor, ids: Tensor) -> Tensor:
    """Return ``log p`` of each token after the first, ``(B, T - 1)``, from logits ``(B, T, V)``."""
    return logits[:, :-1].float().log_softmax(dim=-1).gather(2, ids[:, 1:, None])[:, :, 0]


@torch.inference_mode()
def log_likelihoods(network: Any, texts: Sequence[Sequence[int]], longest: int | None) -> Tensor:
    """Return ``log p`` of each text in nats, ``(N,)`` float64: of all its tokens but the first, which starts it.

    A text that is longer than the context is looked at through windows that overlap by half, so that each token is
    counted once, with at least half a context before it.

    Args:
        texts: tokens, the first of which only says that a text begins.
        longest: tokens that the network takes; None: any number.
    """
    windows = [
        (place, ids, seen)
        for place, text in enumerate(texts)
        for ids, seen in _windows(list(text), longest or len(text))
    ]
    windows.sort(key=lambda window: len(window[1]))  # little padding
    total = torch.zeros(len(texts), dtype=torch.float64)
    for batch in _batches(windows, network.config.get_text_config().vocab_size):
        width = len(batch[-1][1])
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        for row, (_, tokens, _) in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        ids, mask = ids.to(network.device), mask.to(network.device)
        found = _of_next(network(input_ids=ids, attention_mask=mask, use_cache=False).logits, ids).double().cpu()
        for row, (place, tokens, seen) in enumerate(batch):
            total[place] += found[row, seen - 1 : len(tokens) - 1].sum()
    return total


def _windows(text: list[int], longest: int) -> Iterator[tuple[list[int], int]]:
    """Yield windows of a text, and how many tokens of each are only looked back at."""
    end = min(longest, len(text))
    yield text[:end], 1
    while end < len(text):
        start = end - max(1, longest // 2)
        stop = min(start + longest, len(text))
        yield text[start:stop], end - start
        end = stop


def _batches(
    windows: Sequence[tuple[int, list[int], int]], vocabulary: int
) -> Iterator[list[tuple[int, list[int], int]]]:
    batch: list[tuple[int, list[int], int]] = []
    for window in windows:
        if batch and (len(batch) + 1) * len(window[1]) * vocabulary > MOST_LOGITS:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch
