"""``text/rnn`` learning: documents and streams, what is carried on, tokenizers, presets, model folders."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from aigc_core import ModelError, Noise, TextData, TrainingOptions, UsageError, save_model, train
from aigc_core.models import open_folder
from aigc_core.training import Training
from aigc_text.corpus import Documents, Windows
from aigc_text.rnn.generator import Rnn
from aigc_text.rnn.options import RnnConfig
from aigc_text.tokenizer import TOKENIZER, Tokenizer

SMALL = {"hidden": 24, "embedding": 16, "vocabulary": 300, "tokenizer": "bpe"}
FEW = TrainingOptions(steps=12, batch=4, lr=1e-2, threads=1, log_every=4, precision="float32")


def examples(texts, **settings):
    return Rnn.examples(RnnConfig(**{**SMALL, **settings}), TextData(texts))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layout", ["documents", "stream"])
def test_it_learns(cell, layout, verses):
    config = RnnConfig(**SMALL, cell=cell, layout=layout, window=16)
    data = Rnn.examples(config, TextData(verses))
    history = train(Rnn, config, data, FEW.model_copy(update={"steps": 60, "log_every": 10})).history
    losses = [row["likelihood/loss"] for row in history]
    assert losses[0] == pytest.approx(np.log(300), abs=0.6)
    assert losses[-1] < losses[0] - 0.8


def test_short_texts_are_documents_and_long_ones_a_stream(verses, quatrains):
    assert isinstance(examples(quatrains), Documents)
    assert isinstance(examples(["".join(verses)]), Windows)
    assert isinstance(examples(verses, layout="stream"), Windows)
    long = examples([" ".join(verses), *verses], layout="documents", longest=50)
    assert long.described.shape == (50,)
    assert long.batch(np.array([0])).data.shape == (1, 50)


def test_texts_with_a_label_are_documents_however_long(verses):
    texts = TextData(["".join(verses), "x"], labels=np.array([0, 1]), label_names=("long", "short"))
    data = Rnn.examples(RnnConfig(**SMALL), texts)
    assert isinstance(data, Documents)
    assert data.described.labels == ("long", "short")
    with pytest.raises(UsageError, match="cannot be read as one stream"):
        Rnn.examples(RnnConfig(**SMALL, layout="stream"), texts)


def test_empty_texts_are_left_out_and_nothing_is_no_text(verses):
    labels = np.array([0, 1, 1])
    data = Rnn.examples(RnnConfig(**SMALL), TextData([verses[0], "", verses[1]], labels=labels, label_names=("a", "b")))
    assert len(data) == 2
    assert data.batch(np.array([1])).condition.tolist() == [1]
    for texts in ([], ["", ""]):
        with pytest.raises(UsageError, match="no text to learn from"):
            examples(texts)


def test_pairs_are_for_others():
    with pytest.raises(UsageError, match="text/vae does"):
        Rnn.examples(RnnConfig(**SMALL), TextData(["a"], sources=["b"]))


def test_a_tokenizer_that_was_made_before_is_taken(verses, quatrains):
    files = examples(verses).described.files
    again = Rnn.examples(RnnConfig(**SMALL), TextData(verses[:9]), files)
    assert again.described.files == files
    characters = Rnn.examples(RnnConfig(**SMALL | {"tokenizer": "auto", "vocabulary": None}), TextData(quatrains[:50]))
    held = Rnn.examples(RnnConfig(**SMALL), TextData([*quatrains[:3], "🐉"]), characters.described.files)
    assert len(held) == 3  # the model knows no dragon


def test_the_state_of_a_stream_is_carried_on(verses):
    config = RnnConfig(**SMALL, layout="stream", window=8)
    training = Training(Rnn, config, Rnn.examples(config, TextData(verses)), FEW)
    training.step_alone()
    ((before,),) = training.states["likelihood"]  # of one part, of one layer
    assert before[0].shape == before[1].shape == (4, 24)
    assert not before[0].requires_grad
    training.step_alone()
    assert not torch.equal(training.states["likelihood"][0][0][0], before[0])


def test_a_batch_taken_in_parts_carries_on_what_each_part_has_read(verses):
    config = RnnConfig(**SMALL, layout="stream", window=8)
    data = Rnn.examples(config, TextData(verses))
    whole, parted = (
        train(Rnn, config, data, FEW.model_copy(update={"accumulate": parts})).tensors["rnn.embed.weight"]
        for parts in (1, 2)
    )
    torch.testing.assert_close(whole, parted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("layout", ["documents", "stream"])
def test_a_training_that_goes_on_ends_in_the_same_bits(layout, verses):
    config = RnnConfig(**SMALL, layout=layout, window=8, dropout=0.2, weight_dropout=0.2)
    data = Rnn.examples(config, TextData(verses))
    whole = Training(Rnn, config, data, FEW).run()
    begun = Training(Rnn, config, data, FEW)
    for _ in range(5):
        begun.step_alone()
    goes_on = Training(Rnn, config, Rnn.examples(config, TextData(verses)), FEW)
    goes_on.restore(begun.save())
    tensors = goes_on.run().tensors
    assert tensors.keys() == whole.tensors.keys()
    assert all(torch.equal(tensors[name], whole.tensors[name]) for name in tensors)


def test_it_learns_in_bfloat16(verses):
    config = RnnConfig(**SMALL, layout="stream", layers=2, dropout=0.1, weight_dropout=0.1)
    data = Rnn.examples(config, TextData(verses))
    history = train(Rnn, config, data, FEW.model_copy(update={"precision": "bfloat16", "steps": 24})).history
    assert history[-1]["likelihood/loss"] < history[0]["likelihood/loss"]


@pytest.mark.parametrize("preset", Rnn.PRESETS)
def test_a_preset_is_a_training_that_starts(preset, verses):
    chosen = Rnn.PRESETS[preset]
    config = RnnConfig(**chosen["config"], window=4, layout="stream")
    settings = {**chosen["training"], "steps": 1, "batch": 2, "threads": 1}
    settings.pop("minutes")
    trained = train(Rnn, config, Rnn.examples(config, TextData(verses[:20])), TrainingOptions(**settings))
    assert all(tensor.isfinite().all() for tensor in trained.tensors.values())


def test_while_it_trains_it_writes_with_the_weights_it_has(verses, items, write):
    config = RnnConfig(**SMALL)
    component = Rnn(config, examples(verses).described)
    component.rnn.eval()
    before = write(component, items(1, max_tokens=20))
    with torch.no_grad():
        component.rnn.bias[100] = 50.0
    after = write(component, items(1, max_tokens=20, echo=False))
    assert before != after
    assert after == [component.tokenizer.decode([100] * 20)]


def folder(tmp_path, verses, **changes):
    """Save a model folder, with what `changes` says of what would stand in it."""
    data = examples(verses)
    component = Rnn(RnnConfig(**SMALL), data.described)
    tensors = {f"rnn.{name}": tensor for name, tensor in component.rnn.state_dict().items()}
    parts = {
        "name": "verses",
        "component": "text/rnn",
        "modality": "text",
        "options": RnnConfig(**SMALL).model_dump(mode="json"),
        "shape": data.described.shape,
        "tensors": tensors,
        "files": {**data.described.files, **component.files()},
        "card": "# Verses",
    }
    for name, change in changes.items():
        parts[name] = change(parts[name]) if callable(change) else change
    return open_folder(save_model(tmp_path / "verses", **parts))


def test_a_folder_holds_what_transformers_wants_and_says_who_it_is(tmp_path, verses):
    model = folder(tmp_path, verses)
    assert set(model.files) >= {TOKENIZER, "config.json", "generation_config.json", "tokenizer_config.json"}
    assert json.loads(model.read("config.json"))["model_type"] == "aigc_rnn"
    assert not json.loads(model.read("config.json")).get("tie_word_embeddings")  # one parameter, used twice
    assert json.loads(model.read("generation_config.json"))["do_sample"] is True
    loaded = Rnn.from_model(model)
    assert loaded.log_likelihood(verses[:2], Noise(0, "x"), 1)[0].isfinite().all()


def test_defaults_of_a_request_can_be_the_models_own(tmp_path, verses, items, write):
    cold = folder(tmp_path, verses, options=lambda options: {**options, "temperature": 0.0})
    component = Rnn.from_model(cold)
    assert len(set(write(component, items(3, max_tokens=9)))) == 1
    assert len(set(write(component, items(3, max_tokens=9, temperature=1.0)))) == 3
    config = RnnConfig(**SMALL, temperature=0.0)
    assert json.loads(Rnn(config, component.data).files()["generation_config.json"])["do_sample"] is False


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"precision": "bfloat16"}, "pinned to bfloat16"),
        ({"shape": (3, 4)}, "has the shape"),
        ({"options": lambda options: {**options, "cell": "transformer"}}, "cannot take: cell"),
        ({"options": lambda options: {**options, "layers": 2}}, "rnn.layers.1.bias_hh_l0 is missing"),
        ({"tensors": lambda tensors: {**tensors, "rnn.more": torch.zeros(1)}}, "rnn.more is unknown"),
        ({"tensors": lambda tensors: {**tensors, "rnn.bias": torch.full((300,), torch.nan)}}, "rnn.bias is not finite"),
        ({"files": lambda files: {**files, TOKENIZER: b"{}"}}, "tokenizer.json cannot be read"),
        (
            {"files": lambda files: {**files, TOKENIZER: Tokenizer.train(["x"], kind="character", size=9).to_bytes()}},
            r"rnn.bias is \(300,\), not \(4,\)",
        ),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(tmp_path, verses, changes, complaint):
    with pytest.raises(ModelError, match=complaint):
        Rnn.from_model(folder(tmp_path, verses, **changes))


def test_loading_does_not_move_torchs_own_generator(tmp_path, verses):
    model = folder(tmp_path, verses)
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    Rnn.from_model(model)
    assert torch.rand(1) == wanted
