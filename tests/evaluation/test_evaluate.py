"""`aigc_core.evaluate`: the numbers, and all that they depend on."""

from __future__ import annotations

import numpy as np
import pytest

import aigc_core
from aigc_core import Pipeline, PluginError, UsageError
from aigc_core.evaluation.evidence import Gathered
from aigc_core.evaluation.samples import draw_samples
from aigc_core.pipeline import Order

FEW = {"n": 40, "resamples": 10}


@pytest.fixture(scope="module")
def evaluation(parts):
    """All that can be said of digits-gan by forty pictures."""
    return aigc_core.evaluate("digits-gan", parts, n=40, seed=5, resamples=10)


def test_every_number_says_what_it_depends_on(evaluation, parts):
    fd = evaluation["FD(digits-cnn)"]
    assert (fd.n, fd.seed, fd.better, fd.metric) == (40, 5, "lower", "frechet")
    assert (fd.reference.split, fd.reference.n, len(fd.reference.sha256)) == ("test", 40, 64)
    assert fd.extractor.space_id.startswith("digits-cnn@")
    assert fd.interval.low <= fd.value <= fd.interval.high
    assert "10 resamples" in fd.interval.method
    assert (fd.floor.source.split, fd.floor.n) == ("validation", 40)
    assert fd.model.name == "digits-gan"
    assert fd.model.sha256 == Pipeline().planner.models.find("digits-gan").sha256
    assert fd.training is None
    assert evaluation["memorisation(digits-cnn)"].training.n == 120


def test_all_that_can_be_worked_out_is_and_the_rest_is_named(evaluation):
    names = {measurement.name for measurement in evaluation.measurements}
    for name in ("FD", "KID", "precision", "recall", "density", "coverage", "classifier score", "label accuracy"):
        assert f"{name}(digits-cnn)" in names
    assert {left.metric: left.reason for left in evaluation.left_out} == {
        "likelihood": "the model has no likelihood",
        "reconstruction": "the model cannot encode",
    }
    assert evaluation.embedders == {"digits-cnn": "the model names it"}


def test_a_bundled_model_makes_the_digits_that_it_is_asked_for(evaluation):
    assert evaluation["label accuracy(digits-cnn)"].value > 0.85


def test_the_same_evaluation_again_gives_the_same_numbers(evaluation, parts):
    again = aigc_core.evaluate("digits-gan", parts, n=40, seed=5, resamples=10, metrics=["frechet", "manifold"])
    for measurement in again.measurements:
        assert measurement == evaluation[measurement.name]
    assert again.samples_sha256 == evaluation.samples_sha256


def test_numbers_are_about_the_pictures_that_generate_makes(pipeline):
    order = Order("image", n=19, seed=11, model="digits-gan")  # one call and a bit
    plan = pipeline.plan(order)
    samples = draw_samples(plan, pipeline.generator(plan))
    made = pipeline.generate("image", n=19, seed=11, model="digits-gan").artifacts
    assert [picture.tobytes() for picture in samples.items] == [artifact.content.tobytes() for artifact in made]
    assert [str(label) for label in samples.conditions] == [each.recipe["condition"]["value"] for each in made]


def test_sampling_tells_how_far_it_is(pipeline):
    plan = pipeline.plan(Order("image", n=20, model="digits-vae"))
    told = []
    samples = draw_samples(plan, pipeline.generator(plan), lambda done, total: told.append((done, total)))
    assert told == [(16, 20), (20, 20)]
    assert samples.conditions is None


def test_without_data_only_what_needs_none(parts):
    evaluation = aigc_core.evaluate("digits-gan", **FEW)
    assert {each.metric for each in evaluation.measurements} == {"classifier-score", "diversity", "label-accuracy"}
    assert all(each.reference is None and each.floor is None for each in evaluation.measurements)
    reasons = {left.reason for left in evaluation.left_out if left.metric.startswith("frechet")}
    assert reasons == {"needs real examples: --data DATA"}


