"""One item, one seed, and a stream of noise for every consumer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import Noise, UsageError
from aigc_core.randomness import SEED_LIMIT, Between, item_seed, noise, stream_key

SEEDS = st.integers(0, SEED_LIMIT - 1)


@given(SEEDS, st.text(min_size=1, max_size=20))
def test_a_stream_is_its_seed_and_name_and_nothing_else(seed, name):
    assert np.array_equal(Noise(seed, name).normal(16), Noise(seed, name).normal(16))


@given(SEEDS)
def test_drawing_from_one_stream_never_moves_another(seed):
    lone = Noise(seed, "generate/0").normal(4)
    other, stream = Noise(seed, "condition"), Noise(seed, "generate/0")
    other.uniform(1000)
    assert np.array_equal(stream.normal(4), lone)


def test_a_hundred_thousand_items_have_a_hundred_thousand_noises():
    assert len({stream_key(seed, "generate/0") for seed in range(100_000)}) == 100_000
    assert len({Noise(seed, "generate/0").normal(2).tobytes() for seed in range(100_000)}) == 100_000


def test_seeds_that_share_their_low_32_bits_differ():
    assert not np.array_equal(Noise(7, "a").normal(8), Noise(7 + 2**32, "a").normal(8))


def test_the_streams_have_the_distributions_they_promise():
    noise = Noise(1, "statistics")
    normal, uniform, gumbel = noise.normal(200_000), noise.uniform(200_000), noise.gumbel(200_000)
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1) < 0.01
    assert uniform.min() >= 0 and uniform.max() < 1 and abs(uniform.mean() - 0.5) < 0.01
    assert abs(gumbel.mean() - 0.5772) < 0.02 and abs(gumbel.var() - np.pi**2 / 6) < 0.03
    assert {array.dtype for array in (normal, uniform, gumbel)} == {np.dtype("float32")}


def test_gumbel_noise_draws_from_the_softmax():
    logits = np.log(np.array([0.7, 0.2, 0.1], dtype=np.float32))
    picks = (logits + Noise(3, "gumbel").gumbel((20_000, 3))).argmax(1)
    assert np.allclose(np.bincount(picks) / 20_000, [0.7, 0.2, 0.1], atol=0.02)


@given(SEEDS, st.integers(1, 50))
def test_a_choice_is_in_range(seed, n):
    assert 0 <= Noise(seed, "choice").choice(n) < n


def test_the_first_numbers_of_a_stream_are_pinned():
    """A change here is a change of every picture ever made with a seed."""
    assert stream_key(7, "generate/0") == 0x832D790E00B26092E4BBD672E94AC476
    assert np.allclose(Noise(7, "generate/0").normal(3), [-0.29574758, 0.29287109, -1.51647472])


def test_seeds_count_up_and_stay_in_range():
    assert item_seed(5, 3) == 8
    for seed, index in ((-1, 0), (SEED_LIMIT - 1, 1)):
        with pytest.raises(UsageError, match="out of range"):
            item_seed(seed, index)


def test_a_stream_is_philox_with_the_key_of_its_name():
    from numpy.random import Generator, Philox

    expected = Generator(Philox(key=stream_key(7, "a"))).standard_normal(9, dtype="float32")
    assert np.array_equal(Noise(7, "a").normal(9), expected)


DRAWS = {
    "normal": lambda stream: stream.normal((3, 2)),
    "uniform": lambda stream: stream.uniform(7),
    "gumbel": lambda stream: stream.gumbel(7),
    "scalar": lambda stream: stream.normal(),
    "choice": lambda stream: stream.choice(1000),
    "several": lambda stream: (stream.normal(2), stream.choice(9), stream.uniform(2))[2],
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@given(a=SEEDS, b=SEEDS)
def test_between_two_seeds_the_ends_are_the_streams_of_the_seeds(draw, a, b):
    for t, seed in ((0.0, a), (1.0, b)):
        between, plain = draw(noise(Between(a, b, t), "x")), draw(noise(seed, "x"))
        assert type(between) is type(plain)
        assert np.array_equal(between, plain)


@pytest.mark.parametrize("t", [0.01, 0.25, 0.5, 0.8])
def test_between_two_seeds_every_draw_has_the_distribution_of_a_stream(t):
    many = 100_000
    stream = noise(Between(1, 2, t), "statistics")
    normal, uniform, gumbel = stream.normal(many), stream.uniform(many), stream.gumbel(many)
    assert normal.dtype == uniform.dtype == gumbel.dtype == np.float32
    assert (normal.mean(), normal.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    assert np.abs(np.sort(uniform) - np.linspace(0, 1, many)).max() < 0.01  # Kolmogorov-Smirnov
    assert 0 <= uniform.min() <= uniform.max() < 1
    assert np.abs(np.exp(-np.exp(-np.sort(gumbel))) - np.linspace(0, 1, many)).max() < 0.01
    assert isinstance(stream.normal(), np.ndarray)


def test_between_two_seeds_numbers_move_little_by_little():
    for kind in ("normal", "uniform"):
        frames = np.stack([getattr(noise(Between(3, 4, t), "x"), kind)(50) for t in np.linspace(0, 1, 101)])
        steps, whole = np.abs(np.diff(frames, axis=0)).max(), np.abs(frames[-1] - frames[0]).max()
        assert steps < 0.1 * whole


def test_between_two_seeds_normal_vectors_keep_their_length():
    lengths = [np.linalg.norm(noise(Between(3, 4, t), "x").normal(512)) for t in np.linspace(0, 1, 11)]
    assert max(lengths) < 1.1 * min(lengths)


def test_a_stream_says_what_it_is_mixed_from():
    plain = noise(7, "x")
    assert plain.parts == ((1.0, plain),)
    weights, parts = zip(*noise(Between(3, 4, 0.25), "x").parts, strict=True)
    assert weights == (0.75, 0.25)
    assert [(part.seed, part.name) for part in parts] == [(3, "x"), (4, "x")]
