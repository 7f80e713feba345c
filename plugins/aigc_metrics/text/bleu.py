"""``bleu`` and ``text-reconstruction``: how much of the words, two to four in a row, is that of a reference.

Papineni et al. 2002 (BLEU: a method for automatic evaluation of machine translation), as sacrebleu computes it: Post
2018 (A call for clarity in reporting BLEU scores). Its signature is among the details.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from aigc_core import Evidence, Measured, UsageError
from aigc_metrics.text.likelihood import CHUNK, texts_with_all
from aigc_metrics.text.options import TextReconstructionOptions
from aigc_metrics.text.pairs import Pairs
from aigc_metrics.text.resampling import Rows, percentiles, scores_of_resamples, wilson
from aigc_metrics.text.words import are_chinese

ORDER = 4


class Bleu:
    """BLEU of a corpus with one reference a text; Chinese is cut into characters.

    Args:
        references: say how texts are cut.

    Raises:
        UsageError: sacrebleu is not installed.
    """

    def __init__(self, references: Sequence[str]) -> None:
        try:
            from sacrebleu.metrics.bleu import BLEU
        except ImportError as error:
            raise UsageError("BLEU needs sacrebleu: pip install 'aigc-core[text-metrics]'") from error
        self._bleu: Any = BLEU(tokenize="zh" if are_chinese(references) else "13a")

    def counted(self, made: Sequence[str], references: Sequence[str]) -> Rows:
        """Return matches and n-grams by order, and both lengths, of each text, ``(N, 10)``: they can be summed."""
        rows = []
        for one, reference in zip(made, references, strict=True):
            found = self._bleu.corpus_score([one], [[reference]])
            rows.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
        return np.array(rows, np.float64)

    def score(self, sums: Rows) -> float:
        """Return BLEU in [0, 100] from sums of `counted`."""
        whole = [round(each) for each in sums.tolist()]
        found = self._bleu.compute_bleu(
            correct=whole[:ORDER],
            total=whole[ORDER : 2 * ORDER],
            sys_len=whole[-2],
            ref_len=whole[-1],
            smooth_method=self._bleu.smooth_method,
        )
        return float(found.score)

    @property
    def signature(self) -> str:
        """All that the number depends on besides the texts. It is known once something was counted."""
        return str(self._bleu.get_signature())


def bleu(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield corpus BLEU-4 of what a model made of texts, against what people made of them."""
    pairs = Pairs.of(evidence)
    scorer = Bleu(pairs.references)
    found = pairs.measured(evidence, f"BLEU-{ORDER}", scorer.counted, scorer.score)
    yield replace(found, details={**found.details, "signature": scorer.signature})


@torch.inference_mode()
def text_reconstruction(evidence: Evidence, options: TextReconstructionOptions) -> Iterator[Measured]:
    """Yield corpus BLEU-4 of real texts that were encoded and made again, against themselves, and the share of those
    that came out the very same."""
    reconstruct = getattr(evidence.component, "reconstruct", None)
    if not callable(reconstruct):
        raise UsageError("the model cannot make a text again")
    texts = texts_with_all(evidence, options.most)
    again: list[str] = []
    for start in range(0, len(texts), CHUNK):
        again += reconstruct(texts.some(np.arange(start, min(start + CHUNK, len(texts)))))
    same = sum(one == other for one, other in zip(again, texts.texts, strict=True))
    yield Measured("same again", same / len(again), n=len(again), interval=wilson(same, len(again)), better="higher")
    scorer = Bleu(texts.texts)
    rows = scorer.counted(again, texts.texts)
    (resampled,) = scores_of_resamples(evidence, "reconstruction BLEU", scorer.score, rows)
    yield Measured(
        f"reconstruction BLEU-{ORDER}",
        scorer.score(rows.sum(axis=0)),
        n=len(rows),
        interval=percentiles(resampled),
        better="higher",
        details={"signature": scorer.signature},
    )
