"""Texts as numbers and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import ModelError, UsageError
from aigc_text.tokenizer import Tokenizer, choose_size, make_tokenizer

ENGLISH = ["the cat sat on the mat", "the dog sat on the log", "</s> is no cat"] * 5


@pytest.fixture(scope="module")
def pairs() -> Tokenizer:
    return Tokenizer.train(ENGLISH, kind="bpe", size=300)


@pytest.fixture(scope="module")
def characters(quatrains) -> Tokenizer:
    return Tokenizer.train(quatrains, kind="character", size=5000)


@given(text=st.text())
def test_any_text_comes_back_from_byte_pairs(pairs, text):
    assert pairs.decode(pairs.encode(text)) == text


@pytest.mark.parametrize("text", ["床前明月光，疑是地上霜。", "👨‍👩‍👧 🇩🇪 e\u0301", "\x00\r\n\t  ", "", "<s></s><pad>"])
def test_what_was_never_seen_comes_back_as_well(pairs, text):
    ids = pairs.encode(text)
    assert pairs.decode(ids) == text
    assert not {pairs.pad, pairs.bos, pairs.eos} & set(ids)


def test_texts_are_encoded_together_as_alone(pairs, characters, quatrains):
    for tokenizer, texts in ((pairs, ENGLISH), (characters, quatrains[:5])):
        assert [ids.tolist() for ids in tokenizer.encode_all(texts)] == [tokenizer.encode(text) for text in texts]
        assert tokenizer.encode_all(texts)[0].dtype == np.int64


def test_a_tokenizer_is_its_file(pairs, characters):
    for tokenizer in (pairs, characters):
        again = Tokenizer.from_bytes(tokenizer.to_bytes())
        assert again.to_bytes() == tokenizer.to_bytes()
        assert (again.kind, again.size, again.pieces) == (tokenizer.kind, tokenizer.size, tokenizer.pieces)


def test_the_same_texts_give_the_same_file_in_any_process(pairs):
    program = (
        "from aigc_text.tokenizer import Tokenizer; from hashlib import sha256; import sys, json;"
        "made = Tokenizer.train(json.loads(sys.argv[1]), kind='bpe', size=300);"
        "print(sha256(made.to_bytes()).hexdigest())"
    )
    for threads in ("1", "3"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", program, json.dumps(ENGLISH)]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == sha256(pairs.to_bytes()).hexdigest()


def test_frequent_pairs_become_one_token(pairs):
    assert len(pairs.encode("the cat")) < len(pairs.encode("eht tac"))


def test_few_texts_fill_fewer_ids():
    assert Tokenizer.train(["ab"], kind="bpe", size=1024).size < 270


def test_characters_are_tokens_the_frequent_ones_first(characters, quatrains):
    assert characters.encode("。，") == [3, 4]  # none is as frequent as the punctuation
    assert characters.size == 3 + len(set("".join(quatrains)))
    assert characters.decode([1, *characters.encode(quatrains[0]), 2, 0]) == quatrains[0]


def test_a_character_that_was_never_seen_is_named(characters):
    assert not characters.knows("春🐉")
    assert characters.knows("春")
    with pytest.raises(UsageError, match=r"'🐉' \(U\+1F409\) was never seen"):
        characters.encode("春🐉")


@pytest.mark.parametrize("kind", ["pairs", "characters"])
def test_half_a_surrogate_pair_is_no_character(request, kind):
    tokenizer = request.getfixturevalue(kind)
    for encode in (tokenizer.encode, lambda text: tokenizer.encode_all([text])):
        with pytest.raises(UsageError, match=r"character 2 of the text is half of a surrogate pair \(U\+D83D\)"):
            encode("，\ud83d")


def test_a_text_that_is_no_unicode_is_not_learnt_from():
    for kind in ("bpe", "character"):
        with pytest.raises(UsageError, match="half of a surrogate pair"):
            Tokenizer.train(["fine", "\udfff"], kind=kind, size=1000)


def test_a_vocabulary_must_hold_the_alphabet():
    with pytest.raises(UsageError, match="too small"):
        Tokenizer.train(["a"], kind="bpe", size=258)
    with pytest.raises(UsageError, match=r"4 different characters.*take one of 7"):
        Tokenizer.train(["abcd"], kind="character", size=6)


def test_an_unfinished_character_is_held_back(pairs):
    ids = pairs.encode("a🙂")
    assert [pairs.decode(ids[:count]) for count in range(1, len(ids) + 1)] == ["a", "a", "a", "a", "a🙂"]
    broken = [pairs.encode("🙂")[0], *pairs.encode("b")]
    assert pairs.decode(broken) == "�b"


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "JSONDecodeError"),
        (b"\x80", "UnicodeDecodeError"),
        (b"[]", "TypeError"),
        (b'{"model": {"type": "Unigram"}}', "KeyError"),
        (b'{"model": {"type": "BPE"}}', "cannot be read"),
    ],
)
def test_another_file_is_no_tokenizer(content, complaint):
    with pytest.raises(ModelError, match=complaint):
        Tokenizer.from_bytes(content)


def test_a_tokenizer_of_another_program_is_refused(pairs):
    strange = pairs.to_bytes().replace(b"<s>", b"<S>")
    with pytest.raises(ModelError, match="does not begin with <pad>, <s>, </s>"):
        Tokenizer.from_bytes(strange)


def test_more_text_gets_more_ids_within_bounds():
    sizes = [choose_size(["x" * count]) for count in (0, 1, 100_000, 1_000_000, 4_000_000, 20_000_000)]
    assert sizes == [1024, 1024, 1024, 2048, 4096, 8192]
    assert all(smaller <= larger for smaller, larger in pairwise(sizes))


def test_chinese_is_read_by_characters_and_the_rest_by_byte_pairs(quatrains):
    assert make_tokenizer(quatrains, "auto", None).kind == "character"
    assert make_tokenizer([*ENGLISH, *quatrains[:2]], "auto", None).kind == "bpe"
    assert make_tokenizer(quatrains, "bpe", 300).size == 300


def test_a_long_corpus_is_sampled_and_still_knows_all(monkeypatch):
    monkeypatch.setattr("aigc_text.tokenizer.ENOUGH", 50)
    tokenizer = make_tokenizer(ENGLISH, "bpe", 300)
    assert tokenizer.decode(tokenizer.encode(ENGLISH[1])) == ENGLISH[1]
