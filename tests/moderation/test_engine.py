"""Moderation fails closed."""

from __future__ import annotations

import pytest


def quote(house, prompt="good morning"):
    return house.generate("text", prompt, model="studio/quote")[0]


def test_a_finding_of_at_least_one_half_blocks(pipeline):
    blocked = quote(pipeline(), "all that is gold")
    assert str(blocked.verdict.action) == "block"
    assert blocked.verdict.cause == "no-gold"
    assert not blocked.verdict.failed
    (judged,) = blocked.verdict.findings
    assert judged.finding.span == (12, 16)


def test_a_weaker_finding_is_kept_and_allowed(pipeline):
    made = pipeline().generate("image", model="studio/noise", n=8, seed=0).artifacts[0]
    assert [judged.finding.score for judged in made.verdict.findings] == [0.1]
    assert made.recipe["moderation"]["verdict"] == "allow"


@pytest.mark.parametrize(
    "wrong, reason",
    [("raise", "the word list is gone"), ("rubbish", "not a list"), ("score", "7.0"), ("hang", "did not answer")],
)
def test_a_filter_that_fails_blocks_and_the_verdict_says_failed(pipeline, wrong, reason):
    blocked = quote(pipeline(f'[filters.no-gold]\nwrong = "{wrong}"\n'))
    assert blocked.verdict.failed
    assert blocked.verdict.cause == "no-gold"
    assert reason in blocked.verdict.reasons[0]


def test_after_a_filter_hung_the_next_item_is_still_looked_at(pipeline):
    house = pipeline('[filters.no-gold]\nwrong = "hang"\n')
    assert [quote(house).verdict.failed for _ in range(2)] == [True, True]


def test_text_in_options_is_moderated_like_a_prompt(pipeline):
    (blocked,) = pipeline().generate("image", model="studio/noise", options={"wrong": "gold"})
    assert blocked.verdict.cause == "no-gold"
    assert "gold" not in str(blocked.recipe["options"])


@pytest.mark.parametrize("post", ["caption text=gold", ("caption", {"lines": ["silver", "gold"]})])
def test_text_that_a_step_would_write_is_moderated_too(pipeline, post):
    (blocked,) = pipeline().generate("image", model="studio/noise", post=[post])
    assert blocked.stage == "request"
    assert blocked.verdict.cause == "no-gold"
    assert blocked.recipe["post"] == []


def test_a_filter_that_the_configuration_names_must_be_there(pipeline):
    from aigc_core import UsageError

    with pytest.raises(UsageError, match="did you mean 'no-gold'"):
        quote(pipeline('[moderation]\nfilters = ["no-golt"]\n'))


def test_the_order_of_filters_does_not_change_the_verdict(pipeline):
    verdicts = [
        quote(
            pipeline(f"[moderation]\nfilters = {order}\n[filters.wordlist]\ndeny = ['gold']\n"), "gold"
        ).verdict.action
        for order in (["wordlist", "no-gold"], ["no-gold", "wordlist"])
    ]
    assert verdicts[0] == verdicts[1]


def test_empty_text_is_nothing_to_find(pipeline):
    assert quote(pipeline(), "").content == ""
