"""A model that writes two languages, told apart by their script."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import Condition, TextData, UsageError
from aigc_text.rnn.options import RnnConfig
from aigc_text.steering import language_of, steering

WORDS = {"en": ("sun", "sea"), "zh": ("太阳", "大海")}


@pytest.fixture(scope="module")
def bilingual(learn):
    """A model that is told which of two things to name; and the language."""
    vectors = np.tile(np.repeat(np.eye(2, dtype=np.float32), 2, axis=0), (8, 1))
    texts = ["sun", "太阳", "sea", "大海"] * 8
    return learn(TextData(texts, vectors=vectors), 150, tokenizer="character", languages=("en", "zh"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_written_is_in_the_language_asked_for(bilingual, items, write, language):
    for word, vector in zip(WORDS[language], np.eye(2, dtype=np.float32), strict=True):
        asked = items(3, condition=Condition("vector", vector), temperature=0.2, language=language)
        assert set(write(bilingual, asked)) == {word}


def test_unasked_it_is_that_of_the_prompt_or_the_first(bilingual, items, write):
    condition = Condition("vector", np.eye(2, dtype=np.float32)[1])
    assert write(bilingual, items(condition=condition, temperature=0)) == ["sea"]
    assert write(bilingual, items(prompt="大", condition=condition, temperature=0)) == ["大海"]


def test_languages_alone_are_a_condition_too(learn, items, write):
    model = learn(TextData(["sun", "太阳"] * 8), 80, tokenizer="character", languages=("en", "zh"))
    assert model.data.vector == 0
    assert write(model, items(temperature=0, language="zh")) == ["太阳"]


def test_a_model_of_one_language_is_asked_for_none(preacher, items):
    with pytest.raises(UsageError, match="it knows one language"):
        list(preacher.generate(items(language="zh")))


def test_texts_with_labels_are_told_no_languages():
    from aigc_text.rnn.generator import Rnn

    texts = TextData(["a", "b"], labels=np.array([0, 1]), label_names=("x", "y"))
    with pytest.raises(UsageError, match="told no vectors or languages"):
        Rnn.examples(RnnConfig(languages=("en", "zh")), texts)


def test_a_language_is_told_by_its_script():
    assert [language_of(text) for text in ("sun", "太阳", "", "T恤", "été")] == ["en", "zh", "en", "zh", "en"]


def test_what_a_network_is_told_is_the_vector_and_the_language():
    told = steering(np.array([[0.6, 0.8]], np.float32), ["zh"], ("en", "zh"))
    np.testing.assert_allclose(told, [[0.6, 0.8, 0, 1]], rtol=1e-6)
    assert steering(None, ["en", "zh"], ("en", "zh")).tolist() == [[1, 0], [0, 1]]
