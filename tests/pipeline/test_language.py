"""The language of a prompt, and what is chosen by it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aigc_core import Order, Pipeline, UsageError
from aigc_core.pipeline.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("床前明月光", "zh"),
        ("床前明月光，疑是地上霜。", "zh"),
        ("𠮷", "zh"),
        ("古池や蛙飛びこむ水の音", "ja"),
        ("カタカナ", "ja"),
        ("나보기가 역겨워", "ko"),
        ("shall I compare thee to a summer's day", "en"),
        ("Übermut tut selten gut", "en"),
        ("Мороз и солнце", "en"),
        ("a poem about 李白", "en"),
        ("李白 and the moon", "en"),
        ("月 moon", "zh"),
        ("2026: 7, 8, 9!", "en"),
        ("", "en"),
    ],
)
def test_the_script_tells_the_language(text, language):
    assert language_of(text) == language


@pytest.fixture
def no_built_in_texts(monkeypatch):
    """Leave the plugin out whose models are the defaults for text."""
    monkeypatch.setenv("AIGC_DISABLE_PLUGINS", "text")


@pytest.fixture
def house(model_without_weights, studio, no_built_in_texts):
    """A pipeline with models that are defaults for text: ``poems`` in general, ``tang`` for Chinese, ``like-zh`` …"""
    import hashlib

    claims = {
        "poems": 'DefaultFor("text", "prompt"), DefaultFor("text", "like")',
        "tang": 'DefaultFor("text", "prompt", "zh")',
        "vary-zh": 'DefaultFor("text", "like", "zh")',
        "free": 'DefaultFor("text")',
    }
    specs = []
    for name, claim in claims.items():
        folder = model_without_weights(name, "studio/poet", prompt="optional").absolute()
        digest = hashlib.sha256((folder / "aigc.json").read_bytes()).hexdigest()
        languages = ("zh",) if name == "tang" else ()
        specs.append(
            f"ModelSpec({name!r}, 'studio/poet', Path({str(folder)!r}), {digest!r}, languages={languages}, "
            f"prompt='optional', default_for=frozenset({{{claim}}}))"
        )
    Path("shelf.py").write_text(
        "from pathlib import Path\nfrom aigc_core import DefaultFor, ModelSpec, hookimpl\n"
        f"@hookimpl\ndef aigc_models():\n    return [{', '.join(specs)}]\n",
        encoding="utf-8",
    )

    def open_pipeline(toml: str = "") -> Pipeline:
        Path("aigc.toml").write_text(toml, encoding="utf-8")
        return Pipeline(plugins=[studio, "shelf.py"])

    return open_pipeline


def chosen(house, **order) -> str:
    return house.plan(Order("text", **order)).name


@pytest.mark.parametrize(
    ("order", "model"),
    [
        ({"prompt": "床前明月光"}, "tang"),
        ({"prompt": "shall I"}, "poems"),
        ({"prompt": "古池や"}, "poems"),
        ({}, "free"),
        ({"inputs": {"like": "一句话"}}, "vary-zh"),
        ({"inputs": {"like": "a sentence"}}, "poems"),
        ({"interpolate": ("一句话", "两句话")}, "vary-zh"),
        ({"prompt": "床前明月光", "model": "free"}, "free"),
    ],
)
def test_the_default_follows_what_is_given_and_its_language(house, order, model):
    assert chosen(house(), **order) == model


@pytest.mark.parametrize(
    ("settings", "prompt", "model"),
    [
        ('"text:prompt:zh" = "free"', "床前明月光", "free"),
        ('"text:prompt:zh" = "free"', "shall I", "poems"),
        ('"text:prompt" = "free"', "床前明月光", "free"),
        ('text = "free"\n"text:prompt:zh" = "vary-zh"', "床前明月光", "vary-zh"),
        ('text = "poems"', None, "poems"),
        ('"text:nothing" = "poems"', None, "poems"),
        ('"text:nothing" = "vary-zh"', "shall I", "poems"),
    ],
)
def test_settings_decide_over_any_plugin(house, settings, prompt, model):
    assert chosen(house(f"[defaults]\n{settings}\n"), prompt=prompt) == model


def test_a_prompt_in_a_language_the_model_does_not_know_is_told_and_taken(house, caplog):
    with caplog.at_level(logging.WARNING, "aigc"):
        made = house().generate("text", "shall I", model="tang", seed=6)
    assert made.artifacts
    assert caplog.messages == ["tang knows prompts in zh, and this one looks like en"]
    assert house().plan(Order("text", prompt="床前明月光", model="tang")).misgivings == ()
    assert house().plan(Order("text", prompt="shall I", model="free")).misgivings == ()


def test_without_a_default_for_what_is_given_there_is_an_error(pipeline, no_built_in_texts):
    with pytest.raises(UsageError, match="no model is the default for text"):
        pipeline().planner.plan(Order("text", prompt="夜"))
