"""The one training loop: what it promises to every component, real ones and one small enough to follow by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import torch
from pydantic import BaseModel
from torch import nn

from aigc_core import AigcError, Loss, Phase, TrainingOptions, UsageError, train
from aigc_core.training.loop.training import StepContext, Training
from aigc_image.gan import Gan
from aigc_image.options import GanConfig, VaeConfig
from aigc_image.vae import Vae

TINY = {"latent_dim": 3, "width": 4, "hidden": 8}
FEW = {"steps": 3, "batch": 8, "threads": 1, "log_every": 1}


class PairConfig(BaseModel):
    broken_at: int = -1


class Pair:
    """Two networks that together learn the mean brightness; `right` has its turn every second step."""

    Config = PairConfig

    def __init__(self, config, data):
        self.config = config
        self.networks = {"left": nn.Linear(1, 1), "right": nn.Linear(1, 1)}
        self.inference = ("left",)
        self.phases = (Phase("left", ("left",)), Phase("right", ("right",), every=2))
        self.states = []

    def loss(self, phase, batch, context):
        self.states.append((phase, context.step, context.state))
        bright = batch.data.flatten(1).mean(dim=1, keepdim=True)
        error = (context.networks["left"](bright) + context.networks["right"](bright) - bright).square().mean()
        if phase == "left" and context.step == self.config.broken_at:
            error = error * float("nan")
        noise = context.normal("noise", (2,))
        return Loss(error, {"noise": noise.sum()}, state={"error": error, "both": [error, (error, context.step)]})

    def fit_sampler(self, data, seed):
        left = self.networks["left"]
        labels = torch.cat([batch.condition for batch in data])
        return {
            "weight": left.weight.clone(),
            "labels": labels,
            "seed": torch.tensor(seed),
            "training": torch.tensor(left.training or torch.is_grad_enabled()),
        }

    def latent(self, noise, options, condition=None):
        return noise.normal(1)

    def sample(self, latent, condition):
        return self.networks["left"](latent)


def pair(digits, **options):
    return Training(Pair, PairConfig(), digits, TrainingOptions(**{**FEW, **options}))


def copied(network):
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


# Dropout, spectral and batch normalisation, noise and a fitted mixture: whatever could differ between two runs.
REAL = [
    (Gan, GanConfig(architecture="mlp", **TINY)),
    (Gan, GanConfig(loss="hinge", **TINY)),
    (Vae, VaeConfig(components=4, **TINY)),
]


@pytest.mark.parametrize("component, config", REAL, ids=["mlp gan", "conv gan", "vae"])
def test_one_seed_gives_one_set_of_weights_bit_for_bit(digits, component, config):
    torch.manual_seed(1)
    first = train(component, config, digits, TrainingOptions(seed=5, **FEW))
    torch.manual_seed(2)
    second = train(component, config, digits, TrainingOptions(seed=5, **FEW))
    other = train(component, config, digits, TrainingOptions(seed=6, **FEW))
    assert same(first.tensors, second.tensors)
    assert first.history == second.history
    assert not same(first.tensors, other.tensors)


def test_a_step_draws_the_same_dropout_whatever_was_drawn_before_it(digits):
    def weights(drawn):
        torch.manual_seed(0)
        training = Training(Gan, GanConfig(architecture="mlp", **TINY), digits, TrainingOptions(**FEW))
        for _ in range(3):
            torch.rand(drawn)
            training.take_step()
        return training.finish()

    assert same(weights(drawn=0), weights(drawn=5))


def test_a_training_leaves_torchs_own_generator_and_threads_as_they_were(digits):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    train(Gan, GanConfig(architecture="mlp", **TINY), digits, TrainingOptions(**{**FEW, "threads": threads + 1}))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_training_that_fails_gives_them_back_too(digits):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with pytest.raises(AigcError):
        train(Pair, PairConfig(broken_at=0), digits, TrainingOptions(**{**FEW, "threads": threads + 1}))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_phase_moves_its_own_networks_and_no_other_receives_gradients(digits):
    training = pair(digits)
    training.step = 1  # the turn of `left` alone
    before = {name: copied(network) for name, network in training.networks.items()}
    training.take_step()
    assert not same(copied(training.networks["left"]), before["left"])
    assert same(copied(training.networks["right"]), before["right"])
    assert [parameter.grad for parameter in training.networks["right"].parameters()] == [None, None]


def test_a_generator_that_learns_every_third_step_stands_still_in_between(digits):
    config = GanConfig(generator_every=3, **TINY)
    training = Training(Gan, config, digits, TrainingOptions(**FEW))
    moved = {"generator": [], "discriminator": []}
    for _ in range(7):
        before = {name: copied(network) for name, network in training.networks.items()}
        training.take_step()
        for name, network in training.networks.items():
            moved[name].append(not same(copied(network), before[name]))
    assert moved["generator"] == [True, False, False, True, False, False, True]
    assert moved["discriminator"] == [True] * 7


@pytest.mark.parametrize(
    "options, left, right",
    [
        ({"lr": 0.01}, 0.01, 0.01),
        ({"lr": {"left": 0.1, "right": 0.001}}, 0.1, 0.001),
        ({"lr": {"left": 0.1, "right": 0.001}, "warmup": 10}, 0.01, 0.0001),
    ],
)
def test_each_phase_learns_at_its_own_rate(digits, options, left, right):
    training = pair(digits, **options)
    before = {name: network.bias.item() for name, network in training.networks.items()}
    training.take_step()
    # Adam's first step is the learning rate in the direction of the gradient: Kingma & Ba 2015, section 2.1.
    moved = {name: abs(network.bias.item() - before[name]) for name, network in training.networks.items()}
    assert moved == {"left": pytest.approx(left, rel=1e-3), "right": pytest.approx(right, rel=1e-3)}


def test_a_cosine_takes_ever_smaller_steps(digits):
    training = pair(digits, schedule="cosine", lr=1e-3, steps=4)
    rates = []
    while training.step < 4:
        training.take_step()
        rates += [group["lr"] for group in training.optimizers["left"].param_groups]
    assert rates == pytest.approx([1e-3, 0.853553e-3, 0.5e-3, 0.146447e-3], rel=1e-4)


@pytest.mark.parametrize(
    "lr, message",
    [
        ({"left": 0.1, "right": 0.1, "rihgt": 0.1}, r"unknown phase in lr 'rihgt'.*did you mean 'right'"),
        ({"left": 0.1, "rihgt": 0.1}, r"unknown phase in lr 'rihgt'.*did you mean 'right'"),
        ({"left": 0.1}, r"no rate for phase 'right'"),
    ],
)
def test_rates_that_do_not_name_the_phases_are_refused(digits, lr, message):
    with pytest.raises(UsageError, match=message):
        pair(digits, lr=lr)


def test_a_loss_that_is_no_number_ends_the_training_and_names_phase_and_step(digits):
    with pytest.raises(AigcError, match=r"phase 'left' was not finite at step 3.*lr"):
        train(Pair, PairConfig(broken_at=3), digits, TrainingOptions(steps=10, batch=4, log_every=5))


def test_noise_is_keyed_by_name_phase_step_and_seed():
    def draw(name="z", seed=0, phase="left", step=4):
        return StepContext(seed, phase, step, 5, {}).normal(name, (3,))

    assert draw().shape == (5, 3)
    assert draw().dtype is torch.float32
    assert torch.equal(draw(), draw())
    for other in ({"name": "y"}, {"seed": 1}, {"phase": "right"}, {"step": 5}):
        assert not torch.equal(draw(), draw(**other))


def test_drawn_labels_are_all_the_classes_about_equally_often():
    labels = StepContext(0, "generator", 0, 10_000, {}).labels("labels", 10)
    assert labels.dtype is torch.int64
    assert torch.bincount(labels).sub(1000).abs().max() < 150


def test_noise_differs_from_step_to_step_of_a_training(digits):
    history = train(Pair, PairConfig(), digits, TrainingOptions(**FEW)).history
    assert len({row["left/noise"] for row in history}) == 3


def test_a_state_is_carried_to_the_next_turn_of_its_phase_cut_off_the_graph(digits):
    training = pair(digits)
    for _ in range(4):
        training.take_step()
    states = training.component.states
    carried = {(phase, step): state for phase, step, state in states}
    assert list(carried) == [("left", 0), ("right", 0), ("left", 1), ("left", 2), ("right", 2), ("left", 3)]
    assert (carried["left", 0], carried["right", 0]) == (None, None)
    assert carried["right", 2]["both"][1][1] == 0
    for state in (carried["left", 1], carried["left", 3], carried["right", 2]):
        first, (second, _) = state["both"]
        assert not any(tensor.requires_grad for tensor in (state["error"], first, second))


def test_the_sampler_is_fitted_on_the_averaged_weights_to_all_examples(digits):
    training = pair(digits, ema_images=10**9, lr=0.1, steps=40, seed=11)
    while training.step < 40:
        training.take_step()
    live, averaged = training.networks["left"].weight.clone(), training.average.networks["left"].weight.clone()
    tensors = training.finish()
    assert not torch.equal(live, averaged)
    assert torch.equal(tensors["sampler.weight"], averaged)
    assert torch.equal(tensors["left.weight"], averaged)
    assert tensors["sampler.labels"].tolist() == digits.labels.tolist()
    assert tensors["sampler.seed"] == 11
    assert not tensors["sampler.training"]


def test_what_is_trained_together_is_averaged_together(digits):
    options = TrainingOptions(**FEW)
    assert set(Training(Vae, VaeConfig(**TINY), digits, options).average.networks) == {"encoder", "decoder"}
    assert set(Training(Gan, GanConfig(**TINY), digits, options).average.networks) == {"generator"}


def test_a_training_hands_on_its_options_its_weights_and_how_it_went(digits):
    told = []
    options = TrainingOptions(steps=5, batch=8, log_every=2)
    config = GanConfig(**TINY)
    trained = train(Gan, config, digits, options, lambda *args: told.append(args))
    assert GanConfig(**trained.options) == config
    assert all(name.startswith("generator.") for name in trained.tensors)
    assert not any(tensor.requires_grad for tensor in trained.tensors.values())
    assert [row["step"] for row in trained.history] == [2, 4, 5]
    assert [(step, steps) for step, steps, _ in told] == [(2, 5), (4, 5), (5, 5)]
    assert set(trained.history[-1]) > {"step", "discriminator/loss", "discriminator/real", "generator/loss"}
    assert trained.steps == 5


def test_logs_are_means_since_they_were_last_told(digits):
    single = train(Pair, PairConfig(), digits, TrainingOptions(**{**FEW, "steps": 4})).history
    double = train(Pair, PairConfig(), digits, TrainingOptions(**{**FEW, "steps": 4, "log_every": 2})).history
    assert double[1]["left/loss"] == pytest.approx((single[2]["left/loss"] + single[3]["left/loss"]) / 2)
    assert double[1]["right/loss"] == pytest.approx(single[2]["right/loss"])


def test_train_is_reached_from_aigc_core_and_costs_torch_only_then():
    code = (
        "import sys, aigc_core; assert 'torch' not in sys.modules;"
        "from aigc_core import train; assert 'torch' in sys.modules; print(train.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "train"


def test_phases_share_what_they_made_within_a_step(digits):
    class Sharing(Pair):
        def loss(self, phase, batch, context):
            self.seen.append((context.step, phase, sorted(context.shared)))
            loss = super().loss(phase, batch, context)
            return Loss(loss.total, shared={phase: batch.data})

    training = Training(Sharing, PairConfig(), digits, TrainingOptions(**FEW))
    training.component.seen = []
    training.step_alone()
    training.step_alone()
    phases = [phase.name for phase in training.component.phases]
    assert training.component.seen[0] == (0, phases[0], [])
    assert training.component.seen[1] == (0, phases[1], [phases[0]])
    assert training.component.seen[2] == (1, phases[0], [])


@pytest.mark.filterwarnings("ignore")  # torch warns of itself while it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_a_compiled_training_learns_what_a_plain_one_learns(digits):
    config = VaeConfig(architecture="mlp", components=4, **{**TINY, "hidden": 16})
    options = {**FEW, "precision": "float32", "device": "cpu"}
    plain = train(Vae, config, digits, TrainingOptions(**options))
    compiled = train(Vae, config, digits, TrainingOptions(**options, compile=True))
    assert compiled.tensors.keys() == plain.tensors.keys()
    for before, after in zip(plain.history, compiled.history, strict=True):
        assert after == pytest.approx(before, rel=1e-3)


def test_without_a_compiler_compile_says_so(digits, monkeypatch):
    from torch._inductor import config, cpp_builder

    cpp_builder.cpp_compiler_search.cache_clear()
    monkeypatch.setattr(config.cpp, "cxx", ("/nowhere/at/all",))
    with pytest.raises(UsageError, match="no C"):
        Training(Vae, VaeConfig(components=4, **TINY), digits, TrainingOptions(**FEW, compile=True))
    cpp_builder.cpp_compiler_search.cache_clear()
