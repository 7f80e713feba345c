"""From a model folder to pictures, as a user goes: save, ``-m ./folder``, look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core import ModelError, Noise, Pipeline, TrainingOptions, UsageError, replay_file, save_model, train
from aigc_core.training import Trained
from aigc_image.autoencoder import Autoencoder
from aigc_image.gan import Gan
from aigc_image.options import AutoencoderConfig, GanConfig, VaeConfig
from aigc_image.vae import Vae

SMALL = {"latent_dim": 6, "width": 8, "hidden": 32}
KINDS = {
    "gan": (Gan, GanConfig(**SMALL)),
    "gan-mlp": (Gan, GanConfig(architecture="mlp", **SMALL)),
    "vae": (Vae, VaeConfig(components=5, **SMALL)),
    "autoencoder": (Autoencoder, AutoencoderConfig(components=5, **SMALL)),
}


@pytest.fixture(scope="session")
def trained(digits) -> dict[str, Trained]:
    """A model of each kind, trained for a moment: it paints blots, and no two alike."""
    options = TrainingOptions(steps=12, batch=32, lr=3e-3, threads=1, ema_images=0)
    return {kind: train(component, config, digits, options) for kind, (component, config) in KINDS.items()}


@pytest.fixture
def save(trained, digits):
    """Save a model of a kind as ``./KIND``."""

    def save_it(kind, **changes) -> str:
        settings = {
            "name": kind,
            "component": f"image/{kind.removesuffix('-mlp')}",
            "modality": "image",
            "options": trained[kind].options,
            "shape": digits.described.shape,
            "labels": digits.label_names if kind.startswith("gan") else (),
            "tensors": trained[kind].tensors,
            "card": f"# {kind}\n",
        }
        save_model(kind, **{**settings, **changes})
        return f"./{kind}"

    return save_it


def make(model, pipeline=None, **order):
    return (pipeline or Pipeline()).generate("image", model=model, **order)


def pixels(result):
    return [artifact.content.tobytes() for artifact in result]


def arrays(result):
    return np.stack([np.asarray(artifact.content, dtype=np.float32) for artifact in result])


@pytest.fixture
def threads():
    """Set torch's threads for a while."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_the_same_alone_or_among_others_at_any_place_and_on_any_threads(save, threads, kind):
    model = save(kind)
    threads(2)
    together = pixels(make(model, n=20, seed=3))  # one call of the micro-batch, and a part of another
    assert len(set(together)) == 20
    house = Pipeline()
    for count in (1, 2):
        threads(count)
        assert pixels(make(model, house, n=20, seed=3)) == together
        for k in (0, 7, 15, 16, 19):
            assert pixels(make(model, house, n=1, seed=3 + k)) == together[k : k + 1]
        assert pixels(make(model, house, n=9, seed=8)) == together[5:14]


def test_pictures_are_grey_or_in_colour_as_the_data_was(save, colours):
    assert {artifact.content.mode for artifact in make(save("vae"), n=2, seed=0)} == {"L"}
    config = GanConfig(**SMALL)
    colour = train(Gan, config, colours, TrainingOptions(steps=2, batch=8, threads=1))
    model = save("gan", tensors=colour.tensors, shape=(3, 16, 16), labels=("warm", "cold"))
    picture = make(model, n=1, seed=0)[0].content
    assert (picture.mode, picture.size) == ("RGB", (16, 16))


def test_what_a_folder_makes_is_what_the_trained_networks_make(save, digits, trained):
    component, config = KINDS["gan"]
    gan = component(config, digits.described)
    weights = {name.removeprefix("generator."): tensor for name, tensor in trained["gan"].tensors.items()}
    gan.networks["generator"].load_state_dict(weights)
    gan.networks["generator"].eval()
    made = make(save("gan"), n=1, seed=5, options={"label": 4})[0]
    latent = torch.from_numpy(Noise(5, "generate/0").normal(6))[None]
    with torch.no_grad():
        expected = gan.sample(latent, torch.tensor([4]))[0, 0] * 255
    assert np.abs(np.asarray(made.content, dtype=np.float32) - expected.numpy()).max() <= 0.51


