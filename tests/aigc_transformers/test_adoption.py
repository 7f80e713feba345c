"""Which component takes which checkpoint, what is known of it, and what that costs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from aigc_core import Pipeline, UsageError


@pytest.fixture
def models():
    return Pipeline().planner.models


@pytest.mark.parametrize(
    "name, component",
    [
        ("llama", "text/causal-lm"),
        ("gpt2", "text/causal-lm"),
        ("t5", "text/seq2seq"),
        ("bart", "text/seq2seq"),
        ("bert", "text/sentence-embedding"),
        ("clip", "crossmodal/clip"),
    ],
)
def test_a_checkpoint_is_for_the_component_that_its_architecture_says(made, models, name, component):
    model = models.find(str(made(name)))
    assert (model.name, model.manifest.component, model.manifest.micro_batch) == (name, component, 1)


def test_a_causal_lm_within_sentence_transformers_is_an_embedder(copied, models):
    folder = copied("llama")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert models.find(str(folder)).manifest.component == "text/sentence-embedding"


def test_every_file_that_decides_is_hashed_and_nothing_is_written(copied, models):
    folder = copied("llama")
    before = sorted(path.name for path in folder.iterdir())
    (folder / "notes.txt").write_text("mine")
    model = models.find(str(folder))
    assert model.files["model.safetensors"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"} <= model.files.keys()
    assert "notes.txt" not in model.files
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "notes.txt"])
    first = model.sha256
    (folder / "generation_config.json").write_text('{"eos_token_id": 3}')
    assert models.find(str(folder)).sha256 != first


def test_a_changed_file_does_not_verify(copied, models):
    model = models.find(str(copied("llama")))
    model.verify()
    Path("llama/tokenizer.json").write_text("{}")
    with pytest.raises(Exception, match=r"tokenizer\.json does not have the sha256 that it had when it was found"):
        model.verify()


def test_it_is_found_by_its_path_by_a_name_in_the_model_path_and_in_the_cache(copied, models, monkeypatch):
    folder = copied("llama", "here")
    mine = models.path[0]
    mine.mkdir(parents=True)
    folder.rename(mine / "mine")
    assert models.find("mine").name == "mine"
    cache = Path("cache").resolve()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    with pytest.raises(UsageError, match="unknown model 'acme/llama'"):
        models.find("acme/llama")
    snapshot = cache / "models--acme--llama" / "snapshots" / "abc123"
    snapshot.parent.mkdir(parents=True)
    (mine / "mine").rename(snapshot)
    (cache / "models--acme--llama" / "refs").mkdir()
    (cache / "models--acme--llama" / "refs" / "main").write_text("abc123")
    assert models.find("acme/llama").name == "acme/llama"


def test_nothing_is_fetched_where_that_is_switched_off():
    code = """
from aigc_core import ModelError, Pipeline
try:
    Pipeline().planner.models.find("acme/never-made")
except ModelError as error:
    print(error)
"""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "AIGC_MODELS_DOWNLOAD": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=offline)
    assert "acme/never-made cannot be fetched: HF_HUB_OFFLINE is set" in done.stdout


def test_who_may_fetch_nothing_is_told_how(models):
    with pytest.raises(UsageError, match="is fetched by --download"):
        models.find("acme/never-made")


def test_the_licence_is_that_of_the_model_card(copied, models):
    folder = copied("llama")
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# It\nlicense: none\n")
    assert models.find(str(folder)).manifest.licence == "Apache-2.0"
    (folder / "README.md").write_text("# It\nlicense: mit\n")
    assert models.find(str(folder)).manifest.licence == "unknown"


@pytest.mark.parametrize("write", [lambda folder: None, lambda folder: (folder / "a.txt").write_text("x")])
def test_what_is_no_checkpoint_is_nobodys(models, write):
    folder = Path("folder")
    folder.mkdir()
    write(folder)
    with pytest.raises(Exception, match=r"is no model folder: it has no aigc\.json, and no component takes"):
        models.find("./folder")


def test_looking_imports_neither_torch_nor_transformers(made):
    code = f"""
import sys
from aigc_core import Pipeline
for name in {[str(made(name)) for name in ("llama", "t5", "bert", "clip")]}:
    Pipeline().planner.models.find(name)
print([name for name in ("torch", "transformers", "peft", "gguf") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
