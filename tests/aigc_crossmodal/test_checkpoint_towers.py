"""Towers that are models of transformers: what they learn, what the model folder holds of them, and what is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_core import CaptionedPictures, ModelError, TrainingOptions, UsageError, train
from aigc_core.models import open_folder
from aigc_crossmodal.joint import JointEmbedding
from aigc_crossmodal.joint_options import JointConfig

SMALL = {"size": 32, "tokens": 512, "width": 16, "dimensions": 16, "dropout": 0.0}
STEPS = TrainingOptions(steps=2, batch=8, ema_images=0, threads=1, seed=1)


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Work on one thread."""


def learn(pairs, options=STEPS, **config):
    """Train, and return the folder's parts and what was learnt."""
    config = JointConfig(**{**SMALL, **config})
    examples = JointEmbedding.examples(config, pairs)
    return examples, train(JointEmbedding, config, examples, options)


@pytest.mark.parametrize(
    ("texts", "pictures"),
    [("bert", "vit"), ("gpt2", "resnet"), ("t5", "clip"), ("clip", "small"), ("bag", "vit"), ("bart", "clip")],
)
def test_any_checkpoint_is_a_tower(keep, made, digits, tmp_path, texts, pictures):
    towers = {
        "texts": texts if texts == "bag" else str(made(texts)),
        "pictures": pictures if pictures == "small" else str(made(pictures)),
    }
    joint = JointEmbedding.from_model(open_folder(keep(tmp_path / "joint", *learn(digits, **towers))))
    points, words = joint.embed(digits.pixels[:20]), joint.embed(["one", "床前明月光", "a much longer text than one"])
    for made_of in (points, words):
        assert made_of.dtype == np.float32
        assert np.linalg.norm(made_of, axis=1) == pytest.approx(np.ones(len(made_of)), abs=1e-5)
    assert np.array_equal(joint.embed(digits.pixels[17:18])[0], points[17])
    assert np.array_equal(joint.embed(["床前明月光"])[0], words[1])
    assert len(np.unique(words.round(5), axis=0)) == 3


def test_a_checkpoint_in_half_precision_becomes_a_tower_in_float32(keep, copied, digits, tmp_path):
    weights = copied("bert", dtype="bfloat16") / "model.safetensors"
    save_file({name: each.bfloat16() for name, each in load_file(weights).items()}, weights, metadata={"format": "pt"})
    joint = JointEmbedding.from_model(open_folder(keep(tmp_path / "joint", *learn(digits, texts="./bert"))))
    assert {each.dtype for each in joint.texts.parameters()} == {torch.float32}
    assert joint.embed(["one"]).shape == (1, 16)


def test_the_model_folder_is_whole_without_the_checkpoint(keep, copied, digits, tmp_path):
    texts, pictures = copied("bert"), copied("vit")
    before = learn(digits, texts="./bert", pictures=str(pictures))
    folder = keep(tmp_path / "joint", *before)
    config = JointConfig(**{**SMALL, "texts": "./bert", "pictures": str(pictures)})
    torch.manual_seed(0)
    there = JointEmbedding(config, before[0].described).texts.part.state_dict()
    for checkpoint in (texts, pictures):
        shutil.rmtree(checkpoint)
    joint = JointEmbedding.from_model(open_folder(folder))
    assert all(torch.equal(value, joint.texts.part.state_dict()[name]) for name, value in there.items())
    assert joint.embed(["one"]).shape == (1, 16)
    held = "".join(file.read_text() for file in folder.glob("*.json"))
    assert str(texts.parent) not in held and "./bert" not in held
    assert (joint.config.texts, joint.config.pictures, joint.config.begin) == ("bert", "vit", "nothing")


@pytest.mark.parametrize(("tower", "file"), [("texts", "texts.json"), ("pictures", "pictures.json")])
def test_a_model_that_says_not_how_its_tower_is_built_is_refused(keep, made, digits, tmp_path, tower, file):
    examples, trained = learn(digits, **{tower: str(made("clip"))})
    manifest = keep(tmp_path / "joint", examples, trained) / "aigc.json"
    told = json.loads(manifest.read_text())
    del told["files"][file]
    manifest.write_text(json.dumps(told))
    with pytest.raises(
        ModelError, match=r"tokenizer\.json cannot be read|no picture tower 'clip', and no pictures\.json"
    ):
        JointEmbedding.from_model(open_folder(manifest.parent))