def test_a_label_is_respected_and_written_down(save):
    model = save("gan")
    threes, fours = (make(model, n=6, seed=1, options={"label": label}) for label in (3, "4"))
    assert not set(pixels(threes)) & set(pixels(fours))
    assert {artifact.recipe["condition"]["value"] for artifact in threes} == {"3"}
    assert not any(artifact.recipe["condition"]["drawn"] for artifact in threes)


def test_a_drawn_label_is_written_down_and_asking_for_it_gives_the_same_picture(save):
    model, house = save("gan"), Pipeline()
    drawn = make(model, house, n=30, seed=40)
    assert all(artifact.recipe["condition"]["drawn"] for artifact in drawn)
    labels = [artifact.recipe["condition"]["value"] for artifact in drawn]
    assert len(set(labels)) >= 7
    for artifact, label in list(zip(drawn, labels, strict=True))[:4]:
        asked = make(model, house, n=1, seed=artifact.seed, options={"label": label})[0]
        assert asked.content.tobytes() == artifact.content.tobytes()


def test_a_label_that_there_is_not_is_refused(save):
    with pytest.raises(UsageError, match="label of gan '12'"):
        make(save("gan"), options={"label": 12})


def test_a_model_without_labels_takes_none(save, unlabelled):
    plain = train(Gan, KINDS["gan"][1], unlabelled, TrainingOptions(steps=2, batch=8, threads=1))
    model = save("gan", tensors=plain.tensors, labels=())
    assert make(model, n=1, seed=0)[0].recipe["condition"]["kind"] == "none"
    with pytest.raises(UsageError, match="has no option 'label'"):
        make(model, options={"label": 3})


def test_truncation_makes_pictures_of_a_label_alike(save):
    model = save("gan")

    def spread(truncation):
        made = make(model, n=12, seed=0, options={"label": 3, "truncation": truncation})
        return arrays(made).std(axis=0).max()

    assert spread(0.01) < 2  # grey levels of 255
    assert spread(0.01) < spread(0.5) < spread(1.0)
    assert spread(1.0) > 5


@pytest.mark.parametrize("kind", ["vae", "autoencoder"])
def test_a_low_temperature_leaves_one_picture_a_mixture_component(save, kind):
    model = save(kind)
    assert len(set(pixels(make(model, n=30, seed=0, options={"temperature": 1e-12})))) <= 5
    assert len(set(pixels(make(model, n=30, seed=0)))) == 30


def test_a_vae_is_sampled_from_its_prior_or_its_mixture(save):
    model = save("vae")
    prior, mixture = (make(model, n=8, seed=0, options={"sampler": sampler}) for sampler in ("prior", "gmm"))
    assert not set(pixels(prior)) & set(pixels(mixture))
    assert pixels(make(model, n=8, seed=0)) == pixels(mixture)
    cold = make(model, n=8, seed=0, options={"sampler": "prior", "temperature": 1e-12})
    assert len(set(pixels(cold))) == 1


def test_a_vae_can_be_saved_to_sample_from_its_prior(save, trained):
    asked = pixels(make(save("vae"), n=3, seed=0, options={"sampler": "prior"}))
    saved = save("vae", options={**trained["vae"].options, "sampler": "prior"})
    assert pixels(make(saved, n=3, seed=0)) == asked


@pytest.mark.parametrize(
    "kind, options, message",
    [
        ("gan", {"truncation": 0}, "truncation"),
        ("gan", {"truncation": 1.1}, "truncation"),
        ("gan", {"truncatoin": 1}, "did you mean 'truncation'"),
        ("gan", {"temperature": 1}, "no option 'temperature'"),
        ("vae", {"temperature": 2.1}, "temperature"),
        ("vae", {"sampler": "posterior"}, "sampler"),
        ("autoencoder", {"sampler": "prior"}, "no option 'sampler'"),
    ],
)
def test_options_out_of_range_are_refused(save, kind, options, message):
    with pytest.raises(UsageError, match=message):
        make(save(kind), options=options)


