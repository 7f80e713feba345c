"""The joint embedding of emoji as it begins: a text tower that knows words, a picture tower that knows ImageNet.

The text tower is what ``emoji_texts.py`` distilled, and stays as it is. The head of the picture tower begins where a
ridge regression puts it, from the features of ImageNet to the texts: from there a few passes over few pictures lead on,
where a head that begins at random leads the features astray first (Kumar et al. 2022, Fine-tuning can distort
pretrained features, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping

import emoji
import emoji_pairs
import numpy as np
import torch
from packages import DATA
from safetensors.torch import load_file
from torch import Tensor

from aigc_core import CaptionedPictures, DataShape, Examples
from aigc_crossmodal.joint import JointEmbedding
from aigc_crossmodal.joint_options import JointConfig
from aigc_crossmodal.pairs import Pairs
from aigc_crossmodal.tokens import TOKENIZER, Tokenizer
from aigc_crossmodal.towers.texts import packed

TEXTS = DATA / "emoji-texts.safetensors"
#: Pictures looked at in one go.
AT_ONCE = 16
#: Styles that the head is fitted to.
STYLES = emoji.STYLES
#: Of the ridge, as a multiple of the mean variance of the features; chosen on the validation concepts.
RIDGE = 1.0
#: What a picture is drawn to beside its English name: the name with its keywords, and the Chinese name.
JOINED, CHINESE = 0.7, 0.5


class EmojiJoint(JointEmbedding):
    """``crossmodal/joint-embedding`` that begins with what is known of words and pictures."""

    def __init__(self, config: JointConfig, data: DataShape) -> None:
        super().__init__(config, data)
        self.texts.load_state_dict(load_file(TEXTS))
        weight, bias = fit_head(self)
        with torch.no_grad():
            self.pictures.head.weight.copy_(weight)
            self.pictures.head.bias.copy_(bias)

    @classmethod
    def examples(
        cls, config: JointConfig, captioned: CaptionedPictures, files: Mapping[str, bytes] | None = None
    ) -> Examples:
        """Return pairs as tokens of the text tower that is there."""
        return Pairs(captioned, Tokenizer.from_bytes((DATA / TOKENIZER).read_bytes()))

    @staticmethod
    def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights as they are stored: the words' vectors in a byte a number, or they were 13 MB alone."""
        small = packed(tensors["texts.vectors.weight"])
        return {**tensors, **{f"texts.vectors.{key}": tensor for key, tensor in small.items()}}


@torch.inference_mode()
def fit_head(joint: JointEmbedding) -> tuple[Tensor, Tensor]:
    """Return weight ``(dimensions, features)`` and bias of a ridge regression of captions on features.

    Every concept of the training part counts the same, however many pictures there are of it.
    """
    rows = emoji.table()
    chosen = np.flatnonzero((rows["parts"] == "train") & np.isin(rows["styles"], STYLES))
    pixels = torch.from_numpy(rows["pixels"][chosen])
    features = torch.cat([joint.pictures.features(part.float() / 255) for part in pixels.split(AT_ONCE)]).double()
    codes = [emoji_pairs.without_tones(str(code)) for code in rows["codes"][chosen]]
    english, chinese = emoji_pairs.captions("en"), emoji_pairs.captions("zh")
    wanted = torch.from_numpy(joint.embed([english[code].label for code in codes]))
    wanted = wanted + JOINED * torch.from_numpy(joint.embed([english[code].joined for code in codes]))
    wanted = wanted + CHINESE * torch.from_numpy(joint.embed([chinese[code].label for code in codes]))
    wanted = torch.nn.functional.normalize(wanted, dim=1).double()
    concepts = np.array([emoji.concept(code) for code in codes])
    _, of, counts = np.unique(concepts, return_inverse=True, return_counts=True)
    weights = torch.from_numpy(1 / counts[of])[:, None]
    weights = weights / weights.mean()
    middle, mean = ((weights * each).mean(dim=0) for each in (features, wanted))
    centred = features - middle
    gram = centred.T @ (weights * centred)
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    weight = torch.linalg.solve(gram, centred.T @ (weights * (wanted - mean))).T
    return weight.float(), (mean - weight @ middle).float()
