"""Peer: nanoGPT (https://github.com/karpathy/nanoGPT, ``model.py``, ``train.py``) with its published recipe for a CPU.

README, "I only have a macbook": ``--device=cpu --compile=False --block_size=64 --batch_size=12 --n_layer=4 --n_head=4
--n_embd=128 --max_iters=2000 --lr_decay_iters=2000 --dropout=0.0`` over ``config/train_shakespeare_char.py``: AdamW
1e-3 with betas 0.9 and 0.99, decay 0.1 of matrices, 100 steps of warm-up, a cosine to 1e-4, clipping at 1.

Kept: the network (pre-norm blocks, ``scaled_dot_product_attention``, GELU, learnt positions, tied weights, its
initialisation), float32, that optimizer and schedule, batches of blocks that begin anywhere, ``loss.item()`` at each
step as with ``--log_interval=1``. Changed: the number of steps is an argument. Left out: evaluation on the way,
checkpoints, and biases (``bias = False`` is the script's own default).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as the script has it

BLOCK_SIZE, BATCH_SIZE, N_LAYER, N_HEAD, N_EMBD = 64, 12, 4, 4, 128
LEARNING_RATE, MIN_LR, WARMUP_ITERS, WEIGHT_DECAY, BETAS, GRAD_CLIP = 1e-3, 1e-4, 100, 0.1, (0.9, 0.99), 1.0


class CausalSelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_attn = nn.Linear(N_EMBD, 3 * N_EMBD, bias=False)
        self.c_proj = nn.Linear(N_EMBD, N_EMBD, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.size()  # noqa: N806
        q, k, v = (part.view(B, T, N_HEAD, C // N_HEAD).transpose(1, 2) for part in self.c_attn(x).split(N_EMBD, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(N_EMBD, bias=False)
        self.attn = CausalSelfAttention()
        self.ln_2 = nn.LayerNorm(N_EMBD, bias=False)
        self.c_fc = nn.Linear(N_EMBD, 4 * N_EMBD, bias=False)
        self.c_proj = nn.Linear(4 * N_EMBD, N_EMBD, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    """The script's network."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocab_size, N_EMBD)
        self.wpe = nn.Embedding(BLOCK_SIZE, N_EMBD)
        self.h = nn.ModuleList(Block() for _ in range(N_LAYER))
        self.ln_f = nn.LayerNorm(N_EMBD, bias=False)
        self.lm_head = nn.Linear(N_EMBD, vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                std = 0.02 / math.sqrt(2 * N_LAYER) if name.endswith("c_proj.weight") else 0.02
                nn.init.normal_(parameter, mean=0.0, std=std)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def train(data: Tensor, vocab_size: int, max_iters: int, on_step: Callable[[], None], seed: int = 1337) -> GPT:
    """Train on one long text ``(N,)`` and return the network."""
    torch.manual_seed(seed)
    model = GPT(vocab_size).train()
    decay = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    nodecay = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": WEIGHT_DECAY}, {"params": nodecay, "weight_decay": 0.0}],
        lr=LEARNING_RATE,
        betas=BETAS,
    )
    for iteration in range(max_iters):
        for group in optimizer.param_groups:
            group["lr"] = _rate(iteration, max_iters)
        ix = torch.randint(len(data) - BLOCK_SIZE, (BATCH_SIZE,))
        x = torch.stack([data[i : i + BLOCK_SIZE] for i in ix])
        y = torch.stack([data[i + 1 : i + 1 + BLOCK_SIZE] for i in ix])
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRAD_CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        on_step()
    return model.eval()


def _rate(iteration: int, max_iters: int) -> float:
    if iteration < WARMUP_ITERS:
        return LEARNING_RATE * (iteration + 1) / (WARMUP_ITERS + 1)
    ratio = (iteration - WARMUP_ITERS) / max(1, max_iters - WARMUP_ITERS)
    return MIN_LR + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (LEARNING_RATE - MIN_LR)


@torch.no_grad()
def nats(model: GPT, data: Tensor, fresh: int) -> float:
    """Return the mean ``-log p`` of the characters of a text.

    Args:
        fresh: characters of each block that count; those before them in the block are only looked back at. All 64 of
            a block is what the script's ``estimate_loss`` does; fewer give the network a longer look back.
    """
    starts = torch.arange(0, len(data) - BLOCK_SIZE - 1, fresh)
    total, count = 0.0, 0
    for part in starts.split(256):
        x = torch.stack([data[i : i + BLOCK_SIZE] for i in part])
        y = torch.stack([data[i + 1 : i + 1 + BLOCK_SIZE] for i in part])[:, -fresh:]
        logits = model(x)[:, -fresh:]
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        count += y.numel()
    return total / count
