"""The pieces of ``text/vae``: networks, what stops collapse, likelihoods, beams, the way from items to latents."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aigc_core import Condition, DataShape, Item, Noise, UsageError
from aigc_text.tokenizer import Tokenizer
from aigc_text.vae import likelihood
from aigc_text.vae.beam import Beams, forbid_repeats
from aigc_text.vae.collapse import Annealing, FreeBits, HeldSpread
from aigc_text.vae.latents import latents, slerp
from aigc_text.vae.networks import Decoder, Encoder, Writing
from aigc_text.vae.options import VaeConfig, VaeOptions
from aigc_text.vae.summary import SummaryDecoder

PAD, BOS, EOS = Tokenizer.pad, Tokenizer.bos, Tokenizer.eos
VOCABULARY = 11
SMALL = VaeConfig(latent_dim=3, embedding=6, hidden=8, encoder_hidden=5, dropout=0)
TEXTS = torch.tensor([[3, 4, 5, 6, EOS], [7, 8, EOS, PAD, PAD], [9, EOS, PAD, PAD, PAD]])
SOURCES = torch.tensor([[5, 3, 9, 6, 10, 4], [7, 8, 8, 4, PAD, PAD], [10, 9, PAD, PAD, PAD, PAD]])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class TestAnnealing:
    def test_none_is_always_at_its_height(self) -> None:
        assert [Annealing(height=0.5).weight(step) for step in (0, 10, 10_000)] == [0.5] * 3

    def test_linear_rises_and_rests(self) -> None:
        annealing = Annealing("linear", steps=4)
        assert [annealing.weight(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]

    def test_cyclical_rises_in_the_first_half_of_each_cycle_and_rests_after_the_last(self) -> None:
        annealing = Annealing("cyclical", steps=4, cycles=2)
        assert [annealing.weight(step) for step in range(10)] == [0.5, 1, 1, 1, 0.5, 1, 1, 1, 1, 1]


class TestFreeBits:
    def test_each_dimension_has_its_own(self) -> None:
        divergence = torch.tensor([[0.1, 2.0], [0.3, 4.0]])  # means 0.2 and 3
        assert FreeBits(0.5, "dimension").charged(divergence).item() == pytest.approx(0.5 + 3)

    def test_all_share_one(self) -> None:
        divergence = torch.tensor([[0.1, 2.0], [0.3, 4.0]])
        assert FreeBits(5, "total").charged(divergence).item() == 5
        assert FreeBits(1, "total").charged(divergence).item() == pytest.approx(3.2)

    def test_what_is_below_the_floor_has_no_gradient(self) -> None:
        divergence = torch.tensor([[0.1, 2.0]], requires_grad=True)
        FreeBits(0.5).charged(divergence).backward()
        assert divergence.grad is not None
        assert divergence.grad.tolist() == [[0, 1]]


class TestHeldSpread:
    def test_the_divergence_cannot_fall_below_its_bound(self) -> None:
        spread = HeldSpread(8, gamma=0.6)
        mean = spread(1e-2 * torch.randn(64, 8) + 3)  # an encoder that says next to nothing
        divergence = likelihood.kl_divergence(mean, torch.zeros(64, 8)).sum(dim=1).mean()
        assert divergence.item() == pytest.approx(8 * 0.6**2 / 2, rel=0.05)

    def test_its_scale_is_not_learnt(self) -> None:
        learnt = [name for name, parameter in HeldSpread(8, 0.6).named_parameters() if parameter.requires_grad]
        assert learnt == ["bias"]

    def test_in_use_it_takes_the_statistics_of_all_texts(self) -> None:
        spread, free = HeldSpread(4, 0.6), 5 * torch.randn(1000, 4) - 2
        spread.settle(free.mean(dim=0), free.var(dim=0, correction=0))
        held = spread.eval()(free).detach()
        assert held.mean(dim=0).abs().max() < 1e-4
        assert held.std(dim=0).numpy() == pytest.approx(np.full(4, 0.6), rel=1e-3)

    def test_a_single_text_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no spread"):
            HeldSpread(4, 0.6)(torch.randn(1, 4))


class TestNetworks:
    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_padding_changes_nothing(self, bidirectional: bool) -> None:
        config = SMALL.model_copy(update={"bidirectional": bidirectional})
        encoder = Encoder(config, VOCABULARY, DataShape((5,))).eval()
        together, _ = encoder(TEXTS)
        alone, _ = encoder(TEXTS[1:2, :3])
        assert together[1].detach().numpy() == pytest.approx(alone[0].detach().numpy(), abs=1e-5)

    def test_both_ends_are_read(self) -> None:
        reader = Encoder(SMALL, VOCABULARY, DataShape((5,))).reader
        _, ends = reader(TEXTS[:1])
        _, other = reader(torch.tensor([[8, 4, 5, 6, EOS]]))
        changed = (ends - other).abs()[0] > 1e-2  # the way back ends at the first token, and sees it best
        assert changed[5:].any()

    @pytest.mark.parametrize(
        ("data", "condition"),
        [
            (DataShape((5,)), None),
            (DataShape((5,), ("a", "b")), torch.tensor([0, 1, 1])),
            (DataShape((5,), vector=4), torch.arange(12).view(3, 4) / 12),
        ],
    )
    @pytest.mark.parametrize("kind", [Decoder, SummaryDecoder])
    def test_step_by_step_is_as_all_at_once(
        self, kind: type[Decoder], data: DataShape, condition: torch.Tensor | None
    ) -> None:
        decoder = kind(SMALL, VOCABULARY, data).eval()
        source = SOURCES if kind is SummaryDecoder else None
        latent = torch.randn(3, 3)
        at_once = decoder(TEXTS, latent, condition, source)
        writing, last = decoder.begin(latent, condition, source), torch.full((3,), BOS)
        for place in range(TEXTS.shape[1]):
            logits, writing = decoder.step(last, writing)
            last = TEXTS[:, place]
            log_p = logits.log_softmax(dim=1).gather(1, last[:, None])[:, 0]
            there = last != PAD
            assert log_p[there].detach().numpy() == pytest.approx(at_once[there, place].detach().numpy(), abs=1e-4)
        assert (at_once[TEXTS == PAD] == 0).all()

    def test_a_condition_changes_what_is_written(self) -> None:
        decoder = Decoder(SMALL, VOCABULARY, DataShape((5,), ("a", "b"))).eval()
        latent = torch.randn(1, 3)
        log_p = [decoder(TEXTS[:1], latent, torch.tensor([label])) for label in (0, 1)]
        assert not torch.equal(*log_p)

    def test_words_that_may_not_be_seen_do_not_matter(self) -> None:
        decoder = Decoder(SMALL, VOCABULARY, DataShape((5,))).eval()
        latent, blind = torch.randn(1, 3), torch.zeros(1, 5, dtype=torch.bool)
        other = torch.tensor([[8, 7, 5, 6, EOS]])
        written, others = (decoder(texts, latent, seen=blind) for texts in (TEXTS[:1], other))
        assert written[0, 2:].detach().numpy() == pytest.approx(others[0, 2:].detach().numpy(), abs=1e-6)

    def test_a_summary_can_hold_every_word_of_its_source(self) -> None:
        decoder = SummaryDecoder(SMALL, VOCABULARY, DataShape((5, 6))).eval()
        assert decoder.generates is not None
        torch.nn.init.constant_(decoder.generates.bias, -20)  # nothing but copies
        logits, _ = decoder.step(torch.full((3,), BOS), decoder.begin(torch.randn(3, 3), None, SOURCES))
        for row, source in zip(logits.softmax(dim=1), SOURCES, strict=True):
            assert set(row.gt(1e-4).nonzero()[:, 0].tolist()) == set(source.tolist()) - {PAD}

    def test_one_source_may_stand_for_all(self) -> None:
        decoder = SummaryDecoder(SMALL, VOCABULARY, DataShape((5, 6))).eval()
        latent = torch.randn(3, 3)
        one = decoder(TEXTS, latent, None, SOURCES[:1])
        each = decoder(TEXTS, latent, None, SOURCES[:1].expand(3, -1))
        assert one.detach().numpy() == pytest.approx(each.detach().numpy(), abs=1e-6)


class TestLikelihood:
    def test_divergence_is_that_of_torch(self) -> None:
        mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
        wanted = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
        assert likelihood.kl_divergence(mean, log_variance).numpy() == pytest.approx(wanted.numpy(), abs=1e-5)

    def test_with_the_true_posterior_every_weight_is_the_likelihood(self) -> None:
        # z ~ N(0, 1), x|z ~ N(z, 1): then z|x ~ N(x/2, 1/2) and x ~ N(0, 2).
        x = 1.3
        mean, log_variance = torch.tensor([x / 2]), torch.tensor([math.log(0.5)])

        def log_p(latent: torch.Tensor) -> torch.Tensor:
            return Normal(latent[:, 0], 1.0).log_prob(torch.tensor(x))

        elbo, tighter = likelihood.bounds(mean, log_variance, log_p, 1, Noise(0, "x"), 50)
        exact = Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(x)).item()
        assert elbo == pytest.approx(exact, abs=1e-5)
        assert tighter == pytest.approx(exact, abs=1e-5)

    def test_with_another_posterior_more_samples_come_nearer(self) -> None:
        x = 1.3

        def log_p(latent: torch.Tensor) -> torch.Tensor:
            return Normal(latent[:, 0], 1.0).log_prob(torch.tensor(x))

        prior = torch.zeros(1), torch.zeros(1)
        elbo, tighter = likelihood.bounds(*prior, log_p, 1, Noise(0, "x"), 20_000)
        exact = Normal(0.0, math.sqrt(2)).log_prob(torch.tensor(x)).item()
        assert elbo < exact - 0.3
        assert tighter == pytest.approx(exact, abs=0.02)

    def test_posteriors_far_apart_know_which_text_it_is(self) -> None:
        mean = 100 * torch.eye(32)
        found = likelihood.statistics(mean, torch.zeros(32, 32), Noise(0, "x"))
        assert found.mutual_information == pytest.approx(math.log(32), abs=1e-3)
        assert found.active_units == 32

    def test_posteriors_that_are_the_prior_know_nothing(self) -> None:
        found = likelihood.statistics(torch.zeros(500, 8), torch.zeros(500, 8), Noise(0, "x"))
        assert (found.kl, found.active_units, found.latent_dim, found.texts) == (0, 0, 8, 500)
        assert found.mutual_information == pytest.approx(0, abs=1e-9)

    def test_information_is_that_of_a_gaussian_channel(self) -> None:
        # Means N(0, 1) and noise N(0, 1): 1/2 log(1 + 1) nats a dimension (Shannon 1948).
        mean = torch.randn(4000, 1, generator=torch.Generator().manual_seed(1))
        found = likelihood.statistics(mean, torch.zeros(4000, 1), Noise(0, "x"))
        assert found.mutual_information == pytest.approx(0.5 * math.log(2), abs=0.05)


class Table(torch.nn.Module):
    """A decoder whose probabilities depend on the last token alone, and stand in a table."""

    def __init__(self, following: dict[int, dict[int, float]]) -> None:
        super().__init__()
        self.log_p = torch.full((VOCABULARY, VOCABULARY), -50.0)
        for token, shares in following.items():
            for after, share in shares.items():
                self.log_p[token, after] = math.log(share)

    def step(self, tokens: torch.Tensor, writing: Writing) -> tuple[torch.Tensor, Writing]:
        return self.log_p[tokens], replace(writing, hidden=writing.hidden + 1)


def searched(table: Table, width: int, limit: int = 8, **options: int) -> list[int]:
    blank = torch.zeros(1, 4)
    tokens, _ = Beams(width, limit, **options).search(table, Writing(blank, blank, blank))[0]  # type: ignore[arg-type]
    return tokens


class TestBeams:
    #: The likeliest first word leads to unlikely ends.
    ENDS = {token: {EOS: 1.0} for token in (4, 5, 6, 7)}  # noqa: RUF012
    GARDEN_PATH = Table({BOS: {3: 0.6, 4: 0.4}, 3: {5: 0.3, 6: 0.3, 7: 0.4}, **ENDS})

    def test_one_beam_is_greedy(self) -> None:
        assert searched(self.GARDEN_PATH, 1)[0] == 3

    def test_more_beams_find_what_is_likelier_as_a_whole(self) -> None:
        assert searched(self.GARDEN_PATH, 2) == [4, EOS]

    def test_the_score_is_the_mean_of_its_tokens(self) -> None:
        blank = torch.zeros(3, 4)
        found = Beams(2, 8).search(self.GARDEN_PATH, Writing(blank, blank, blank))  # type: ignore[arg-type]
        assert [score for _, score in found] == pytest.approx([math.log(0.4) / 2] * 3)

    def test_the_limit_ends_it(self) -> None:
        assert searched(Table({BOS: {3: 1.0}, 3: {3: 1.0}}), 2, limit=4) == [3, 3, 3, 3]

    def test_no_run_stands_twice(self) -> None:
        loop = Table({BOS: {3: 1.0}, 3: {4: 0.9, 5: 0.1}, 4: {3: 1.0}, 5: {EOS: 1.0}})
        assert searched(loop, 1, no_repeat=2) == [3, 4, 3, 5, EOS]

    def test_only_what_would_complete_a_run_is_forbidden(self) -> None:
        logits = torch.zeros(3, VOCABULARY)
        forbid_repeats(logits, [[3, 4, 5, 3, 4], [3, 4], [3, 4, 5, 3, 4]], [3, 3, 0])
        assert logits.isinf().nonzero().tolist() == [[0, 5]]


def item(inputs: dict[str, str] | None = None, between: float | None = None, **options: object) -> Item:
    return Item(None, inputs or {}, Condition(), VaeOptions(**options), Noise(0, "generate/0"), between)


def encode(texts: object) -> torch.Tensor:
    """Give the mean of a text: its length, in the first of two dimensions."""
    return torch.tensor([[float(len(text or "")), 0.0] for text in texts])  # type: ignore[attr-defined]


class TestLatents:
    def test_without_input_it_is_the_noise_of_the_item(self) -> None:
        wanted = Noise(0, "generate/0").normal(2)
        assert latents([item()], 2, encode)[0].tolist() == wanted.tolist()
        assert latents([item(latent_temperature=0)], 2, encode)[0].tolist() == [0, 0]

    def test_no_strength_gives_the_text_and_all_of_it_forgets_it(self) -> None:
        same, far = latents([item({"like": "abc"}, strength=s) for s in (0, 1)], 2, encode)
        assert same.tolist() == [3, 0]
        assert far.tolist() == Noise(0, "generate/0").normal(2).tolist()

    @pytest.mark.parametrize("path", ["slerp", "lerp"])
    def test_a_way_begins_and_ends_at_its_texts(self, path: str) -> None:
        inputs = {"like": "abc", "towards": "abcde"}
        ends = latents([item(inputs, place, path=path) for place in (0.0, 1.0)], 2, encode)
        assert ends.tolist() == [[3, 0], [5, 0]]

    def test_a_great_circle_keeps_its_radius(self) -> None:
        middle = slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), 0.5)
        assert middle.tolist() == pytest.approx([math.sqrt(2), math.sqrt(2)])

    def test_opposite_ends_are_joined_by_a_line(self) -> None:
        assert slerp(torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 0.0]), 0.25).tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (item(strength=0.5), "no text to vary"),
            (item({"like": "a", "towards": "b"}, 0.5, strength=0.5), "no text to vary"),
            (item({"towards": "b"}, 0.5), "none to come from"),
            (item({"like": "a", "towards": "b"}), "none to come from"),
            (item({"like": "  "}), "'like' is empty"),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, wrong: Item, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            latents([wrong], 2, encode)
