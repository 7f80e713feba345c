"""Fine-tuning by an adapter, in the common loop: what is learnt, stored, found again, and refused."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from aigc_core import ModelError, Noise, Order, Pipeline, TextData, UsageError, evaluate, replay_file, train_model
from aigc_transformers.loading import Arithmetic
from aigc_transformers.options import AdapterConfig, Base

peft = pytest.importorskip("peft")

from aigc_transformers import bases  # noqa: E402
from aigc_transformers.adapters import adapted, merged  # noqa: E402
from aigc_transformers.lora import Lora  # noqa: E402

LINES = [f"Fortune favours the {word}." for word in ("bold", "brave", "quick", "kind", "calm", "wise", "old", "few")]
QUICK = {"batch": 4, "lr": 5e-3, "log_every": 10, "rank": 4, "longest": 24, "warmup": 0}


@pytest.fixture(scope="module")
def base(made, tmp_path_factory) -> Path:
    """A checkpoint that writes short texts: samples are drawn on the way."""
    folder = tmp_path_factory.mktemp("bases") / "base"
    shutil.copytree(made("llama"), folder)
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "max_new_tokens": 4}))
    return folder


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(LINES * 4), encoding="utf-8")
    return path


def train(lines: Path, folder: Path, base: Path, steps: int, **options) -> Path:
    settings = {**QUICK, **options}
    return train_model("text/causal-lm", lines, name=str(folder), base=str(base), steps=steps, seed=1, options=settings)


@pytest.fixture(scope="module")
def trained(lines, base, tmp_path_factory) -> Path:
    """An adapter of the base, trained for 60 steps."""
    return train(lines, tmp_path_factory.mktemp("models") / "mine", base, 60)


@pytest.fixture
def by_name(base, monkeypatch) -> None:
    """The folder with the base is one that is looked through."""
    monkeypatch.setenv("AIGC_BASES", str(base.parent))


def config(folder: Path, **changes) -> AdapterConfig:
    model = Pipeline().planner.models.find(str(folder))
    return AdapterConfig(base=Base(name=model.name, files=dict(model.files), folder=folder), **changes)


def mean_likelihood(model: str) -> float:
    pipeline = Pipeline()
    generator = pipeline.generator(pipeline.plan(Order("text", model=model)))
    return float(generator.log_likelihood(LINES, Noise(0, "x"), 1)[0].mean())


def test_it_learns_and_the_model_holds_the_adapter_alone(trained, base, by_name):
    assert mean_likelihood(str(trained)) > mean_likelihood(str(base)) + 20
    manifest = json.loads((trained / "aigc.json").read_text())
    assert manifest["options"]["base"]["name"] == "base"
    assert manifest["options"]["base"]["files"]["model.safetensors"]
    assert manifest["micro_batch"] == 1
    assert str(base) not in (trained / "aigc.json").read_text()
    tensors = load_file(trained / "model.safetensors")
    assert all(".lora_" in key for key in tensors)
    assert sum(value.numel() for value in tensors.values()) < 20_000
    made = Pipeline().generate("text", "Fortune", model=str(trained), seed=1)[0]
    assert made.content.startswith("Fortune")


def test_peft_loads_it_too_and_says_the_same(trained, base, by_name):
    with warnings.catch_warnings():  # of peft, about names in transformers
        warnings.simplefilter("ignore")
        theirs = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), trained).eval()
    pipeline = Pipeline()
    ours = pipeline.generator(pipeline.plan(Order("text", model=str(trained)))).loaded(Arithmetic()).network
    tokens = torch.tensor([[1, 50, 60, 70]])
    with torch.no_grad():
        assert torch.allclose(theirs(tokens).logits, ours(tokens).logits, atol=1e-4)


def test_the_same_seed_gives_the_same_adapter(trained, lines, base):
    again = train(lines, Path.cwd() / "again", base, 60)
    assert (again / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_pairs_are_learnt_as_a_question_and_its_answer(chatty):
    settings = config(chatty, longest=64)
    data = TextData(["It was me.", "Not I."], sources=["Who?", "You?"])
    rows = Lora.examples(settings, data)
    batch = rows.batch(np.array([0, 1]))
    component = Lora(settings, rows.described)
    tokenizer = component._foundation.tokenizer
    given = batch.source[0, 0]
    assert tokenizer.decode(batch.data[0, :given]) == "<s>user\nWho?</s><s>assistant\n"
    assert tokenizer.decode([t for t in batch.data[0, given:] if t >= 0]) == "It was me.</s>"


def test_a_long_source_loses_its_end_and_the_answer_nothing(chatty):
    settings = config(chatty, longest=40)
    rows = Lora.examples(settings, TextData(["It was me."], sources=["Who? " * 50]))
    tokens = rows.rows[0].tokens
    tokenizer = Lora(settings, rows.described)._foundation.tokenizer
    assert len(tokens) <= 40
    assert tokenizer.decode(tokens).endswith("assistant\nIt was me.</s>")


def test_a_long_text_is_parted_and_each_token_learnt_once(base):
    settings = config(base, longest=10)
    rows = Lora.examples(settings, TextData(["Practice makes perfect. " * 6]))
    whole = [*rows.rows[0].tokens]
    for row in rows.rows[1:]:
        assert row.tokens[0] == whole[-1]
        whole += row.tokens[1:]
    tokenizer = Lora(settings, rows.described)._foundation.tokenizer
    assert whole == [1, *tokenizer("Practice makes perfect. " * 6, add_special_tokens=False).input_ids, 2]


def test_copies_share_the_frozen_weights_and_not_the_adapter(base):
    import copy

    component = Lora(config(base), Lora.examples(config(base), TextData(LINES)).described)
    adapter = component.networks["adapter"]
    again = copy.deepcopy(adapter)
    frozen = {id(each) for each in adapter.model.parameters()} - {id(each) for each in adapter.parameters()}
    assert {id(each) for each in again.model.parameters()} & {id(each) for each in adapter.model.parameters()} == frozen
    assert not {id(each) for each in again.parameters()} & {id(each) for each in adapter.parameters()}
    assert again.state_dict().keys() == adapter.state_dict().keys()
    assert list(adapter.buffers()) == []
    assert all(parameter.requires_grad for parameter in adapter.parameters())


def test_merging_leaves_the_base_as_it_was(base):
    network = AutoModelForCausalLM.from_pretrained(base).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    adapter = adapted(network, config(base))
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(0.3)
    tokens = torch.tensor([[1, 50, 60, 70]])
    with torch.no_grad():
        changed = adapter.eval()(tokens, torch.ones_like(tokens))
        assert torch.allclose(merged(adapter)(tokens).logits, changed, atol=1e-3)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_the_base_is_found_by_what_it_is(trained, base, monkeypatch):
    monkeypatch.setattr(bases, "_IN_MEMORY", {})  # as in another process
    assert mean_likelihood(str(trained)) < 0  # where it lay when it was trained from, says the training's own folder
    mine = Path(shutil.copytree(trained, Path.cwd() / "mine", ignore=shutil.ignore_patterns("training")))
    there = Path(shutil.copytree(base, Path.cwd() / "elsewhere"))
    with pytest.raises(ModelError, match="is an adapter of the checkpoint 'base', which is not here"):
        mean_likelihood(str(mine))
    found = Pipeline().generate("text", "Fortune", model=str(mine), seed=1, options={"base": str(there)})[0]
    assert str(there) not in str(found.recipe)
    monkeypatch.setenv("AIGC_BASES", str(there))
    assert Pipeline().generate("text", "Fortune", model=str(mine), seed=1)[0].content == found.content
    monkeypatch.delenv("AIGC_BASES")
    shutil.copytree(there, Path.cwd() / "base")  # beside the adapter
    assert mean_likelihood(str(mine)) < 0
    (there / "generation_config.json").write_text('{"eos_token_id": 2}')
    with pytest.raises(ModelError, match=r"what is in .*elsewhere is another one: generation_config\.json differs"):
        Pipeline().generate("text", "Fortune", model=str(mine), options={"base": str(there)})


def test_a_path_in_a_recipe_is_never_opened(trained, base):
    made = Pipeline().generate("text", "Fortune", model=str(trained), seed=1, options={"base": str(base)})[0]
    path = made.save("text.txt")
    sidecar = next(Path.cwd().glob("text*.json"))
    changed = json.loads(sidecar.read_text())
    changed["aigc"]["recipe"]["options"]["base"] = "/somewhere"
    sidecar.write_text(json.dumps(changed))
    replay = replay_file(path, model=str(trained))
    assert replay.answer == "DIFFERENT"


def test_training_goes_on_from_an_adapter(trained, lines, by_name):
    options = {key: QUICK[key] for key in ("batch", "lr", "log_every", "warmup")}
    more = train_model("text/causal-lm", lines, name="more", base=str(trained), steps=20, seed=2, options=options)
    assert mean_likelihood(str(more)) > mean_likelihood(str(trained))


def test_it_can_be_measured(trained, lines, by_name):
    assert evaluate(str(trained), lines, n=2, options={"max_tokens": 4}).model.name == "mine"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rank": 0}, "rank"),
        ({"longest": 500}, "takes 96 tokens, and longest is 500"),
        ({"targets": ["no_such_layer"]}, "nothing to adapt in no_such_layer"),
    ],
)
def test_wrong_options_say_so(lines, base, options, message):
    with pytest.raises(UsageError, match=message):
        train(lines, Path.cwd() / "never", base, 2, **options)


def test_it_starts_from_a_checkpoint(lines, base):
    with pytest.raises(UsageError, match="it starts from a checkpoint; name one: --from FOLDER"):
        train_model("text/causal-lm", lines, steps=2)
    with pytest.raises(UsageError, match="--freeze and --rehearse are for models of aigc's own"):
        train_model("text/causal-lm", lines, base=str(base), steps=2, freeze=["*"])
