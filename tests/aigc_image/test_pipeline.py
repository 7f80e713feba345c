"""From a model folder to pictures, as a user goes: save, ``-m ./folder``, look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_core import ModelError, Noise, Pipeline, TrainingOptions, UsageError, replay_file, save_model, train
from aigc_core.training import Trained
from aigc_image.autoencoder import Autoencoder
from aigc_image.gan import Gan
from aigc_image.options import AutoencoderConfig, AutoencoderOptions, GanConfig, VaeConfig
from aigc_image.pictures import to_pixels
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


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_item_is_the_same_alone_or_among_others_at_any_place_and_on_any_threads(save, threads, kind, precision):
    model = save(kind, precision=precision)
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_pinned_to_bfloat16_makes_nearly_the_same_pictures(save, kind):
    full, half = (make(save(kind, precision=precision), n=8, seed=0) for precision in ("float32", "bfloat16"))
    apart = np.abs(arrays(full) - arrays(half))
    assert 0 < apart.max() < 12
    assert apart.mean() < 1
    assert half[0].recipe["model"]["precision"] == "bfloat16"


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


# From one seed to another


@pytest.mark.parametrize("options", [{}, {"sampler": "prior"}], ids=["as saved", "prior"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_interpolation_begins_and_ends_with_the_pictures_of_its_seeds(save, kind, options):
    if options and kind != "vae":
        options = {}
    if kind.startswith("gan"):
        options = {"label": 7}
    model, house = save(kind), Pipeline()
    way = make(model, house, interpolate=(3, 9), frames=20, options=options)
    ends = [make(model, house, seed=seed, options=options)[0].digest for seed in (3, 9)]
    assert [way[0].digest, way[19].digest] == ends
    steps = np.abs(np.diff(arrays(way), axis=0)).mean(axis=(1, 2))
    whole = np.abs(arrays(way)[-1] - arrays(way)[0]).mean()
    assert 0 < steps.max() < 0.5 * whole


def test_a_label_that_is_not_given_is_the_first_seeds(save):
    model, house = save("gan"), Pipeline()
    way = make(model, house, interpolate=(40, 41), frames=3)
    (alone,) = make(model, house, seed=40)
    assert {artifact.recipe["condition"]["value"] for artifact in way} == {alone.recipe["condition"]["value"]}


def test_frames_of_a_mixture_lie_on_a_straight_line(trained, digits):
    from aigc_core.randomness import Between, noise

    component, config = KINDS["autoencoder"]
    sampler = component(config, digits.described)
    sampler.load_sampler({name: trained["autoencoder"].tensors[f"sampler.{name}"] for name in sampler.sampler_shapes()})
    options = AutoencoderOptions()
    first, middle, last = (sampler.latent(noise(Between(3, 9, t), "z"), options) for t in (0.0, 0.25, 1.0))
    np.testing.assert_allclose(middle, 0.75 * first + 0.25 * last, rtol=1e-5)
    assert np.array_equal(last, sampler.latent(Noise(9, "z"), options))


def test_frames_are_replayed(save):
    model = save("vae")
    make(model, interpolate=(3, 9), frames=3, output="out")
    assert [replay_file(file, model=model).answer for file in sorted(Path("out").glob("*.png"))] == ["IDENTICAL"] * 3


# Variations of a picture

ENCODING = ["vae", "autoencoder"]


@pytest.fixture
def digit(digits):
    """A real digit as a picture."""
    return Image.fromarray(digits.pixels[3, 0])


def vary(model, picture, pipeline=None, **order):
    strength = order.pop("strength", None)
    return make(model, pipeline, inputs={"like": picture}, options={"strength": strength}, **order)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ENCODING)
def test_strength_0_is_the_picture_as_the_model_makes_it_again(save, trained, digits, digit, kind, precision):
    component, config = KINDS[kind]
    networks = component(config, digits.described)
    for name in networks.inference:
        prefix = f"{name}."
        weights = {key.removeprefix(prefix): t for key, t in trained[kind].tensors.items() if key.startswith(prefix)}
        networks.networks[name].load_state_dict(weights)
        networks.networks[name].eval()
    with torch.no_grad():
        data = torch.from_numpy(digits.pixels[3:4]).float() / 255
        expected = networks.sample(networks.encode(data), None)[0, 0].numpy() * 255
    made = vary(save(kind, precision=precision), digit, n=3, seed=1, strength=0)
    assert len(set(pixels(made))) == 1
    assert np.abs(arrays(made)[0] - expected).max() <= (0.51 if precision == "float32" else 6)


@pytest.mark.parametrize("kind", ENCODING)
def test_the_stronger_a_variation_the_farther_from_the_picture(save, digit, kind):
    model, house = save(kind), Pipeline()
    again = arrays(vary(model, digit, house, seed=0, strength=0))[0]

    def distance(strength):
        made = vary(model, digit, house, n=16, seed=0, strength=strength)
        assert len(set(pixels(made))) == 16
        return np.abs(arrays(made) - again).mean()

    assert distance(0.1) < distance(0.4) < distance(1)
    assert pixels(vary(model, digit, house, seed=0)) == pixels(vary(model, digit, house, seed=0, strength=0.5))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ENCODING)
def test_a_variation_is_the_same_alone_or_among_others(save, threads, digit, kind, precision):
    model, house = save(kind, precision=precision), Pipeline()
    threads(2)
    together = pixels(vary(model, digit, house, n=18, seed=3))
    threads(1)
    assert [pixels(vary(model, digit, house, seed=3 + k))[0] for k in (0, 15, 17)] == [together[k] for k in (0, 15, 17)]


def test_a_variation_is_replayed_from_the_picture_and_not_without(save, digit):
    model = save("vae")
    digit.save("photo.png")
    make(model, inputs={"like": digit}, seed=4, output="out")
    (file,) = Path("out").glob("*.png")
    with pytest.raises(UsageError, match=r"from an input 'like'.*--input FILE"):
        replay_file(file, model=model)
    assert replay_file(file, model=model, inputs=["photo.png"]).answer == "IDENTICAL"


def test_variations_of_two_seeds_can_be_gone_between(save, digit):
    model, house = save("vae"), Pipeline()
    way = make(model, house, interpolate=(3, 9), frames=4, inputs={"like": digit})
    assert [way[0].digest, way[3].digest] == [vary(model, digit, house, seed=seed)[0].digest for seed in (3, 9)]


def test_a_picture_to_be_like_is_moderated(save, studio, digit):
    Path("wary.py").write_text(
        "from aigc_core import FilterSpec, Finding, hookimpl\n"
        "def wary(picture, context):\n"
        "    return [Finding('digit', 1.0, context.source)]\n"
        "@hookimpl\n"
        "def aigc_filters():\n"
        "    return [FilterSpec('wary', 'image', wary, stages=('request',))]\n"
    )
    result = vary(save("vae"), digit, Pipeline(plugins=["wary.py"]), seed=1)
    assert result.blocked[0].verdict.reasons == ("wary: inputs.like",)
    assert result.blocked[0].recipe["inputs"] == {}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_any_mode_and_size_will_do(save, digit, mode):
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(digit).astype(np.uint16) * 257)
    else:
        picture = digit.convert("L").convert(mode)
    model, house = save("autoencoder"), Pipeline()
    large = picture.resize((280, 280), Image.Resampling.NEAREST)
    wanted = arrays(vary(model, digit, house, seed=0, strength=0))
    made = arrays(vary(model, large, house, seed=0, strength=0))
    assert np.abs(made - wanted).mean() < (12 if mode == "1" else 3)


def test_a_picture_is_made_to_fit():
    half = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    half.paste((255, 0, 0, 255), (0, 0, 20, 20))
    colour = to_pixels(half, (3, 8, 8))  # the middle, half red and half clear, which is white
    assert colour.shape == (3, 8, 8)
    assert colour.dtype == torch.float32
    assert colour[:, 4, 0].tolist() == [1, 0, 0]
    assert colour[:, 4, 7].tolist() == [1, 1, 1]
    assert to_pixels(half, (1, 8, 8))[0, 4, 7] == 1


def test_a_folder_without_an_encoder_says_so_and_generates(save, trained, digit):
    bare = {key: tensor for key, tensor in trained["vae"].tensors.items() if not key.startswith("encoder.")}
    model = save("vae", tensors=bare)
    assert make(model, n=2, seed=0)
    with pytest.raises(ModelError, match=r"model 'vae' has no encoder in its folder"):
        vary(model, digit, seed=0)


def test_half_an_encoder_is_refused(save, trained):
    tensors = {key: t for key, t in trained["vae"].tensors.items() if key != "encoder.0.weight"}
    with pytest.raises(ModelError, match=r"encoder\.0\.weight is missing"):
        make(save("vae", tensors=tensors))


def test_a_strength_without_a_picture_is_refused(save):
    with pytest.raises(UsageError, match="a strength, and no picture"):
        make(save("vae"), options={"strength": 0.5})


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_strength_out_of_range_is_refused(save, digit, strength):
    with pytest.raises(UsageError, match="strength"):
        vary(save("vae"), digit, strength=strength)


def test_a_gan_cannot_encode(save, digit):
    with pytest.raises(UsageError, match="gan cannot encode pictures"):
        make(save("gan"), inputs={"like": digit})
