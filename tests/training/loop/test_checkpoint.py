"""Checkpoints: what comes back is what was kept, bit for bit; what is broken is never loaded."""

from __future__ import annotations

import json

import pytest
import torch

from aigc_core import FileError, TrainingOptions
from aigc_core.training import Training
from aigc_core.training.loop.checkpoint import Checkpoint, Checkpoints, pack, unpack
from aigc_core.training.loop.devices import Workers
from aigc_image.gan import Gan
from aigc_image.options import GanConfig, VaeConfig
from aigc_image.vae import Vae

ALONE = Workers(torch.device("cpu"))
TINY = {"width": 4, "hidden": 8, "latent_dim": 4}

# Dropout, spectral and batch normalisation, two optimizers, parts, augmentation, clipping and both precisions.
KINDS = [
    (Gan, GanConfig(architecture="mlp", **TINY), {}),
    (Gan, GanConfig(loss="hinge", **TINY), {"accumulate": 2, "flip": True, "crop": 2, "colour": 0.1}),
    (Vae, VaeConfig(components=2, **TINY), {"precision": "float32", "clip": 1.0, "weight_decay": 0.01}),
]


def checkpoint(step, value=1.0):
    return Checkpoint(step, {"seconds": 1.5}, {"w": torch.full((2, 3), value)})


@pytest.mark.parametrize("component, config, options", KINDS, ids=["mlp gan", "conv gan", "vae"])
@pytest.mark.parametrize("at", [0, 3])
def test_a_training_that_goes_on_ends_in_the_same_weights_bit_for_bit(digits, tmp_path, component, config, options, at):
    settings = TrainingOptions(steps=6, batch=8, log_every=4, schedule="cosine", seed=5, **options)

    def training():
        return Training(component, config, digits, settings)

    whole, first = training(), training()
    for _ in range(at):
        first.step_alone()
    Checkpoints(tmp_path, first.workers).write(first.save())
    first.step_alone()  # what happens after it was kept changes nothing
    second = training()
    second.restore(Checkpoints(tmp_path, second.workers).latest())
    rows, rows_again = [], []
    while whole.step < 6:
        rows.append(whole.advance())
    while second.step < 6:
        rows_again.append(second.advance())
    assert rows_again == rows
    ends, ends_again = whole.finish(), second.finish()
    assert ends.keys() == ends_again.keys()
    assert all(torch.equal(ends[key], ends_again[key]) for key in ends)


def test_steps_that_are_taken_back_leave_no_trace(digits):
    def weights(taken_back):
        training = Training(Gan, GanConfig(**TINY), digits, TrainingOptions(steps=2, batch=4))
        before = training.save()
        for _ in range(taken_back):
            training.step_alone()
        training.restore(before)
        training.advance()
        return training.finish()

    first, second = weights(0), weights(3)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_last_two_are_kept_and_the_newest_is_taken(tmp_path):
    kept = Checkpoints(tmp_path, ALONE)
    for step in (10, 20, 30):
        kept.write(checkpoint(step, step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-0000020", "step-0000030"]
    latest = kept.latest()
    assert (latest.step, latest.facts) == (30, {"seconds": 1.5})
    assert torch.equal(latest.tensors["w"], torch.full((2, 3), 30.0))


def test_there_may_be_none(tmp_path):
    assert Checkpoints(tmp_path / "nowhere", ALONE).latest() is None


@pytest.mark.parametrize("harm", ["cut", "changed", "no facts", "half the facts", "other format"])
def test_one_that_is_not_whole_is_passed_over(tmp_path, harm):
    kept = Checkpoints(tmp_path, ALONE)
    kept.write(checkpoint(10))
    newest = kept.write(checkpoint(20))
    tensors, facts = newest / "process-0.safetensors", newest / "checkpoint.json"
    if harm == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-4])
    elif harm == "changed":
        tensors.write_bytes(tensors.read_bytes()[:-1] + b"\0")
    elif harm == "no facts":
        facts.unlink()
    elif harm == "half the facts":
        facts.write_text(facts.read_text()[:40])
    else:
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": 2}))
    assert kept.latest().step == 10


def test_none_that_is_whole_is_an_error_that_says_why(tmp_path):
    kept = Checkpoints(tmp_path, ALONE)
    (kept.write(checkpoint(10)) / "checkpoint.json").unlink()
    with pytest.raises(FileError, match="step-0000010"):
        kept.latest()


def test_an_interrupted_write_is_never_loaded(tmp_path):
    kept = Checkpoints(tmp_path, ALONE)
    kept.write(checkpoint(10))
    written = kept.write(checkpoint(20))
    written.rename(tmp_path / ".step-0000020.tmp")  # all but the last act of writing it
    assert kept.latest().step == 10
    kept.write(checkpoint(20, 7.0))
    assert kept.latest().tensors["w"][0, 0] == 7


def test_a_disk_that_is_full_leaves_the_last_checkpoint_alone(tmp_path):
    import resource

    kept = Checkpoints(tmp_path, ALONE)
    kept.write(checkpoint(10))
    large = Checkpoint(20, {}, {"w": torch.zeros(100_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # files may not grow further
    try:
        with pytest.raises(FileError, match="cannot write"):
            kept.write(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["step-0000010"]
    assert kept.latest().step == 10


def test_processes_must_be_as_many_as_wrote_it(tmp_path):
    Checkpoints(tmp_path, ALONE).write(checkpoint(10))
    with pytest.raises(FileError, match="1 processes wrote it, and 2 read it"):
        Checkpoints(tmp_path, Workers(torch.device("cpu"), index=0, count=2)).latest()


def test_what_is_carried_from_step_to_step_comes_back_in_its_shape():
    state = {"hidden": (torch.ones(2), [torch.zeros(1), 3]), "seen": None}
    tensors = {}
    packed = json.loads(json.dumps(pack(state, tensors, "state/text")))
    again = unpack(packed, tensors, ALONE)
    assert again.keys() == state.keys()
    assert again["seen"] is None
    assert isinstance(again["hidden"], tuple)
    assert torch.equal(again["hidden"][0], torch.ones(2))
    assert again["hidden"][1][1] == 3
