"""How likely a checkpoint holds texts to be: exact, whatever shares a batch, however long they are."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from aigc_core import Noise, Pipeline
from aigc_transformers.causal import CausalLM

TEXTS = ["No man is an island.", "", "床前明月光", "Honesty is the best policy. " * 3]


def generator(folder) -> CausalLM:
    return CausalLM.from_model(Pipeline().planner.models.find(str(folder)))


def likelihoods(folder, texts) -> torch.Tensor:
    exact, again = generator(folder).log_likelihood(texts, Noise(0, "evaluate"), 1)
    assert torch.equal(exact, again)
    return exact


def by_hand(folder, text: str) -> float:
    """Token by token, each with everything before it, from the token that begins a text to the one that ends it."""
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = [1, *tokenizer(text, add_special_tokens=False).input_ids, 2]
    total = 0.0
    for place in range(1, len(tokens)):
        logits = network(torch.tensor([tokens[:place]])).logits[0, -1]
        total += float(logits.log_softmax(0)[tokens[place]].detach())
    return total


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_it_is_the_sum_over_all_tokens_the_end_included(made, name):
    found = likelihoods(made(name), TEXTS)
    assert found.tolist() == pytest.approx([by_hand(made(name), text) for text in TEXTS], rel=1e-5)


def test_a_text_is_as_likely_alone_as_among_others(made):
    together = likelihoods(made("llama"), TEXTS)
    alone = torch.cat([likelihoods(made("llama"), [text]) for text in TEXTS])
    assert torch.allclose(together, alone, rtol=1e-5)


def test_a_text_longer_than_the_context_is_seen_through_windows(made):
    """Each token counts once: a network without positions before the window would see the same."""
    long = "Practice makes perfect. " * 30
    judge = generator(made("llama"))
    (count,) = judge.token_counts([long])
    assert count > 2 * 96
    value = float(judge.log_likelihood([long], Noise(0, "x"), 1)[0])
    assert -count * 30 < value < 0
    from aigc_transformers.likelihood import _windows

    for longest in (2, 3, 7, 96):
        counted = [place for ids, seen in _windows(list(range(50)), longest) for place in ids[seen:]]
        assert counted == list(range(1, 50))


def test_token_counts_are_those_of_the_tokenizer_and_the_end(made):
    tokenizer = AutoTokenizer.from_pretrained(made("llama"))
    expected = [len(tokenizer(text, add_special_tokens=False).input_ids) + 1 for text in TEXTS]
    assert generator(made("llama")).token_counts(TEXTS) == expected


def test_without_a_token_that_begins_a_text_the_one_that_ends_it_does(copied):
    import json

    folder = copied("llama")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "bos_token": None}))
    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = torch.tensor([[2, *tokenizer("No man", add_special_tokens=False).input_ids, 2]])
    log_p = network(tokens).logits[0, :-1].log_softmax(1).gather(1, tokens[0, 1:, None]).sum()
    assert likelihoods(folder, ["No man"]).item() == pytest.approx(log_p.item(), rel=1e-5)
