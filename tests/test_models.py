"""Model folders: found by name or path, verified, and never unpickled."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from aigc_core import ModelError, Pipeline, UsageError, save_model
from aigc_core.models import Manifest, open_folder


def save(folder: str | Path, **changes) -> Path:
    settings = {
        "name": "tiny",
        "component": "image/gan",
        "modality": "image",
        "options": {"latent_dim": 2},
        "shape": (1, 8, 8),
        "tensors": {"generator.weight": torch.arange(6.0).reshape(2, 3), "generator.steps": torch.tensor(3)},
        "labels": ("cat", "猫"),
        "card": "# tiny\n",
    }
    return save_model(folder, **{**settings, **changes})


def test_a_saved_model_reads_back_what_was_saved():
    model = open_folder(save("tiny", save_dtype="float16", metrics={"n": 3}))
    model.verify()
    tensors = model.tensors()
    assert torch.equal(tensors["generator.weight"], torch.arange(6.0).reshape(2, 3))
    assert tensors["generator.weight"].dtype is torch.float32
    assert tensors["generator.steps"].dtype is torch.int64
    assert (model.name, model.labels, model.shape, model.precision) == ("tiny", ("cat", "猫"), (1, 8, 8), "float32")
    assert sorted(path.name for path in Path("tiny").iterdir()) == [
        "README.md",
        "aigc.json",
        "metrics.json",
        "model.safetensors",
    ]


def test_the_same_weights_give_the_same_hashes():
    first, second = open_folder(save("one")), open_folder(save("two"))
    assert first.files == second.files


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:20] + bytes([b[20] ^ 1]) + b[21:], lambda b: b""])
def test_truncated_or_tampered_weights_are_never_loaded(damage):
    model = open_folder(save("tiny"))
    weights = Path("tiny/model.safetensors")
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(ModelError, match="does not have the sha256"):
        model.tensors()


def test_missing_weights_are_an_error_that_names_the_file():
    model = open_folder(save("tiny"))
    Path("tiny/model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
        model.verify()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"format": 2}, "format"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"micro_batch": 0}, "micro_batch"),
        ({"precision": "float8"}, "precision"),
        ({"files": {"../../etc/passwd": "0" * 64}}, "not a plain file name"),
        ({"name": "../b"}, "name"),
    ],
)
def test_a_manifest_that_is_not_understood_is_refused(change, message):
    path = save("tiny") / "aigc.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        open_folder(Path("tiny"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', b" " * (2 << 20)])
def test_what_is_no_manifest_is_refused(content):
    (save("tiny") / "aigc.json").write_bytes(content)
    with pytest.raises(ModelError):
        open_folder(Path("tiny"))


def test_a_pickle_under_the_name_of_weights_is_refused(tmp_path):
    class Boom:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    folder = save("tiny")
    torch.save({"w": Boom()}, folder / "model.safetensors")
    import hashlib

    manifest = json.loads((folder / "aigc.json").read_text())
    manifest["files"]["model.safetensors"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "aigc.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="is not safetensors"):
        open_folder(folder).tensors()
    assert not (tmp_path / "boom").exists()


def test_a_model_in_the_users_folder_is_found_by_name_and_any_by_its_path():
    house = Pipeline()
    save(house.settings.config.model_path[0] / "mine", name="mine")
    save("elsewhere/theirs", name="theirs")
    models = house.planner.models
    assert "mine" in models.names()
    assert models.find("mine").name == "mine"
    assert models.find("./elsewhere/theirs").name == "theirs"
    with pytest.raises(UsageError, match="did you mean 'mine'"):
        models.find("mime")


def test_metrics_with_nan_are_refused_and_nothing_is_half_written():
    with pytest.raises(Exception, match="nan"):
        save("bad", metrics={"fd": float("nan")})
    assert not Path("bad/aigc.json").exists()


def test_every_field_of_the_manifest_is_described_in_the_docs():
    text = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in Manifest.model_fields if f"`{name}`" not in text] == []


def test_weights_are_given_in_the_pinned_precision_or_the_one_asked_for():
    fine = {"generator.weight": torch.tensor([1 / 3])}
    model = open_folder(save("tiny", precision="bfloat16", tensors=fine))
    assert model.tensors()["generator.weight"].dtype is torch.bfloat16
    assert torch.equal(model.tensors("float32")["generator.weight"], fine["generator.weight"])