def test_several_embedders_each_name_their_numbers(parts):
    evaluation = aigc_core.evaluate(
        "digits-vae", parts, **FEW, metrics=["frechet"], embedders=["digits-cnn", "random-conv width=4"]
    )
    assert [each.name for each in evaluation.measurements] == ["FD(digits-cnn)", "FD(random-conv width=4)"]
    assert len({each.extractor.space_id for each in evaluation.measurements}) == 2


def test_options_of_the_generator_stand_beside_the_model(parts):
    evaluation = aigc_core.evaluate("digits-vae", **FEW, options={"sampler": "prior"})
    assert evaluation.model.options == {"sampler": "prior"}
    assert str(evaluation.model) == "digits-vae (sampler=prior)"


def test_the_floor_of_the_validation_part_is_not_the_test_part(parts, pipeline):
    plan = pipeline.plan(Order("image", n=30, seed=1, model="digits-gan"))
    evidence = Gathered(pipeline, plan, "validation")
    evidence.reference = aigc_core.evaluation.reference.Reference(parts, "image", (1, 28, 28), plan.model.labels)
    floor = evidence.real("floor")
    assert (floor.source.split, floor.source.n) == ("train", 30)
    known = {picture.tobytes() for picture in parts["train"].pixels}
    assert {picture.tobytes() for picture in floor.items} <= known


def test_labels_of_data_are_the_models_by_name(parts, pipeline):
    from aigc_core import Pictures
    from aigc_core.evaluation.reference import Reference

    test = parts["test"]
    backwards = Pictures(test.pixels, 9 - test.labels, tuple("9876543210"))
    real = Reference({"test": backwards}, "image", (1, 28, 28), tuple("0123456789")).part("test")
    assert real.conditions.tolist() == test.labels.tolist()
    strangers = Pictures(test.pixels, test.labels, tuple("abcdefghij"))
    assert Reference({"test": strangers}, "image", (1, 28, 28), tuple("0123456789")).part("test").conditions is None


def test_data_in_a_file_is_read_as_for_training(parts, tmp_path):
    np.savez(tmp_path / "digits.npz", **{f"{split}_pixels": part.pixels for split, part in parts.items()})
    (from_file,) = aigc_core.evaluate("digits-gan", tmp_path / "digits.npz", **FEW, metrics=["frechet"]).measurements
    (from_memory,) = aigc_core.evaluate("digits-gan", parts, **FEW, metrics=["frechet"]).measurements
    assert from_file == from_memory


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"split": "tset"}, "unknown split 'tset' .did you mean 'test'"),
        ({"metrics": ["frechett"]}, "unknown metric 'frechett' .did you mean 'frechet'"),
        ({"metrics": ["kid subset=3"]}, "metric kid has no option 'subset' .did you mean 'subsets'"),
        ({"embedders": ["digits-cn"]}, "unknown embedder 'digits-cn' .did you mean 'digits-cnn'"),
        ({"embedders": ["digits-vae"]}, "digits-vae is no embedder"),
        ({"embedders": ["image/classifier"]}, "image/classifier needs a model .for example: digits-cnn"),
        ({"metrics": ["reconstruction"]}, "reconstruction cannot be worked out: the model cannot encode"),
        ({"metrics": ["label-accuracy"], "embedders": ["pixels"]}, "needs an embedder that names classes, and pixels"),
        ({"n": 0}, "0 items cannot be made"),
    ],
)
def test_mistakes_are_found_and_named(parts, asked, says):
    with pytest.raises(UsageError, match=says):
        aigc_core.evaluate("digits-gan", parts, **(FEW | asked))


def test_data_that_does_not_fit_is_an_error(parts):
    with pytest.raises(UsageError, match="no train part"):
        aigc_core.evaluate("digits-gan", {"test": parts["test"]}, **FEW, split="train")
    with pytest.raises(UsageError, match="unknown split 'tests'"):
        aigc_core.evaluate("digits-gan", {"tests": parts["test"]}, **FEW)
    small = aigc_core.Pictures(parts["test"].pixels[:, :, :8, :8])
    with pytest.raises(UsageError, match="pictures are 1×8×8, and the model's 1×28×28"):
        aigc_core.evaluate("digits-gan", {"test": small}, **FEW)