def without(tensors, name):
    return {key: tensor for key, tensor in tensors.items() if key != name}


DAMAGE = {
    "a missing weight": (
        "gan",
        lambda t: without(t, "generator.embedding.weight"),
        "generator.embedding.weight is m",
    ),
    "an unknown one": ("gan", lambda t: {**t, "generator.x": torch.ones(1)}, "generator.x is unknown"),
    "a wrong shape": (
        *("gan", lambda t: {**t, "generator.embedding.weight": torch.ones(3, 32)}),
        r"generator.embedding.weight is \(3, 32\), not \(10, 32\)",
    ),
    "a missing sampler": ("vae", lambda t: without(t, "sampler.means"), "sampler.means is missing"),
    "a sampler of wrong shape": (
        *("autoencoder", lambda t: {**t, "sampler.weights": torch.ones(9)}),
        r"sampler.weights is \(9,\), not \(5,\)",
    ),
    "a sampler that is not asked for": ("gan", lambda t: {**t, "sampler.means": torch.ones(1)}, "sampler.means is unk"),
}


@pytest.mark.parametrize("kind, damage, message", DAMAGE.values(), ids=DAMAGE)
def test_weights_that_do_not_fit_are_refused_by_name(save, trained, kind, damage, message):
    model = save(kind, tensors=damage(trained[kind].tensors))
    with pytest.raises(ModelError, match=message):
        make(model)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"latent_dims": 6}, "Gan cannot take: latent_dims"),
        ({"latent_dim": 0}, "Gan cannot take: latent_dim"),
        ({"architecture": "transformer"}, "Gan cannot take: architecture"),
        ({"loss": "wasserstein"}, "Gan cannot take: loss"),
        ({"latent_dim": 7}, "do not fit its options: generator.decoder.0.weight is"),
    ],
)
def test_options_that_the_algorithm_cannot_take_are_refused_by_name(save, trained, options, message):
    with pytest.raises(ModelError, match=message):
        make(save("gan", options={**trained["gan"].options, **options}))


@pytest.mark.parametrize(
    "shape, message",
    [
        ((28, 28), r"gan' has the shape \(28, 28\)"),
        ((1, 0, 28), r"gan' has the shape \(1, 0, 28\)"),
        ((1, 30, 28), r"gan'.*divisible by 4, not 30×28"),
        ((1, 28, 32), r"do not fit its options: generator.decoder.0.bias is \(784,\), not \(896,\)"),
    ],
)
def test_a_shape_that_the_networks_cannot_have_is_refused(save, shape, message):
    with pytest.raises(ModelError, match=message):
        make(save("gan", shape=shape))


def test_half_precision_is_refused(save):
    with pytest.raises(ModelError, match=r"pinned to bfloat16.*only float32"):
        make(save("gan", precision="bfloat16"))


def test_weights_may_be_stored_in_half_precision(save):
    full, half = (make(save("gan", save_dtype=dtype), n=4, seed=0) for dtype in ("float32", "float16"))
    assert np.abs(arrays(full) - arrays(half)).max() < 6


def test_pictures_are_saved_and_made_again_from_their_own_recipe(save):
    model = save("gan")
    make(model, n=3, seed=9, output="out")
    files = sorted(Path("out").rglob("*.png"))
    assert [replay_file(file, model=model).answer for file in files] == ["IDENTICAL"] * 3


def test_loading_and_generating_leave_torchs_own_generator_alone(save):
    before = torch.random.get_rng_state()
    make(save("vae"), n=1, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_that_are_not_finite_are_refused(save, trained):
    tensors = {key: tensor.clone() for key, tensor in trained["gan"].tensors.items()}
    tensors["generator.decoder.0.weight"][0, 0] = torch.nan
    with pytest.raises(ModelError, match=r"generator\.decoder\.0\.weight is not finite"):
        make(save("gan", tensors=tensors))
