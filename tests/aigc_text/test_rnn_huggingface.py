"""A model folder as transformers sees it, and the same tokens from ``generate()`` as from the quick way."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TextIteratorStreamer,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
    pipeline,
)

from aigc_core import Noise, TextData
from aigc_text.rnn.huggingface import RnnForCausalLM
from aigc_text.rnn.searching import Gumbel


@pytest.fixture(scope="module", autouse=True)
def quiet():
    from transformers.utils import logging

    logging.disable_progress_bar()


def opened(component):
    """Return model and tokenizer of the folder that a component was loaded from."""
    folder = component.model.folder
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def theirs(preacher):
    return opened(preacher)


WARPERS = {
    "plain": ({}, []),
    "cool": ({"temperature": 0.7, "top_k": 30}, [TemperatureLogitsWarper(0.7), TopKLogitsWarper(30)]),
    "nucleus": (
        {"temperature": 1.2, "top_p": 0.8, "repetition_penalty": 1.3},
        [RepetitionPenaltyLogitsProcessor(1.3), TemperatureLogitsWarper(1.2), TopPLogitsWarper(0.8)],
    ),
    "typical": ({"min_p": 0.02, "typical_p": 0.9}, [MinPLogitsWarper(0.02), TypicalLogitsWarper(0.9)]),
}


@pytest.mark.parametrize("name", WARPERS)
@pytest.mark.parametrize("model", ["poet", "preacher"])
def test_generate_gives_the_tokens_of_the_quick_way(request, model, name, items, write):
    component = request.getfixturevalue(model)
    their_model, tokenizer = opened(component)
    options, warpers = WARPERS[name]
    prompt = "明月" if model == "poet" else "And the "
    ours = write(component, items(5, prompt, max_tokens=40, **options))
    for seed, text in enumerate(ours):
        made = their_model.generate(
            **tokenizer(prompt, return_tensors="pt"),
            logits_processor=LogitsProcessorList([*warpers, Gumbel([Noise(seed, "generate/0")])]),
            do_sample=False,
            max_new_tokens=40,
        )
        assert component.tokenizer.decode(made[0].tolist()) == text


def test_greedy_search_is_temperature_zero(theirs, preacher, items, write):
    model, tokenizer = theirs
    made = model.generate(**tokenizer("And", return_tensors="pt"), do_sample=False, max_new_tokens=20)
    assert [preacher.tokenizer.decode(made[0].tolist())] == write(
        preacher, items(1, "And", temperature=0, max_tokens=20)
    )


def test_the_tokenizer_is_ours_special_words_in_a_text_included(theirs, preacher):
    _, tokenizer = theirs
    for text in ("And God </s> said 🙂 床前", " two  spaces\n"):
        ids = tokenizer(text).input_ids
        assert ids == [1, *preacher.tokenizer.encode(text)]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_weights_and_configuration_are_those_of_the_folder(theirs, preacher):
    model, _ = theirs
    assert type(model) is RnnForCausalLM
    stored = load_file(preacher.model.folder / "model.safetensors")
    assert stored.keys() == model.state_dict().keys()
    assert all(torch.equal(stored[name], weight) for name, weight in model.state_dict().items())
    assert AutoConfig.from_pretrained(preacher.model.folder).hidden_size == 48


def test_what_transformers_saves_it_loads_again(theirs, tmp_path):
    model, tokenizer = theirs
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = AutoTokenizer.from_pretrained(tmp_path)("And", return_tensors="pt").input_ids
    assert torch.equal(again(ids).logits, model(ids).logits)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_prompts_of_several_lengths_are_read_as_if_alone(cell, learn, verses):
    model, tokenizer = opened(learn(TextData(verses[:40]), 5, vocabulary=300, cell=cell, layers=2))
    prompts = ["And", "In the beginning God created", "The LORD"]
    together = tokenizer(prompts, return_tensors="pt", padding=True)
    logits = model(**together).logits
    for row, prompt in enumerate(prompts):
        alone = tokenizer(prompt, return_tensors="pt")
        read = model(**alone).logits[0]
        torch.testing.assert_close(logits[row, -len(read) :], read)
        made = model.generate(**alone, do_sample=False, max_new_tokens=6)[0, -6:]
        assert model.generate(**together, do_sample=False, max_new_tokens=6)[row, -6:].tolist() == made.tolist()
    tokenizer.padding_side = "right"
    right = tokenizer(prompts, return_tensors="pt", padding=True)
    torch.testing.assert_close(model(**right).logits[0, :2], logits[0, -2:])


def test_beams_find_likelier_texts_than_greed(preacher, items):
    greedy, searched = (
        next(iter(preacher.generate(items(1, "And the", max_tokens=12, min_tokens=12, **options))))
        for options in ({"temperature": 0.0}, {"beams": 6})
    )
    assert searched.scores["log_likelihood"] >= greedy.scores["log_likelihood"]
    assert searched.content.startswith("And the")


def test_no_run_of_tokens_stands_twice_and_seeds_still_tell(preacher, items, write):
    texts = write(preacher, items(3, no_repeat_ngram=2, temperature=0.3, max_tokens=60))
    assert len(set(texts)) == 3
    for text in texts:
        ids = preacher.tokenizer.encode(text)
        pairs = list(pairwise(ids))
        assert len(pairs) - len(set(pairs)) <= 1  # written otherwise than it is read at most once
    assert texts == write(preacher, items(3, no_repeat_ngram=2, temperature=0.3, max_tokens=60))


def test_searching_ends_before_a_stop_string_too(preacher, items, write):
    (free,) = write(preacher, items(1, beams=2, max_tokens=30))
    stop = free[5:8]
    (stopped,) = write(preacher, items(1, beams=2, max_tokens=30, stop=stop))
    assert stop not in stopped


def test_a_label_goes_along_to_beam_search(learn, items, write):
    import numpy as np

    from aigc_core import Condition

    data = TextData(["low tide", "high tide"] * 16, labels=np.array([0, 1] * 16), label_names=("low", "high"))
    component = learn(data, 100, tokenizer="character")
    for index, name in enumerate(("low", "high")):
        asked = items(1, condition=Condition("label", name, index), beams=3)
        assert write(component, asked)[0].startswith(f"{name} ti")


def test_stop_strings_streaming_sampling_and_pipelines_are_transformers_own(theirs, preacher):
    model, tokenizer = theirs
    read = tokenizer(["And", "The LORD God"], return_tensors="pt", padding=True)
    stopped = model.generate(**read, do_sample=True, stop_strings=["e"], tokenizer=tokenizer, max_new_tokens=40)
    assert stopped.shape[1] < 60
    shapes = model.generate(**read, do_sample=True, num_beams=2, num_return_sequences=2, max_new_tokens=5)
    assert len(shapes) == 4
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    one = tokenizer("And", return_tensors="pt")
    made = model.generate(**one, streamer=streamer, do_sample=False, max_new_tokens=12)
    assert "".join(streamer) == tokenizer.decode(made[0, one.input_ids.shape[1] :], skip_special_tokens=True)
    write = pipeline("text-generation", str(preacher.model.folder))
    assert write("And God", max_new_tokens=5, do_sample=False)[0]["generated_text"].startswith("And God")


def test_transformers_can_go_on_training(theirs):
    model, tokenizer = theirs
    ids = tokenizer("And God said", return_tensors="pt").input_ids
    loss = model(ids, labels=ids).loss
    loss.backward()
    assert loss.item() > 0
    assert model.rnn.embed.weight.grad.abs().sum() > 0
    assert model.get_input_embeddings() is model.rnn.embed
