"""Fixed-seed samples, sheets of pairs, and the film: what a training looks like, without touching it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aigc_core import FileError, Pictures
from aigc_core.training.watching.film import LAST_FRAME, film
from aigc_core.training.watching.neighbours import nearest, nearest_examples, small
from aigc_core.training.watching.snapshots import Snapshots, neighbours, reconstructions
from aigc_image.autoencoder import Autoencoder
from aigc_image.gan import Gan
from aigc_image.options import AutoencoderConfig, AutoencoderOptions, GanConfig, GanOptions

TINY = {"latent_dim": 3, "width": 4, "hidden": 8}


def gan(digits, architecture="conv"):
    return Gan(GanConfig(architecture=architecture, **TINY), digits.described)


def snapshots(component, digits, folder, **given):
    return Snapshots(
        component, digits, **{"seed": 1, "folder": folder, "options": GanOptions(), "conditional": True, **given}
    )


def test_a_snapshot_is_a_sheet_of_samples_with_a_column_for_each_label(digits, tmp_path):
    shots = snapshots(gan(digits), digits, tmp_path / "samples")
    samples = shots.take(50)
    assert samples.shape == (60, 1, 28, 28)
    assert shots.labels.tolist() == list(range(10)) * 6
    with Image.open(tmp_path / "samples" / "step-0000050.png") as sheet:
        assert sheet.size == (10 * (56 + 4) + 4, 6 * (56 + 4) + 4)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step-0000050.png"]


def test_the_same_seed_gives_the_same_samples_at_any_step_and_after_a_restart(digits, tmp_path):
    component = gan(digits)
    shots = snapshots(component, digits, tmp_path)
    first = shots.take(1)
    assert torch.equal(shots.take(2), first)
    assert torch.equal(snapshots(component, digits, tmp_path).draw(), first)
    assert not torch.equal(snapshots(component, digits, tmp_path, seed=2).draw(), first)
    assert (tmp_path / "step-0000001.png").read_bytes() == (tmp_path / "step-0000002.png").read_bytes()


class Unsteady:
    """Two networks in two modes, with all that looking at them could change."""

    def __init__(self):
        self.networks = {
            "decoder": nn.Sequential(nn.Linear(2, 9), nn.BatchNorm1d(9), nn.Dropout()),
            "encoder": nn.Linear(1, 1).eval(),
        }

    def fit_sampler(self, data, seed):
        self.drawn = torch.rand(3)
        return {}

    def latent(self, noise, options, condition=None):
        return noise.normal(2)

    def sample(self, latent, condition):
        return self.networks["decoder"](latent).unflatten(1, (1, 3, 3))


def test_taking_one_leaves_weights_buffers_modes_and_random_numbers_as_they_were(digits, tmp_path):
    component = Unsteady()
    decoder = component.networks["decoder"]
    before, random = {name: value.clone() for name, value in decoder.state_dict().items()}, torch.get_rng_state()

    samples = snapshots(component, digits, tmp_path, conditional=False).take(1)

    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())
    assert [module.training for module in decoder.modules()] == [True] * 4
    assert not component.networks["encoder"].training
    assert torch.equal(torch.get_rng_state(), random)
    assert not samples.requires_grad
    assert torch.equal(snapshots(component, digits, tmp_path, conditional=False).take(1), samples)  # no dropout


def test_without_labels_there_are_eight_columns(digits, tmp_path):
    component = gan(Pictures(digits.pixels))
    shots = snapshots(component, digits, tmp_path, conditional=False)
    assert shots.labels is None
    assert (shots.columns, len(shots.draw())) == (8, 64)


def test_many_labels_come_in_turn(digits, tmp_path):
    names = tuple(f"label {number}" for number in range(30))
    data = Pictures(digits.pixels, np.arange(200) % 30, names)
    component = gan(data)
    assert snapshots(component, data, tmp_path).labels.tolist() == [place % 30 for place in range(64)]


def test_what_is_drawn_from_a_mixture_is_fitted_first(digits, tmp_path):
    component = Autoencoder(AutoencoderConfig(components=4, **TINY), digits.described)
    shots = snapshots(component, digits, tmp_path, options=AutoencoderOptions(), conditional=False)
    assert shots.take(3).shape == (64, 1, 28, 28)


def test_samples_that_are_no_numbers_are_black_and_no_reason_to_stop(digits, tmp_path):
    component = gan(digits)
    with torch.no_grad():
        for parameter in component.networks["generator"].parameters():
            parameter.fill_(float("nan"))
    assert not snapshots(component, digits, tmp_path).take(1).isfinite().all()
    assert (tmp_path / "step-0000001.png").exists()


def test_samples_that_moderation_does_not_allow_are_crossed_out_and_left_out(digits, tmp_path):
    blocked = digits.batch(np.array([0])).data

    def allowed(image):
        return np.asarray(image).max() < 200

    shots = snapshots(gan(digits), digits, tmp_path, allowed=lambda image: False)
    shots.take(1)
    with Image.open(shots.path(1)) as sheet:
        assert np.asarray(sheet)[4 + 10, 4 + 28].tolist() == [225] * 3
    samples = torch.cat([blocked, torch.full((1, 1, 28, 28), 0.5)])
    neighbours(samples, digits, tmp_path / "neighbours.png", allowed=allowed)
    with Image.open(tmp_path / "neighbours.png") as sheet:
        assert np.asarray(sheet)[4:60, 4:60].max() == 128
    neighbours(blocked, digits, tmp_path / "none.png", allowed=allowed)
    assert not (tmp_path / "none.png").exists()


def test_reconstructions_stand_under_what_they_were_made_from(digits, tmp_path):
    class Perfect:
        def __init__(self):
            self.networks = {"decoder": nn.Linear(1, 1)}

        def encode(self, data):
            return data.flatten(1)

        def latent(self, noise, options, condition=None): ...

        def sample(self, latent, condition):
            return latent.unflatten(1, (1, 28, 28))

    path = reconstructions(Perfect(), digits, tmp_path / "reconstructions.png")
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("L")).astype(int)
    rows = [pixels[4 + 60 * row : 60 + 60 * row] for row in range(4)]
    assert (rows[0] == rows[1]).all()
    assert (rows[2] == rows[3]).all()
    assert (rows[0] != rows[2]).any()


def test_what_does_not_encode_has_no_reconstructions(digits, tmp_path):
    assert reconstructions(gan(digits), digits, tmp_path / "reconstructions.png") is None
    assert list(tmp_path.iterdir()) == []


def test_nearest_neighbours_are_found_in_any_block(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("aigc_core.training.watching.neighbours.BLOCK", 30)
    places = [150, 3, 77]
    samples = digits.batch(np.array(places)).data
    found = nearest_examples(samples, digits, 2)
    assert found.indices[:, 0].tolist() == places
    assert found.distances[:, 0].tolist() == [0, 0, 0]
    assert (found.distances[:, 1] > 0.01).all()


@pytest.mark.parametrize("block", [7, 1000])
def test_distances_are_those_worked_out_one_by_one(digits, block, monkeypatch):
    monkeypatch.setattr("aigc_core.training.watching.neighbours.BLOCK", block)
    features = small(digits.batch(np.arange(60)).data)
    found = nearest(features[:10], features[10:], 3)
    apart = torch.cdist(features[:10].double(), features[10:].double()) / 16  # 16 x 16 values
    expected = apart.topk(3, largest=False)
    assert found.indices.tolist() == expected.indices.tolist()
    assert torch.allclose(found.distances.double(), expected.values, atol=1e-6)


def test_pictures_are_compared_by_their_means_over_small_squares():
    picture = torch.zeros(1, 2, 32, 32)
    picture[0, 0, :2, :2] = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    features = small(picture)
    assert features.shape == (1, 2 * 16 * 16)
    assert features[0, 0] == 0.75
    assert features[0, 1:].eq(0).all()


def test_the_sheet_of_neighbours_begins_with_the_nearest(digits, tmp_path):
    copied = digits.batch(np.array([5])).data
    samples = torch.cat([torch.full((9, 1, 28, 28), 0.5), copied])
    found = neighbours(samples, digits, tmp_path / "neighbours.png")
    assert found.indices[9, 0] == 5
    with Image.open(tmp_path / "neighbours.png") as sheet:
        pixels = np.asarray(sheet.convert("L")).astype(int)
    first, under = pixels[4:60, 4:60], pixels[64:120, 4:60]
    assert (first == under).all()
    assert (first != 128).any()
    assert len(pixels) == 4 * 60 + 4  # ten pairs in two rows of eight


def save(folder, step, array):
    Image.fromarray(array).save(folder / f"step-{step:07d}.png")


@pytest.mark.parametrize("shape", [(68, 68), (68, 68, 3)])
def test_a_film_shows_the_sheets_in_order_and_holds_the_last(tmp_path, shape):
    for step in range(5):
        save(tmp_path, step * 100, np.full(shape, 50 * step, np.uint8))
    path = film(tmp_path, tmp_path / "film.gif")
    with Image.open(path) as gif:
        levels, durations = [], []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            levels.append(gif.convert("L").getpixel((9, 9)))
            durations.append(gif.info["duration"])
    assert levels == pytest.approx([0, 50, 100, 150, 200], abs=3)
    assert durations[-1] == LAST_FRAME > 4 * durations[0]


def test_a_long_noisy_film_is_made_smaller_until_it_fits(tmp_path):
    numbers = np.random.default_rng(0)
    for step in range(24):
        save(tmp_path, step, numbers.integers(0, 256, (100, 100, 3), dtype=np.uint8))
    save(tmp_path, 99, np.full((100, 100, 3), 250, np.uint8))
    path = film(tmp_path, tmp_path / "film.gif", limit=80_000)
    assert path.stat().st_size <= 80_000
    with Image.open(path) as gif:
        assert 1 < gif.n_frames < 25
        gif.seek(gif.n_frames - 1)
        assert gif.convert("L").getpixel((5, 5)) == pytest.approx(250, abs=8)  # the last sheet is always in it


def test_one_sheet_makes_a_film_and_none_makes_none(tmp_path):
    assert film(tmp_path, tmp_path / "film.gif") is None
    save(tmp_path, 1, np.zeros((20, 20), np.uint8))
    with Image.open(film(tmp_path, tmp_path / "film.gif")) as gif:
        assert gif.n_frames == 1


def test_a_film_that_cannot_be_written_is_a_clear_error(tmp_path):
    save(tmp_path, 1, np.zeros((20, 20), np.uint8))
    with pytest.raises(FileError, match="there is no folder"):
        film(tmp_path, tmp_path / "missing" / "film.gif")
