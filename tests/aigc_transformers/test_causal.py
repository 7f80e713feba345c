"""``text/causal-lm``: what it writes is what the checkpoint says, and an item depends on its own seed alone."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from aigc_core import Final, Item, Noise, Order, Partial, Pipeline, UsageError, replay_file
from aigc_core.content import Condition
from aigc_transformers.causal import CausalLM
from aigc_transformers.decoding import Chosen, Decoding, Likelihoods, warpers
from aigc_transformers.loading import Arithmetic
from aigc_transformers.options import CausalOptions

PROMPT = "The early bird"


def change(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def generator_of():
    """Return the generator of a folder, as the pipeline makes it."""
    pipeline = Pipeline()
    return lambda folder: CausalLM.from_model(pipeline.planner.models.find(str(folder)))


@pytest.fixture
def llama(made, generator_of):
    return generator_of(made("llama"))


def item(seed: int = 0, prompt: str | None = PROMPT, inputs=None, **options) -> Item:
    return Item(prompt, inputs or {}, Condition(), CausalOptions(**options), Noise(seed, "generate/0"))


def finals(generator, items) -> list[Final]:
    made = [one for one in generator.generate(items) if isinstance(one, Final)]
    return sorted(made, key=lambda final: final.index)


def write(generator, *args, **options) -> str:
    return finals(generator, [item(*args, **options)])[0].content


def reference(folder: Path, prompt: str = PROMPT, **settings) -> str:
    """What transformers itself writes; half a character at the end is nothing that a text can hold."""
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    made = network.generate(**tokens, do_sample=False, **settings)
    return tokenizer.decode(made[0], skip_special_tokens=True).rstrip("�")


# What is written


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@pytest.mark.parametrize(
    "options, settings",
    [
        ({"temperature": 0}, {}),
        ({"temperature": 0, "repetition_penalty": 1.7}, {"repetition_penalty": 1.7}),
        ({"temperature": 0, "no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
        ({"beams": 3}, {"num_beams": 3}),
        ({"beams": 4, "repetition_penalty": 1.3}, {"num_beams": 4, "repetition_penalty": 1.3}),
    ],
    ids=str,
)
def test_without_chance_it_writes_what_transformers_writes(made, generator_of, name, options, settings):
    folder = made(name)
    assert write(generator_of(folder), max_tokens=20, **options) == reference(folder, max_new_tokens=20, **settings)


@pytest.mark.parametrize(
    "options, settings",
    [
        ({"temperature": 1}, {"temperature": 1.0, "top_p": 0.95, "top_k": 0}),
        ({"temperature": 0.7, "top_k": 5, "top_p": 1}, {"temperature": 0.7, "top_k": 5}),
        ({"temperature": 1.5, "top_p": 0.6}, {"temperature": 1.5, "top_p": 0.6, "top_k": 0}),
        ({"temperature": 1, "min_p": 0.2, "top_p": 1}, {"min_p": 0.2, "top_k": 0}),
        ({"temperature": 1, "typical_p": 0.4, "top_p": 1}, {"typical_p": 0.4, "top_k": 0}),
    ],
    ids=str,
)
def test_it_draws_from_the_distribution_that_transformers_samples_from(made, options, settings):
    folder = made("llama")
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(PROMPT, return_tensors="pt", return_token_type_ids=False)
    once = {"max_new_tokens": 1, "output_scores": True, "output_logits": True, "return_dict_in_generate": True}
    out = network.generate(**tokens, do_sample=True, **once, **settings)
    scores = out.logits[0]
    for warper in warpers(Decoding.of(CausalOptions(**options), GenerationConfig(), draws=True)):
        scores = warper(tokens["input_ids"], scores)
    assert torch.equal(scores, out.scores[0])


def test_gumbel_noise_draws_each_token_as_often_as_it_is_likely():
    logits, n = torch.tensor([[2.0, 1.0, 0.0, -torch.inf, -1.0]]), 4000
    likelihoods = Likelihoods()
    counts = torch.zeros(5)
    for seed in range(n):
        likelihoods(torch.empty(1, 0), logits)
        counts[Chosen([Noise(seed, "generate/0")], likelihoods)(torch.empty(1, 0), logits).argmax()] += 1
    expected = logits[0].softmax(0)
    assert counts[3] == 0
    deviation = (expected * (1 - expected) / n).sqrt()
    assert bool(((counts / n - expected).abs() <= 4 * deviation).all())


def test_seeds_differ_and_one_seed_is_one_text(llama):
    texts = [write(llama, seed, temperature=1, max_tokens=12) for seed in (1, 2, 3, 1)]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_an_item_is_the_same_alone_and_among_others_of_its_length(llama):
    together = finals(llama, [item(seed, temperature=1, max_tokens=12) for seed in range(4)])
    alone = [write(llama, seed, temperature=1, max_tokens=12) for seed in range(4)]
    assert [final.content for final in together] == alone


def test_prompts_of_several_lengths_share_a_batch_and_each_gets_its_own_text(llama):
    prompts = ["A", "The early bird catches", "No man"]
    together = finals(llama, [item(0, prompt, temperature=0, max_tokens=10) for prompt in prompts])
    assert [final.content for final in together] == [write(llama, 0, p, temperature=0, max_tokens=10) for p in prompts]


def test_no_global_generator_is_touched(llama):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    write(llama, 5, temperature=1, max_tokens=8)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@pytest.mark.parametrize("prompt", ["A", "No man is", "The early bird catches the worm, and sleeps"], ids=len)
def test_one_and_two_threads_write_the_same(made, generator_of, name, prompt):
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found += finals(generator_of(made(name)), [item(7, prompt, temperature=1, max_tokens=40)])
    assert found[0].content == found[1].content
    assert found[0].scores["log_likelihood"] == pytest.approx(found[1].scores["log_likelihood"], rel=1e-6)


def test_without_a_prompt_a_text_begins(llama):
    assert write(llama, 1, None, temperature=1, max_tokens=8)
    assert write(llama, 1, "", temperature=1, max_tokens=8) == write(llama, 1, None, temperature=1, max_tokens=8)


def test_the_prompt_stands_before_what_follows_unless_it_shall_not(llama):
    whole = write(llama, 3, "No man", temperature=1, max_tokens=8)
    assert whole.startswith("No man")
    assert write(llama, 3, "No man", temperature=1, max_tokens=8, echo=False) == whole.removeprefix("No man")


def test_a_stop_string_ends_the_text_before_it(llama):
    whole = write(llama, 2, temperature=1, max_tokens=30, echo=False)
    stop = whole[8:10]
    assert write(llama, 2, temperature=1, max_tokens=30, echo=False, stop=[stop]) == whole[: whole.index(stop)]
    assert write(llama, 2, temperature=1, max_tokens=30, echo=False, stop=["never met"]) == whole


def test_a_stop_string_ends_beams_too(llama):
    whole = write(llama, beams=3, max_tokens=20, echo=False)
    assert set(whole) & set("abcdefghi")
    for stop in "abcdefghi":
        assert stop not in write(llama, beams=3, max_tokens=20, echo=False, stop=[stop])


def test_the_end_token_ends_a_text_and_its_likelihood_counts(llama):
    loaded = llama.loaded(Arithmetic())
    tokens = loaded.tokenizer(PROMPT, return_tensors="pt").input_ids
    with torch.no_grad():  # a network that holds the end for the likeliest of all
        last = loaded.network.model(tokens).last_hidden_state[0, -1]
        loaded.network.lm_head.weight[2] = 9 * last / last.norm()
        expected = loaded.network(tokens).logits[0, -1].log_softmax(0)[2]
    final = finals(llama, [item(temperature=0, max_tokens=20, echo=False)])[0]
    assert final.content == ""
    assert final.scores["log_likelihood"] == pytest.approx(float(expected), abs=1e-5)


def test_scores_are_the_mean_log_likelihood_of_the_network_itself(llama):
    """Whatever options do to the distribution that is chosen from."""
    final = finals(llama, [item(temperature=0, repetition_penalty=1.5, max_tokens=10)])[0]
    loaded = llama.loaded(Arithmetic())
    before = loaded.tokenizer(PROMPT, return_tensors="pt").input_ids
    settings = {"do_sample": False, "repetition_penalty": 1.5, "max_new_tokens": 10}
    tokens = loaded.network.generate(before, **settings)
    log_p = loaded.network(tokens).logits[0, :-1].log_softmax(1).gather(1, tokens[0, 1:, None])[:, 0]
    assert final.scores["log_likelihood"] == pytest.approx(float(log_p[before.shape[1] - 1 :].mean()), abs=1e-4)


def test_beams_are_scored_alike(llama):
    greedy = finals(llama, [item(temperature=0, max_tokens=10)])[0]
    beams = finals(llama, [item(beams=5, max_tokens=10)])[0]
    assert beams.scores["log_likelihood"] >= greedy.scores["log_likelihood"] - 1e-6


# Streaming


def test_drafts_grow_and_nothing_of_them_is_taken_back(llama):
    whole = write(llama, 2, temperature=1, max_tokens=30)
    stop = whole[len(PROMPT) + 12 : len(PROMPT) + 15]
    made = list(llama.generate([item(2, temperature=1, max_tokens=30, stop=[stop])]))
    drafts, final = [one.content for one in made if isinstance(one, Partial)], made[-1].content
    assert len(drafts) > 3
    assert all(later.startswith(earlier) for earlier, later in pairwise([*drafts, final]))
    assert stop not in final


def test_half_a_character_is_held_back(llama):
    drafts = [one.content for one in llama.generate([item(seed, temperature=3, max_tokens=40) for seed in range(3)])]
    assert drafts
    assert not any(draft.endswith("�") for draft in drafts)


def test_who_stops_listening_stops_the_writing(llama):
    running = llama.generate([item(2, temperature=1, max_tokens=80)])
    next(running)
    running.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "aigc-generate"]


# Conversations, tasks, templates


def test_a_prompt_is_a_message_where_there_is_a_chat_template(chatty, generator_of):
    chat = generator_of(chatty)
    said = write(chat, 1, "Who?", temperature=1, max_tokens=10)
    spelt = "<s>user\nWho?</s><s>assistant\n"
    assert said == write(chat, 1, spelt, temperature=1, max_tokens=10, chat=False, echo=False).strip()


def test_a_system_prompt_comes_first(chatty, generator_of):
    chat = generator_of(chatty)
    said = write(chat, 1, "Who?", temperature=1, max_tokens=10, system="You are brief.")
    spelt = "<s>system\nYou are brief.</s><s>user\nWho?</s><s>assistant\n"
    assert said == write(chat, 1, spelt, temperature=1, max_tokens=10, chat=False, echo=False).strip()


def test_tasks_and_templates_are_words_around_the_prompt(llama):
    def raw(words: str) -> str:
        return write(llama, 1, words, temperature=1, max_tokens=6, echo=False)

    def asked(prompt: str, **options) -> str:
        return write(llama, 1, prompt, temperature=1, max_tokens=6, **options)

    assert asked("a {language}", template="In {language}: {prompt}!", language="Latin") == raw(
        "In Latin: a {language}!"
    )
    assert asked("X", task="translate", language="Latin") == raw(
        "Translate the following text into Latin. Answer with the translation only.\n\nX"
    )
    assert asked("Who?", task="answer", inputs={"source": "It was me."}) == raw(
        "Answer the question by the following text, and by nothing else.\n\nText: It was me.\n\nQuestion: Who?"
    )


def test_an_input_stands_for_the_prompt(llama):
    assert write(llama, 1, None, inputs={"source": "No man"}, max_tokens=6) == write(llama, 1, "No man", max_tokens=6)


# What a checkpoint says of itself


def test_what_is_not_said_is_as_the_checkpoint_says(copied, generator_of):
    folder = copied("llama")
    change(folder / "generation_config.json", do_sample=True, temperature=0.3, top_k=4, repetition_penalty=1.2)
    told = {"temperature": 0.3, "top_k": 4, "top_p": 1, "repetition_penalty": 1.2}
    assert write(generator_of(folder), 1, max_tokens=12) == write(generator_of(folder), 1, max_tokens=12, **told)
    assert Decoding.of(CausalOptions(), GenerationConfig(), draws=True).temperature == 0.8


# Wrong requests


@pytest.mark.parametrize(
    "prompt, options, message",
    [
        ("word " * 100, {}, "the prompt has .* tokens, and llama takes 96"),
        ("a", {"system": "Be brief."}, "has no chat template"),
        ("a", {"chat": True}, "has no chat template"),
        ("a", {"task": "summarise", "echo": True}, "echo belongs to"),
        (None, {"task": "summarise"}, "there is nothing to work on"),
        ("a", {"template": "{source}: {prompt}"}, "no input of that name"),
        ("a \ud800", {}, "half a character at place 2"),
    ],
)
def test_what_cannot_be_written_says_why(llama, prompt, options, message):
    with pytest.raises(UsageError, match=message):
        write(llama, 0, prompt, **options)


def test_a_prompt_and_a_source_need_words_that_join_them(llama):
    with pytest.raises(UsageError, match="nothing says what the one has to do with the other"):
        write(llama, 0, "a", inputs={"source": "b"})


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": "-1"}, "temperature: .*greater than or equal to 0"),
        ({"temperature": "nan"}, "temperature: .*finite"),
        ({"top_p": "0"}, "top_p: .*greater than 0"),
        ({"stop": ""}, "stop"),
        ({"beams": "2", "temperature": "1"}, "beams draw nothing"),
        ({"task": "summarise", "template": "{prompt}"}, "leave one out"),
        ({"template": "nothing"}, r"write \{prompt\} in it"),
        ({"quantise": "int8", "precision": "float32"}, "quantise=int8 computes in bfloat16"),
        ({"temprature": "1"}, "did you mean 'temperature'"),
    ],
)
def test_wrong_options_are_found_before_anything_is_loaded(made, options, message):
    with pytest.raises(UsageError, match=message):
        Pipeline().generate("text", "a", model=str(made("llama")), options=options)


# Through the house


def test_an_artifact_names_the_checkpoint_by_what_it_is_and_is_made_again(copied):
    folder = copied("llama", "Somewhere")
    made = Pipeline().generate("text", "No man", model=str(folder), seed=3, options={"max_tokens": 8})[0]
    assert str(folder) not in str(made.recipe)
    assert made.recipe["model"]["name"] == "Somewhere"
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= made.recipe["model"]["files"].keys()
    path = made.save("text.txt")
    assert replay_file(path, model=str(folder)).answer == "IDENTICAL"
    assert replay_file(path).answer == "IDENTICAL"  # a folder of that name is here
    change(folder / "config.json", rms_norm_eps=0.1)
    replay = replay_file(path, model=str(folder))
    assert replay.answer == "DIFFERENT"
    assert "config.json" in replay.reasons[0]


def test_bfloat16_and_int8_write_too(llama, made, generator_of):
    for options in ({"precision": "bfloat16"}, {"quantise": "int8"}):
        text = write(llama, 1, max_tokens=8, **options)
        assert text.startswith(PROMPT)
        assert text == write(generator_of(made("llama")), 1, max_tokens=8, **options)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_int8_stays_near_float32(made, generator_of, name):
    """Few rows and many take two ways; both layers of GPT-2's own kind and plain ones are quantised."""
    exact = generator_of(made(name)).loaded(Arithmetic()).network
    near = generator_of(made(name)).loaded(Arithmetic("bfloat16", "int8")).network
    assert not [module for module in near.modules() if type(module).__name__ in ("Linear", "Conv1D")]
    for count in (3, 30):
        tokens = torch.arange(5, 5 + count)[None]
        one, other = (network(tokens).logits.float().log_softmax(-1) for network in (exact, near))
        assert (one - other).abs().mean() < 0.1 * one.std()


def test_likelihoods_are_those_of_the_arithmetic_that_is_asked_for(made):
    found = {}
    for options in ({}, {"precision": "bfloat16"}, {"quantise": "int8"}):
        house = Pipeline()
        generator = house.generator(house.plan(Order("text", model=str(made("llama")), options=options)))
        found[str(options)] = generator.log_likelihood(["The early bird catches the worm."], Noise(0, "x"), 1)[0].item()
    exact, *others = found.values()
    assert len(set(found.values())) == 3
    assert others == pytest.approx([exact, exact], rel=0.02)
