"""``text/seq2seq``: what it makes of a text is what the checkpoint makes of it."""

from __future__ import annotations

import pytest
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from aigc_core import Pipeline, UsageError

TEXT = "Birds of a feather flock together."


def write(folder, prompt: str | None = TEXT, seed: int = 0, **options) -> str:
    return Pipeline().generate("text", prompt, model=str(folder), seed=seed, options=options)[0].content


def reference(folder, words: str, **settings) -> str:
    network, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(words, return_tensors="pt", return_token_type_ids=False)
    made = network.generate(**tokens, do_sample=False, **settings)
    return tokenizer.decode(made[0], skip_special_tokens=True).rstrip("�").strip()


@pytest.mark.parametrize("name", ["t5", "bart"])
@pytest.mark.parametrize("options, settings", [({}, {}), ({"beams": 4}, {"num_beams": 4})], ids=str)
def test_without_chance_it_writes_what_transformers_writes(made, name, options, settings):
    expected = reference(made(name), TEXT, max_new_tokens=16, **settings)
    assert settings or len(expected) > 3  # beams may find that nothing is likeliest
    assert write(made(name), max_tokens=16, **options) == expected


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_with_a_temperature_seeds_differ(made, name):
    texts = [write(made(name), seed=seed, temperature=1, max_tokens=10) for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1]


def test_a_task_is_done_as_the_checkpoint_keeps_it(made):
    """T5 has a prefix for summaries, and how many beams and tokens they want."""
    expected = reference(made("t5"), f"summarize: {TEXT}", num_beams=3, max_new_tokens=12)
    assert write(made("t5"), task="summarise") == expected
    once = reference(made("t5"), f"summarize: {TEXT}", num_beams=1, max_new_tokens=5)
    assert write(made("t5"), task="summarise", beams=1, max_tokens=5) == once


def test_scores_are_the_likelihood_of_what_was_written(made):
    scores = [
        Pipeline().generate("text", TEXT, model=str(made("t5")), options={"max_tokens": 8, **options})[0].scores
        for options in ({}, {"beams": 5})
    ]
    assert scores[1]["log_likelihood"] >= scores[0]["log_likelihood"] - 1e-6


def test_texts_of_several_lengths_share_a_batch(made):
    from aigc_core import Final, Item, Noise
    from aigc_core.content import Condition
    from aigc_transformers.options import Seq2SeqOptions
    from aigc_transformers.seq2seq import Seq2Seq

    generator = Seq2Seq.from_model(Pipeline().planner.models.find(str(made("bart"))))
    items = [
        Item(text, {}, Condition(), Seq2SeqOptions(max_tokens=8), Noise(0, "generate/0")) for text in ("A", TEXT, "No")
    ]
    made_here = {one.index: one.content for one in generator.generate(items) if isinstance(one, Final)}
    assert [made_here[place] for place in range(3)] == [write(made("bart"), i.prompt, max_tokens=8) for i in items]


def test_there_has_to_be_a_text_and_it_has_to_fit(made):
    with pytest.raises(UsageError, match="needs a prompt"):
        write(made("bart"), None)
    with pytest.raises(UsageError, match="makes a text out of another one"):
        write(made("bart"), "")
    with pytest.raises(UsageError, match=r"the text has .* tokens, and bart reads 64"):
        write(made("bart"), "word " * 80)
