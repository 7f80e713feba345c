"""Embedders out of checkpoints: sentences, and pictures beside texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer, CLIPModel

from aigc_core import ModelError, Pipeline, UsageError

TEXTS = ["No man is an island.", "Honesty", "床前明月光", "No man is an island."]


def embed(given: str, items, modality: str = "text") -> np.ndarray:
    return Pipeline().embedders.open(given, modality).embed(items)


def states(folder, text: str) -> torch.Tensor:
    network, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=48)
    with torch.no_grad():
        return network(input_ids=tokens.input_ids).last_hidden_state[0]


@pytest.fixture
def sentences(copied):
    """Make a checkpoint of sentence-transformers out of the tiny BERT."""

    def make(*modules: str, **pooling) -> Path:
        folder = copied("bert", "sentences")
        listed = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
        for place, kind in enumerate(modules, 1):
            listed.append(
                {
                    "idx": place,
                    "name": str(place),
                    "path": f"{place}_{kind}",
                    "type": f"sentence_transformers.models.{kind}",
                }
            )
            (folder / f"{place}_{kind}").mkdir()
        (folder / "modules.json").write_text(json.dumps(listed))
        if "Pooling" in modules:
            (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
        return folder

    return make


@pytest.mark.parametrize(
    "pooling, expected",
    [
        ({"pooling_mode_mean_tokens": True}, lambda states: states.mean(0)),
        ({"pooling_mode_cls_token": True}, lambda states: states[0]),
        ({"pooling_mode_max_tokens": True}, lambda states: states.amax(0)),
        ({"pooling_mode_lasttoken": True}, lambda states: states[-1]),
        ({"pooling_mode": "mean"}, lambda states: states.mean(0)),
        ({"pooling_mode": "cls"}, lambda states: states[0]),
        ({"pooling_mode": "lasttoken"}, lambda states: states[-1]),
    ],
    ids=str,
)
def test_tokens_are_pooled_as_the_checkpoint_says(sentences, pooling, expected):
    folder = sentences("Pooling", **pooling)
    found = embed(str(folder), TEXTS)
    for vector, text in zip(found, TEXTS, strict=True):
        assert vector == pytest.approx(expected(states(folder, text)).numpy(), abs=1e-5)


def test_vectors_are_brought_to_length_one_where_a_module_says_so(sentences):
    folder = sentences("Pooling", "Normalize", pooling_mode_mean_tokens=True)
    assert np.linalg.norm(embed(str(folder), TEXTS), axis=1) == pytest.approx(np.ones(4))
    assert np.linalg.norm(embed(f"{folder} normalise=false", TEXTS), axis=1).min() > 1.5
    assert not np.allclose(embed(f"{folder} pooling=cls", TEXTS), embed(str(folder), TEXTS))


def test_a_dense_layer_is_applied(sentences):
    folder = sentences("Pooling", "Dense", pooling_mode_mean_tokens=True)
    tensors = {"linear.weight": torch.randn(8, 32), "linear.bias": torch.randn(8)}
    save_file(tensors, folder / "2_Dense" / "model.safetensors")
    settings = {"in_features": 32, "out_features": 8, "activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(settings))
    pooled = states(folder, TEXTS[0]).mean(0)
    expected = torch.tanh(tensors["linear.weight"] @ pooled + tensors["linear.bias"])
    assert embed(str(folder), TEXTS)[0] == pytest.approx(expected.numpy(), abs=1e-5)
    assert "2_Dense/model.safetensors" in Pipeline().planner.models.find(str(folder)).files


def test_a_text_has_one_vector_wherever_it_stands(made):
    found = embed(str(made("bert")), TEXTS)
    assert found.shape == (4, 32)
    assert np.allclose(found[0], found[3], atol=1e-6)
    assert np.allclose(found[1], embed(str(made("bert")), [TEXTS[1]])[0], atol=1e-6)


def test_words_before_each_text_are_those_of_the_checkpoint_or_ones_own(sentences):
    folder = sentences("Pooling", pooling_mode_mean_tokens=True)
    plain = embed(str(folder), ["query: bird"])
    assert np.allclose(embed(f"{folder} 'prefix=query: '", ["bird"]), plain, atol=1e-6)
    settings = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    assert np.allclose(embed(str(folder), ["bird"]), plain, atol=1e-6)


def test_long_texts_are_read_as_far_as_the_checkpoint_reads(sentences):
    folder = sentences("Pooling", pooling_mode_mean_tokens=True)
    assert embed(str(folder), ["word " * 200]).shape == (1, 32)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 6, "do_lower_case": true}')
    assert np.allclose(embed(str(folder), ["BIRD bird bird bird"]), embed(str(folder), ["bird BIRD bird bird bird"]))


def test_what_is_not_known_is_refused(sentences):
    folder = sentences("Pooling", pooling_mode_weightedmean_tokens=True)
    with pytest.raises(ModelError, match="pools its tokens by pooling_mode_weightedmean_tokens"):
        embed(str(folder), TEXTS)
    (folder / "modules.json").write_text('[{"path": "", "type": "x.Transformer"}, {"path": "1_X", "type": "x.Sparse"}]')
    with pytest.raises(ModelError, match="has a module 'Sparse'"):
        embed(str(folder), TEXTS)
    (folder / "modules.json").write_text('[{"path": "../1_X", "type": "x.Dense"}]')
    with pytest.raises(ModelError, match="is not the name of a folder beside it"):
        embed(str(folder), TEXTS)
    with pytest.raises(UsageError, match="half a character"):
        embed(str(sentences_of(folder)), ["a \ud800"])


def sentences_of(folder: Path) -> Path:
    """Return the folder as a plain encoder again."""
    (folder / "modules.json").unlink()
    return folder


def test_a_space_is_that_of_the_model_wherever_it_lies(copied):
    here, there = copied("bert", "one/bert"), copied("bert", "two/bert")
    eyes = [Pipeline().embedders.open(str(folder), "text") for folder in (here, there)]
    assert eyes[0].space_id == eyes[1].space_id
    assert eyes[0].name == "bert"


# Pictures and texts


@pytest.fixture
def clip(made):
    return made("clip")


def test_pictures_and_texts_come_into_one_space(clip):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 40, 40), np.uint8)
    pictures, texts = embed(str(clip), pixels, "image"), embed(str(clip), TEXTS, "text")
    assert pictures.shape[1] == texts.shape[1] == 16
    assert np.linalg.norm(np.concatenate([pictures, texts]), axis=1) == pytest.approx(np.ones(7), abs=1e-5)
    assert np.allclose(embed(str(clip), pixels[1:2], "image"), pictures[1:2], atol=1e-6)
    network, tokenizer = CLIPModel.from_pretrained(clip), AutoTokenizer.from_pretrained(clip)
    with torch.no_grad():
        found = network.get_text_features(input_ids=tokenizer([TEXTS[0]], return_tensors="pt").input_ids)
    vector = getattr(found, "pooler_output", found)[0].numpy()
    assert texts[0] == pytest.approx(vector / np.linalg.norm(vector), abs=1e-5)


def test_grey_pictures_are_seen_too(clip):
    grey = np.random.default_rng(1).integers(0, 256, (2, 1, 28, 28), np.uint8)
    same = embed(str(clip), grey.repeat(3, axis=1), "image")
    assert np.allclose(embed(str(clip), grey, "image"), same, atol=1e-6)


def test_how_pictures_are_prepared_has_to_be_said(copied):
    (copied("clip") / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"no preprocessor_config\.json"):
        embed("./clip", TEXTS)


def test_an_embedder_makes_nothing(made):
    with pytest.raises(UsageError, match="makes nothing: it is for text/sentence-embedding"):
        Pipeline().generate("text", "a", model=str(made("bert")))
