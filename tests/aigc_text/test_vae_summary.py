"""``text/vae`` trained on pairs: it writes about a text that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from aigc_core import Condition, Final, Item, Noise, TextData, TrainingOptions, UsageError, train
from aigc_text.vae.model import Vae
from aigc_text.vae.options import VaeConfig, VaeOptions

THINGS = ("salt", "old glass", "wheat", "slow rivers", "bees", "iron", "moss", "quiet machines", "rain", "maps")
PLACES = ("Rome", "the north", "small towns", "Peru", "cold water", "schools", "Kent", "the desert")
PAIRS = [
    (f"It is often said. Here we study {thing} in {place}, at length. Results are given.", f"{thing} in {place}")
    for thing, place in product(THINGS, PLACES)
]
KEPT_APART = PAIRS[3::7]
LEARNT = [pair for pair in PAIRS if pair not in KEPT_APART]
CONFIG = VaeConfig(
    vocabulary=320, latent_dim=4, embedding=32, hidden=48, encoder_hidden=32, condition_dim=16, dropout=0, gamma=0.3
)
OPTIONS = TrainingOptions(steps=150, batch=16, lr=1e-2, schedule="cosine", clip=5, ema_images=0)


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Train on one thread."""


def paired(pairs: Sequence[tuple[str, str]]) -> TextData:
    return TextData([text for _, text in pairs], [source for source, _ in pairs])


@pytest.fixture(scope="module")
def vae() -> Vae:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    examples = Vae.examples(CONFIG, paired(LEARNT))
    made = train(Vae, CONFIG, examples, OPTIONS)
    torch.set_num_threads(threads)
    vae = Vae(CONFIG, examples.described)
    for name, network in vae.networks.items():
        network.load_state_dict(
            {key.removeprefix(f"{name}."): value for key, value in made.tensors.items() if key.startswith(f"{name}.")}
        )
        network.eval()
    return vae


def asked(sources: Sequence[str | None], **options: object) -> list[Item]:
    return [
        Item(source, {}, Condition(), VaeOptions(**options), Noise(seed, "generate/0"))
        for seed, source in enumerate(sources)
    ]


def made(vae: Vae, items: Sequence[Item]) -> list[str]:
    finals = [one for one in vae.generate(items) if isinstance(one, Final)]
    return [str(final.content) for final in sorted(finals, key=lambda final: final.index)]


def test_its_shape_says_that_it_was_trained_on_pairs(vae: Vae) -> None:
    assert vae.summarises
    longest, longest_source = vae.data.shape
    assert longest < longest_source


def test_what_it_writes_is_about_its_source(vae: Vae) -> None:
    sources, wanted = zip(*KEPT_APART, strict=True)
    right = [one == other for one, other in zip(made(vae, asked(sources)), wanted, strict=True)]
    assert np.mean(right) > 0.5  # a guess would be right once in eighty


def test_a_drawn_summary_is_the_same_wherever_it_stands(vae: Vae) -> None:
    sources = [source for source, _ in KEPT_APART] + [LEARNT[0][0]] * 5
    together = made(vae, asked(sources[:16], temperature=1.0))
    alone = asked([sources[4]], temperature=1.0)[0]
    assert made(vae, [replace(alone, noise=Noise(4, "generate/0")) for _ in range(16)])[9] == together[4]


def test_likelihood_statistics_and_reconstruction_take_pairs(vae: Vae) -> None:
    pairs = paired(KEPT_APART)
    elbo, tighter = vae.log_likelihood(pairs, Noise(0, "x"), 10)
    assert (elbo <= tighter).all()
    assert vae.latent_statistics(pairs, Noise(0, "x")).texts == len(pairs) == len(vae.reconstruct(pairs))
    others = TextData(pairs.texts, [*pairs.sources[1:], pairs.sources[0]])  # type: ignore[index]
    assert vae.log_likelihood(others, Noise(0, "x"), 10)[1].mean() < tighter.mean() - 3


def test_texts_without_sources_are_refused(vae: Vae) -> None:
    with pytest.raises(UsageError, match="sources"):
        vae.log_likelihood(["salt in Rome"], Noise(0, "x"), 2)


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_there_must_be_something_to_summarise(vae: Vae, nothing: str | None) -> None:
    with pytest.raises(UsageError, match="nothing to summarise"):
        made(vae, asked([nothing]))


def test_a_text_that_is_too_long_is_refused_or_read_in_part(vae: Vae) -> None:
    long = KEPT_APART[0][0] + " And so on." * 50
    with pytest.raises(UsageError, match="reads at most") as refused:
        made(vae, asked([long]))
    assert "cut=true" in str(refused.value.hint)
    assert made(vae, asked([long], cut=True))[0]


def test_sources_are_read_as_far_as_was_said() -> None:
    config = CONFIG.model_copy(update={"longest_source": 5})
    examples = Vae.examples(config, paired(LEARNT))
    assert examples.described.shape[1] == 5
    assert made(Vae(config, examples.described), asked([LEARNT[0][0]], max_tokens=3))  # and never refused


def test_a_source_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="source 2 has"):
        Vae.examples(CONFIG, TextData(["a b", "c d"], ["short", "x y " * 5000]))


def test_words_need_not_be_copied() -> None:
    config = CONFIG.model_copy(update={"copy_words": False})
    history = train(Vae, config, Vae.examples(config, paired(LEARNT)), OPTIONS.model_copy(update={"steps": 4})).history
    assert np.isfinite(history[-1]["elbo/loss"])
