"""Checkpoints with which something is wrong: each is refused by an error that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_core import ModelError, Pipeline


def write(folder: Path, **options) -> str:
    made = Pipeline().generate("text", "No man", model=str(folder), seed=1, options={"max_tokens": 4, **options})
    return made[0].content


def refused(folder: Path, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        write(folder)
    assert caught.value.hint, "says what to do"


def test_no_tokenizer(copied):
    folder = copied("llama")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    refused(folder, "has no tokenizer")


def test_no_weights(copied):
    folder = copied("llama")
    (folder / "model.safetensors").unlink()
    refused(folder, "no weights that can be loaded: no model.safetensors")
    (folder / "tf_model.h5").write_bytes(b"x")
    refused(folder, r"tf_model\.h5, which is for another library")


def test_a_pickle_is_not_opened_unless_it_is_allowed(copied, monkeypatch):
    folder = copied("llama")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    refused(folder, "are a pickle .*may run any program")
    monkeypatch.setenv("AIGC_MODELS_ALLOW_PICKLE", "true")
    assert write(folder) == write(copied("llama", "safe"))


def test_a_pickle_that_runs_a_program_runs_none_even_if_it_is_allowed(copied, tmp_path, monkeypatch):
    class Boom:
        def __reduce__(self):
            return Path.mkdir, (tmp_path / "boom",)

    folder = copied("llama")
    (folder / "model.safetensors").unlink()
    torch.save({"lm_head.weight": Boom()}, folder / "pytorch_model.bin")
    monkeypatch.setenv("AIGC_MODELS_ALLOW_PICKLE", "true")
    with pytest.raises(ModelError, match="cannot be loaded"):
        write(folder)
    assert not (tmp_path / "boom").exists()


def test_a_pointer_instead_of_weights(copied):
    folder = copied("llama")
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    refused(folder, "only says where the weights are kept")


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"rubbish" * 9])
def test_damaged_weights(copied, damage):
    folder = copied("llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    refused(folder, "the network of llama cannot be loaded")


def test_a_missing_part_of_the_weights(copied):
    folder = copied("llama")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    half = len(tensors) // 2
    names = {key: f"model-0000{1 + (place >= half)}-of-00002.safetensors" for place, key in enumerate(tensors)}
    for file in set(names.values()):
        save_file({k: v for k, v in tensors.items() if names[k] == file}, folder / file, {"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    assert write(folder) == write(copied("llama", "whole"))
    (folder / "model-00002-of-00002.safetensors").unlink()
    refused(folder, "model-00002-of-00002.safetensors cannot be read")


def test_parts_outside_of_the_folder(copied):
    folder = copied("llama")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../secret.safetensors"}}')
    with pytest.raises(ModelError, match="is not a plain file name"):
        write(folder)


def _without(tensors):
    return {key: value for key, value in tensors.items() if key != "model.layers.1.mlp.up_proj.weight"}


def _with_more(tensors):
    return {**tensors, "model.layers.7.extra.weight": torch.zeros(3)}


@pytest.mark.parametrize(
    "change, message",
    [
        (_without, r"it lacks model\.layers\.1\.mlp\.up_proj\.weight"),
        (_with_more, r"it has too many, such as model\.layers\.7\.extra\.weight"),
    ],
)
def test_missing_and_extra_tensors(copied, change, message):
    folder = copied("llama")
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    refused(folder, message)


def test_tensors_of_another_shape(copied):
    refused(copied("llama", intermediate_size=48), "the network of llama cannot be loaded")


def test_a_tokenizer_that_does_not_fit_the_weights(copied):
    folder = copied("llama", vocab_size=300)
    tensors = load_file(folder / "model.safetensors")
    for key in ("model.embed_tokens.weight", "lm_head.weight"):
        tensors[key] = tensors[key][:300].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    refused(folder, "the tokenizer of llama does not fit its weights: it makes 400 tokens, .* 300 rows")


def test_a_broken_tokenizer(copied):
    folder = copied("llama")
    (folder / "tokenizer.json").write_text('{"model": 3}')
    refused(folder, "the tokenizer of llama cannot be loaded")


def test_code_of_its_own_is_never_run(copied, tmp_path):
    auto = {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Model"}
    folder = copied("llama", model_type="mine", auto_map=auto, architectures=["MineForCausalLM"])
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused(folder, "needs Python code that came with it .* never run")
    assert not (tmp_path / "ran").exists()


def test_a_kind_that_transformers_does_not_know(copied):
    refused(copied("llama", model_type="tomorrows"), "cannot be loaded")


@pytest.mark.parametrize("content", ["", "[]", "{", "\xff"])
def test_a_config_that_is_none(copied, content):
    folder = copied("llama")
    (folder / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"config\.json"):
        write(folder)


def test_an_end_that_nobody_knows(copied):
    folder = copied("llama", eos_token_id=None)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "eos_token": None}))
    (folder / "generation_config.json").write_text("{}")
    refused(folder, "nothing says which token ends a text")


def test_several_gguf_files(copied):
    folder = Path("several")
    folder.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"holds 2 GGUF files|needs the package gguf"):
        write(Path("./several"))


def test_a_device_that_is_not_there(copied):
    if torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(Exception, match="has no mps"):
        write(copied("llama"), device="mps")