def test_memorising_cannot_be_told_by_the_pictures_that_were_learnt(parts):
    evaluation = aigc_core.evaluate("digits-gan", parts, **FEW, split="train")
    assert "memorisation(digits-cnn)" in {left.metric for left in evaluation.left_out}


BROKEN = """
from aigc_core import EmbedderSpec, Measured, MetricSpec, hookimpl

class Eye:
    fingerprint = "1"
    def __init__(self, vectors): self.vectors = vectors
    def embed(self, items): return self.vectors(items)

def nothing(items): raise ValueError("blind")
def scalar(items): return items.mean(axis=(1, 2, 3))
def infinite(items): return items.reshape(len(items), -1) / 0.0

@hookimpl
def aigc_embedders():
    eyes = {"blind": nothing, "scalar": scalar, "infinite": infinite}
    return [EmbedderSpec(f"acme/{n}", "image", lambda m, o, c=c: Eye(c)) for n, c in eyes.items()] + [
        EmbedderSpec("acme/nameless", "image", lambda m, o: type("E", (), {"embed": scalar})())]

def explode(evidence, options): raise KeyError("lost")
def shout(evidence, options): yield "loud"

@hookimpl
def aigc_metrics():
    return [MetricSpec("acme/explode", explode, default=False), MetricSpec("acme/shout", shout, default=False)]
"""


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"embedders": ["acme/blind"]}, "embedder 'acme/blind' .plugin broken.* failed: ValueError: blind"),
        ({"embedders": ["acme/scalar"]}, r"embed gave \(8,\) for 8 items, not one vector each"),
        ({"embedders": ["acme/infinite"]}, "not finite"),
        ({"embedders": ["acme/nameless"]}, "neither a model nor a fingerprint"),
        ({"metrics": ["acme/explode"]}, "metric 'acme/explode' .plugin broken.* failed: KeyError: 'lost'"),
        ({"metrics": ["acme/shout"]}, "gave a str, not Measured"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_broken_plugins_are_named(tmp_path, asked, says):
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    pipeline = Pipeline(plugins=[path])
    with pytest.raises(PluginError, match=says):
        aigc_core.evaluate("digits-vae", n=8, pipeline=pipeline, **({"metrics": ["diversity"]} | asked))


def test_a_vae_is_measured_by_what_it_makes_of_real_pictures(parts, tmp_path):
    from aigc_core import TrainingOptions, save_model, train
    from aigc_image.options import VaeConfig
    from aigc_image.vae import Vae

    config = VaeConfig(latent_dim=2, width=4, hidden=8, components=2)
    trained = train(Vae, config, parts["train"], TrainingOptions(steps=5, batch=8, threads=1, device="cpu"))
    folder = save_model(
        tmp_path / "small",
        name="small",
        component="image/vae",
        modality="image",
        options=trained.options,
        shape=(1, 28, 28),
        tensors=trained.tensors,
        card="# Small",
    )
    wanted = ["reconstruction most=30", "likelihood most=10 samples=5"]
    evaluation = aigc_core.evaluate(str(folder), parts, **FEW, metrics=wanted)
    assert evaluation["reconstruction MSE"].n == 30
    assert 0 < evaluation["reconstruction MSE"].value < 1
    assert evaluation["NLL by IWAE-5"].value <= evaluation["NLL by ELBO"].value, "the tighter bound is lower"
    assert evaluation.embedders == {}
    assert evaluation.samples_sha256 is None, "nothing was sampled for it"


def test_a_generator_without_weights_is_measured_too(studio, parts):
    pipeline = Pipeline(plugins=[studio])
    evaluation = aigc_core.evaluate(
        "studio/noise", **FEW, options={"size": 28}, metrics=["diversity"], pipeline=pipeline
    )
    (measured,) = evaluation.measurements
    assert (measured.model.name, measured.model.sha256) == ("studio/noise", "")
    assert measured.value > 0