def test_it_learns_which_name_is_of_which_digit(keep, made, digits, tmp_path):
    towers = {"texts": str(made("bert")), "pictures": str(made("resnet")), "fine_tune": True}
    options = TrainingOptions(steps=80, batch=32, lr=3e-3, ema_images=0, threads=1, seed=1)
    folder = keep(tmp_path / "joint", *learn(digits, options, **towers))
    joint = JointEmbedding.from_model(open_folder(folder))
    names = sorted(set(digits.captions))
    found = (joint.embed(digits.pixels) @ joint.embed(names).T).argmax(axis=1)
    right = [names[place] == name for place, name in zip(found, digits.captions, strict=True)]
    assert np.mean(right) > 0.5  # chance is a tenth


@pytest.mark.parametrize("fine_tune", [False, True])
def test_a_checkpoint_learns_where_that_is_asked_for(made, digits, fine_tune):
    towers = {"texts": str(made("bert")), "pictures": str(made("clip")), "fine_tune": fine_tune}
    after = [learn(digits, STEPS.model_copy(update={"steps": steps}), **towers)[1].tensors for steps in (1, 2)]
    same = {name: torch.equal(*(tensors[name] for tensors in after)) for name in after[0]}
    for tower in ("texts", "pictures"):
        assert not same[f"{tower}.head.weight"]
        assert all(same[name] for name in same if name.startswith(f"{tower}.part.")) is not fine_tune


def test_a_checkpoint_that_does_not_learn_leaves_nothing_out_by_chance(made, digits):
    examples = JointEmbedding.examples(config := JointConfig(**SMALL | {"texts": str(made("bert"))}), digits)
    texts, batch = JointEmbedding(config, examples.described).texts.train(), examples.batch(np.arange(8)).captions
    assert torch.equal(texts(batch), texts(batch))  # BERT drops a tenth of what it computes while it learns


def test_further_training_needs_no_checkpoint(copied, digits):
    checkpoint = copied("bert")
    examples, trained = learn(digits, texts="./bert")
    shutil.rmtree(checkpoint)
    again = JointConfig.model_validate(trained.options)
    held = JointEmbedding.examples(again, digits, examples.described.files)
    assert held.described == examples.described
    assert train(JointEmbedding, again, held, STEPS).steps == 2


@pytest.mark.parametrize("tower", ["texts", "pictures"])
def test_a_name_that_is_nothing_is_refused(digits, tower):
    for name in ("bga", "no/such-checkpoint", "not a name", "./nowhere"):
        with pytest.raises(UsageError, match="there is no tower") as told:
            JointEmbedding.examples(JointConfig(**{tower: name}), digits)
        assert "folder of a checkpoint" in told.value.hint


def test_a_checkpoint_of_the_other_side_is_refused(made, digits):
    with pytest.raises(ModelError, match="vit reads no texts"):
        JointEmbedding.examples(JointConfig(texts=str(made("vit"))), digits)
    with pytest.raises(ModelError, match="bert looks at no pictures"):
        JointEmbedding.examples(JointConfig(pictures=str(made("bert"))), digits)


def test_a_folder_that_is_no_checkpoint_is_refused(digits, tmp_path):
    with pytest.raises(ModelError, match="reads no texts"):
        JointEmbedding.examples(JointConfig(texts=str(tmp_path)), digits)


def test_a_tokenizer_of_another_checkpoint_is_refused(copied, digits):
    copied("bert", vocab_size=300)
    with pytest.raises(ModelError, match="it makes 400 tokens, and they know 300"):
        JointEmbedding.examples(JointConfig(texts="./bert"), digits)


def build(name, digits):
    config = JointConfig(**{**SMALL, "texts": name})
    return JointEmbedding(config, JointEmbedding.examples(config, digits).described)


def test_missing_weights_are_refused(copied, digits):
    weights = copied("bert") / "model.safetensors"
    tensors = load_file(weights)
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"they lack encoder\.layer\.1\.output\.dense\.weight"):
        build("./bert", digits)


def test_weights_that_were_cut_short_are_refused(copied, digits):
    weights = copied("bert") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be built"):
        build("./bert", digits)


def test_a_pickle_is_not_read(copied, digits):
    folder = copied("bert")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be built"):
        build("./bert", digits)


def test_code_of_a_checkpoint_is_not_run(copied, digits):
    folder = copied("bert", model_type="unheard_of", auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"})
    (folder / "evil.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(ModelError, match="reads no texts"):
        JointEmbedding.examples(JointConfig(texts="./bert"), digits)


def test_captions_longer_than_a_checkpoint_reads_are_cut(made, digits):
    long = CaptionedPictures(digits.pixels[:2], ["one " * 500, "two"], np.arange(2))
    batch = JointEmbedding.examples(JointConfig(texts=str(made("bert"))), long).batch(np.arange(2))
    assert batch.captions.shape == (2, 48)  # places that it has
    told = json.loads((made("bert") / "config.json").read_text())
    assert told["max_position_embeddings"] == 48
