"""``text/vae`` trained on a few hundred sentences, and what it then writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core import (
    Condition,
    Final,
    Item,
    ModelError,
    Noise,
    Partial,
    TextData,
    TrainingOptions,
    UsageError,
    save_model,
    train,
)
from aigc_core.models import open_folder
from aigc_core.randomness import Between, NoiseBetween
from aigc_core.training import Trained
from aigc_text.vae.model import Vae
from aigc_text.vae.options import VaeConfig, VaeOptions

SENTENCES = [
    f"{who} {does} the {what}{where}"
    for who, does, what, where in product(
        ("the cat", "a dog", "my sister", "nobody", "the old man"),
        ("sees", "wants", "has lost", "sings about"),
        ("moon", "red ball", "river", "door"),
        ("", " today", " in the garden"),
    )
]
CONFIG = VaeConfig(
    vocabulary=300, latent_dim=8, embedding=32, hidden=48, encoder_hidden=32, dropout=0, gamma=1.5, beta=0.1
)
OPTIONS = TrainingOptions(steps=400, batch=32, lr=1e-2, schedule="cosine", clip=5, ema_images=0, log_every=100)
ITEMS = 16


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Train on one thread."""


@pytest.fixture(scope="module")
def trained() -> tuple[Trained, dict[str, bytes]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    examples = Vae.examples(CONFIG, TextData(SENTENCES))
    made = train(Vae, CONFIG, examples, OPTIONS)
    torch.set_num_threads(threads)
    return made, dict(examples.described.files)


@pytest.fixture(scope="module")
def folder(trained: tuple[Trained, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(trained, tmp_path_factory.mktemp("models") / "sentences")


def save(trained: tuple[Trained, dict[str, bytes]], folder: Path, **changes: object) -> Path:
    made, files = trained
    parts: dict[str, object] = {
        "options": made.options,
        "shape": Vae.examples(CONFIG, TextData(SENTENCES)).described.shape,
        "tensors": made.tensors,
        "files": files,
    }
    return save_model(folder, name="sentences", component="text/vae", modality="text", card="", **{**parts, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def vae(folder: Path) -> Vae:
    return Vae.from_model(open_folder(folder))


def items(count: int = ITEMS, /, **options: object) -> list[Item]:
    return [Item(None, {}, Condition(), VaeOptions(**options), Noise(seed, "generate/0")) for seed in range(count)]


def like(text: str, **options: object) -> list[Item]:
    return [replace(item, inputs={"like": text}) for item in items(**options)]


def finals(vae: Vae, given: Sequence[Item]) -> list[Final]:
    found = [made for made in vae.generate(given) if isinstance(made, Final)]
    return sorted(found, key=lambda final: final.index)


def texts(vae: Vae, given: Sequence[Item]) -> list[str]:
    return [str(final.content) for final in finals(vae, given)]


class TestTraining:
    def test_the_loss_falls_and_the_latent_is_in_use(self, trained: tuple[Trained, dict[str, bytes]]) -> None:
        first, *_, last = trained[0].history
        assert last["elbo/reconstruction"] < first["elbo/reconstruction"] / 3
        assert last["elbo/kl"] >= 8 * 1.5**2 / 2 - 0.5
        assert last["elbo/active_units"] == 8

    def test_the_same_seed_gives_the_same_weights(self) -> None:
        examples = Vae.examples(CONFIG, TextData(SENTENCES))
        options = OPTIONS.model_copy(update={"steps": 3})
        one, other = (train(Vae, CONFIG, examples, options).tensors for _ in range(2))
        assert all(torch.equal(one[key], other[key]) for key in one)

    def test_the_means_of_all_texts_have_the_spread_that_was_asked_for(self, vae: Vae) -> None:
        batch = next(iter(Vae.examples(CONFIG, TextData(SENTENCES), vae.data.files).batches(len(SENTENCES))))
        mean, _ = vae.encoder(batch.data)
        assert mean.std(dim=0).numpy() == pytest.approx(np.full(8, 1.5), rel=0.01)

    @pytest.mark.parametrize(
        "changes",
        [
            {"gamma": 0, "annealing": "cyclical", "annealing_steps": 2},
            {"gamma": 0, "free_bits": 4, "free_bits_of": "total"},
            {"warm_start": 2, "word_dropout": 0.5, "bidirectional": False},
        ],
    )
    def test_every_remedy_can_be_trained_with(self, changes: dict[str, object]) -> None:
        config = CONFIG.model_copy(update=changes)
        examples = Vae.examples(config, TextData(SENTENCES))
        made = train(Vae, config, examples, OPTIONS.model_copy(update={"steps": 4, "log_every": 1}))
        assert all(np.isfinite(list(row.values())).all() for row in made.history)

    def test_a_warm_start_charges_no_divergence(self) -> None:
        config = CONFIG.model_copy(update={"warm_start": 2})
        examples = Vae.examples(config, TextData(SENTENCES))
        rows = train(Vae, config, examples, OPTIONS.model_copy(update={"steps": 3, "log_every": 1})).history
        charged = [row["elbo/loss"] - row["elbo/reconstruction"] for row in rows]
        assert charged[:2] == pytest.approx([0, 0], abs=1e-4)
        assert charged[2] == pytest.approx(CONFIG.beta * rows[2]["elbo/kl"], rel=1e-3)

    def test_collapse_is_told(self, vae: Vae) -> None:
        (alarm,) = vae.alarms({"elbo/active_units": 0.4, "elbo/kl": 0.01})
        assert alarm.name == "posterior collapse"
        assert "gamma" in alarm.advice
        assert vae.alarms({"elbo/active_units": 7, "elbo/kl": 5}) == []
        assert vae.alarms({}) == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ([], "there is no text"),
            (["all alone"], "only one text"),
            (["a b", "", "c"], "text 2 is empty"),
            (["a b", "a\ud800"], "surrogate"),
        ],
    )
    def test_texts_that_cannot_be_learnt_from(self, given: list[str], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            Vae.examples(CONFIG, TextData(given))

    def test_labels_and_vectors_steer(self) -> None:
        said = ["good morning"] * 16 + ["good night"] * 16
        config = CONFIG.model_copy(update={"latent_dim": 2, "gamma": 0.1, "vocabulary": 280})
        options = OPTIONS.model_copy(update={"steps": 60})
        which = np.repeat([0, 1], 16)
        labelled = TextData(said, labels=which, label_names=("day", "night"))
        steered = TextData(said, vectors=np.eye(2, 3, dtype=np.float32)[which])
        conditions = [Condition("label", "day", 0), Condition("label", "night", 1)]
        vectors = [Condition("vector", np.eye(2, 3, dtype=np.float32)[index]) for index in (0, 1)]
        for data, both in ((labelled, conditions), (steered, vectors)):
            examples = Vae.examples(config, data)
            made = train(Vae, config, examples, options)
            vae = built(made, config, examples)
            found = [texts(vae, [replace(each, condition=one) for each in items(temperature=0)])[0] for one in both]
            assert found == ["good morning", "good night"]


def built(made: Trained, config: VaeConfig, examples: object) -> Vae:
    """Return a component as the loop builds one: from its class, with weights put in."""
    vae = Vae(config, examples.described)  # type: ignore[attr-defined]
    for name, network in vae.networks.items():
        network.load_state_dict(
            {key.removeprefix(f"{name}."): value for key, value in made.tensors.items() if key.startswith(f"{name}.")}
        )
        network.eval()
    return vae


class TestWriting:
    def test_sentences_are_made_again(self, vae: Vae) -> None:
        again = vae.reconstruct(SENTENCES)
        assert sum(map(str.__eq__, again, SENTENCES)) > 0.9 * len(SENTENCES)

    def test_the_prior_gives_sentences_of_the_kind(self, vae: Vae) -> None:
        made = texts(vae, items())
        assert len(set(made)) > 8
        words = {word for sentence in SENTENCES for word in sentence.split()}
        assert np.mean([word in words for text in made for word in text.split()]) > 0.9

    def test_an_item_is_the_same_alone_or_among_others_wherever_it_stands(self, vae: Vae) -> None:
        together = finals(vae, items())
        for seed in (0, 7, 15):
            alone = finals(vae, [replace(item, noise=Noise(seed, "generate/0")) for item in items()])
            assert [(made.content, made.scores) for made in (alone[0], alone[15])] == 2 * [
                (together[seed].content, together[seed].scores)
            ]

    def test_neighbours_with_other_options_change_nothing(self, vae: Vae) -> None:
        mixed = [*items(8), *[replace(item, options=VaeOptions(beams=3)) for item in items()[8:12]], *items()[12:]]
        mixed[1] = replace(mixed[1], options=VaeOptions(top_k=2, repetition_penalty=1.3, no_repeat_ngram=2))
        mixed[2] = replace(mixed[2], inputs={"like": SENTENCES[5]}, options=VaeOptions(max_tokens=3))
        found, plain, searched = finals(vae, mixed), finals(vae, items()), finals(vae, items(beams=3))
        assert [found[place].content for place in (0, 3, 7, 12, 15)] == [
            plain[place].content for place in (0, 3, 7, 12, 15)
        ]
        assert found[9] == searched[9]

    def test_two_threads_write_the_same(self, vae: Vae) -> None:
        one = finals(vae, items())
        torch.set_num_threads(2)
        assert finals(vae, items()) == one

    def test_the_score_is_the_mean_log_likelihood_of_its_tokens(self, vae: Vae) -> None:
        (made, *_) = finals(vae, items(temperature=0.7, top_p=0.9))
        tokens = torch.tensor([[*vae.tokenizer.encode(str(made.content)), vae.tokenizer.eos]])
        latent = torch.from_numpy(Noise(0, "generate/0").normal((1, 8)))
        assert made.scores["log_likelihood"] == pytest.approx(vae.decoder(tokens, latent).mean().item(), abs=1e-4)

    def test_beams_find_what_is_at_least_as_likely_as_the_greedy_text(self, vae: Vae) -> None:
        greedy, searched = (finals(vae, items(**options)) for options in ({"temperature": 0}, {"beams": 4}))
        means = [np.mean([made.scores["log_likelihood"] for made in found]) for found in (greedy, searched)]
        assert means[0] <= means[1]

    def test_a_model_has_a_temperature_of_its_own(self, trained: tuple[Trained, dict[str, bytes]], vae: Vae) -> None:
        cold = built(
            trained[0], CONFIG.model_copy(update={"temperature": 0}), Vae.examples(CONFIG, TextData(SENTENCES))
        )
        assert texts(cold, items()) == texts(vae, items(temperature=0))
        assert texts(cold, items(temperature=1)) == texts(vae, items())

    def test_a_text_is_streamed_and_only_ever_grows(self, vae: Vae) -> None:
        given = items()
        given[3] = replace(given[3], streamed=True)
        made = list(vae.generate(given))
        parts = [one for one in made if isinstance(one, Partial)]
        assert {part.index for part in parts} == {3}
        whole = [str(one.content) for one in made if one.index == 3]
        assert len(whole) > 3
        assert all(longer.startswith(shorter) for shorter, longer in pairwise(whole))

    def test_it_ends_before_a_stop_string_and_after_so_many_tokens(self, vae: Vae) -> None:
        plain = texts(vae, items(temperature=0))
        stopped = texts(vae, items(temperature=0, stop=[" the ", "never met"]))
        assert stopped == [text.split(" the ")[0] for text in plain]
        assert all(len(vae.tokenizer.encode(text)) <= 2 for text in texts(vae, items(max_tokens=2)))

    def test_seeds_between_two_begin_and_end_at_theirs(self, vae: Vae) -> None:
        noises = [NoiseBetween(Between(3, 9, place), "generate/0") for place in np.linspace(0, 1, 7)]
        way = [replace(item, noise=noise) for item, noise in zip(items(7), noises, strict=True)]
        found, plain = texts(vae, [*way, *items()[7:]]), texts(vae, items())
        assert (found[0], found[6]) == (plain[3], plain[9])

    def test_sentences_between_two_begin_and_end_at_theirs(self, vae: Vae) -> None:
        first, last = (text for text in (SENTENCES[0], SENTENCES[-1]))
        inputs = {"like": first, "towards": last}
        way = [replace(item, inputs=inputs, between=place / 15) for place, item in enumerate(items())]
        found = texts(vae, way)
        assert [found[0], found[-1]] == vae.reconstruct([first, last])
        assert len(set(found)) > 2

    def test_variations_leave_a_sentence_by_their_strength(self, vae: Vae) -> None:
        text = SENTENCES[40]
        made = {strength: texts(vae, like(text, strength=strength)) for strength in (0, 0.6, 1)}
        assert set(made[0]) == set(vae.reconstruct([text]))
        same = {strength: sum(one == text for one in found) for strength, found in made.items()}
        assert same[0] == ITEMS > same[0.6] > same[1]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ([replace(item, prompt="Once") for item in items()], "takes no prompt"),
            (items(beams=2, temperature=1.0), "no temperature goes with beams"),
            (items(strength=0.5), "no text to vary"),
            (like("so " * 200), "at most 96"),
            (like("a\ud800"), "surrogate"),
        ],
    )
    def test_what_cannot_be_made_is_refused(self, vae: Vae, given: list[Item], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            list(vae.generate(given))

    @pytest.mark.parametrize(
        ("option", "wrong"),
        [
            *[("temperature", wrong) for wrong in (-1, float("nan"), float("inf"), "warm")],
            *[("top_p", wrong) for wrong in (0, 1.1, float("nan"))],
            ("stop", ""),
            ("strength", 2),
        ],
    )
    def test_no_such_option(self, option: str, wrong: object) -> None:
        with pytest.raises(ValueError, match=option):
            VaeOptions(**{option: wrong})  # type: ignore[arg-type]


class TestLikelihood:
    def test_bounds_are_in_order_and_counted_by_token(self, vae: Vae) -> None:
        elbo, tighter = vae.log_likelihood(SENTENCES[:8], Noise(0, "x"), 50)
        assert elbo.shape == tighter.shape == (8,)
        assert (elbo <= tighter).all()
        assert vae.token_counts(SENTENCES[:2]) == [len(vae.tokenizer.encode(text)) + 1 for text in SENTENCES[:2]]

    def test_what_was_learnt_is_likelier_than_what_is_garbled(self, vae: Vae) -> None:
        garbled = [" ".join(reversed(text.split())) for text in SENTENCES[:8]]
        real, other = (vae.log_likelihood(given, Noise(0, "x"), 20)[1].mean() for given in (SENTENCES[:8], garbled))
        assert real > other + 10

    def test_how_many_latents_are_taken_at_once_does_not_matter(
        self, vae: Vae, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = vae.log_likelihood(SENTENCES[:2], Noise(0, "x"), 30)
        monkeypatch.setattr("aigc_text.vae.likelihood.AT_ONCE", 40)
        parted = vae.log_likelihood(SENTENCES[:2], Noise(0, "x"), 30)
        for one, other in zip(whole, parted, strict=True):
            assert one.numpy() == pytest.approx(other.numpy(), abs=1e-3)

    def test_statistics_of_a_latent_in_use(self, vae: Vae) -> None:
        found = vae.latent_statistics(SENTENCES, Noise(0, "x"))
        assert found.active_units == found.latent_dim == 8
        assert 3 < found.mutual_information <= np.log(len(SENTENCES)) + 1e-6
        assert found.kl > found.mutual_information  # the difference is how far all texts together are from the prior


class TestFolders:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"shape": (1, 28, 28)}, "which no text has"),
            ({"precision": "bfloat16"}, "pinned to bfloat16"),
            ({"options": {"latent_dim": "many"}}, "latent_dim"),
            ({"options": {**CONFIG.model_dump(), "latent_dim": 9}}, "do not fit"),
            ({"files": {"tokenizer.json": b"{}"}}, "tokenizer.json"),
        ],
    )
    def test_what_does_not_fit_is_told(
        self, trained: tuple[Trained, dict[str, bytes]], tmp_path: Path, changes: dict[str, object], message: str
    ) -> None:
        with pytest.raises(ModelError, match=message):
            Vae.from_model(open_folder(save(trained, tmp_path / "wrong", **changes)))

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda tensors: tensors.pop("decoder.bias"), "decoder.bias is missing"),
            (lambda tensors: tensors.update(extra=torch.zeros(1)), "extra is unknown"),
            (lambda tensors: tensors.update({"decoder.bias": torch.full((300,), torch.nan)}), "not finite"),
        ],
    )
    def test_other_tensors_are_told(
        self,
        trained: tuple[Trained, dict[str, bytes]],
        tmp_path: Path,
        spoil: Callable[[dict[str, torch.Tensor]], object],
        message: str,
    ) -> None:
        tensors = dict(trained[0].tensors)
        spoil(tensors)
        with pytest.raises(ModelError, match=message):
            Vae.from_model(open_folder(save(trained, tmp_path / "wrong", tensors=tensors)))
