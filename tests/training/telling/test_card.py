"""The model card: true, whole, and readable by people and by the hub."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from aigc_core.training.contract import Alarm
from aigc_core.training.telling.card import CardFacts, card, escape, metric_row

FACTS = CardFacts(
    name="photos-gan",
    component="image/gan",
    summary="generative adversarial networks",
    data="photos",
    examples=1900,
    counts={"cat": 1000, "dog": 850, "newt": 50},
    labels=("cat", "dog", "newt"),
    shape=(3, 64, 64),
    licence="CC-BY-4.0",
    survey=("3 files skipped: truncated", "12 exact duplicates"),
    command="aigc train image/gan photos --preset tiny --seed 7",
    seed=7,
    config={"loss": "hinge", "latent_dim": 64},
    training={"lr": {"generator": 2e-4}, "batch": 64},
    steps=8000,
    seconds=840,
    machine="2 cores, x86_64, avx2",
    versions={"torch": "2.9.1", "aigc-core": "0.2.0"},
    metrics=(
        {
            "name": "KID(efficientnet-lite0)", "value": 0.01234567, "interval": {"low": 0.01, "high": 0.02},
            "n": 10000, "extractor": {"name": "efficientnet-lite0"}, "reference": {"split": "validation", "n": 210},
            "floor": {"value": 0.001},
        },
        {"name": "diversity", "value": 1, "n": 1000},
    ),
    alarms=(Alarm("mode collapse", "samples differ 12% as much", "lower lr"),),
    near_copies=0.02,
)  # fmt: skip

NASTY = "a|b\nc`d`*e*<script>#[x](y)"


def header(text):
    """The YAML header as lines, and the rest. Values are plain words or JSON strings, so no YAML reader is needed."""
    _, head, body = text.split("---\n", 2)
    return head.splitlines(), body


def tables(body):
    """Rows of tables, cells split at bars that are not escaped."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_card_of_an_embedder_does_not_say_that_it_makes_pictures():
    head, body = header(card(replace(FACTS, summary="Two towers.", samples=False, use="aigc search QUERY")))
    assert "pipeline_tag: image-feature-extraction" in head and '- "image-feature-extraction"' in head
    assert "Vectors of pictures. Made by `image/gan`: Two towers.\n" in body
    assert "samples.png" not in body and "aigc generate" not in body


def test_a_card_says_what_it_was_told():
    head, body = header(card(FACTS))
    assert head[:3] == ["license: cc-by-4.0", "library_name: aigc", "pipeline_tag: unconditional-image-generation"]
    assert '- "gan"' in head
    for told in (
        "# photos-gan",
        "Colour pictures of 64×64 pixels, of 3 kinds, chosen by label. Made by `image/gan`: generative adversarial",
        "aigc generate --modality image -m photos-gan --set label=cat -n 16",
        "![samples](samples.png)",
        "1,900 pictures from `photos`",
        "Licence, as given by who trained it: CC-BY-4.0.",
        "- 3 files skipped: truncated\n- 12 exact duplicates",
        "8,000 steps in 14 min on 2 cores, x86\\_64, avx2, seed 7:",
        "```sh\naigc train image/gan photos --preset tiny --seed 7\n```",
        "torch 2.9.1, aigc-core 0.2.0",
        "Expect less of the labels with few pictures: newt.",
        "there was an alarm: mode collapse: samples differ 12% as much.",
        "2% of its fixed-seed samples are near copies",
    ):
        assert told in body, told
    rows = tables(body)
    assert ["cat", "1,000"] in rows
    assert ["`loss`", '`"hinge"`'] in rows
    assert [
        "KID(efficientnet-lite0)", "0.01235 (0.01 to 0.02)", "0.001", "10,000", "efficientnet-lite0", "validation, 210",
    ] in rows  # fmt: skip
    assert ["diversity", "1", "–", "1,000", "–", "–"] in rows


def test_a_licence_that_was_not_given_is_unknown_and_said_so():
    head, body = header(card(replace(FACTS, licence=None)))
    assert head[0] == "license: unknown"
    assert "Licence: unknown; none was given." in body


def test_a_licence_of_ones_own_is_named():
    head, _ = header(card(replace(FACTS, licence='My "own"\nlicence: v2')))
    assert head[:2] == ["license: other", 'license_name: "My \\"own\\"\\nlicence: v2"']


def test_names_and_labels_cannot_break_out_of_where_they_stand():
    facts = replace(
        FACTS,
        data=NASTY,
        summary=NASTY,
        counts={NASTY: 5, "": 3},
        labels=(NASTY, ""),
        survey=(NASTY,),
        command=f"aigc train x ```\n{NASTY}",
        config={NASTY: NASTY},
        machine=NASTY,
        versions={NASTY: NASTY},
        metrics=({"name": NASTY, "value": NASTY, "extractor": {"name": NASTY}},),
        alarms=(Alarm(NASTY, NASTY, NASTY),),
        base=NASTY,
    )
    head, body = header(card(facts))
    assert [line for line in head if line.startswith("base_model")] == [
        'base_model: "a|b\\nc`d`*e*<script>#[x](y)"',
    ]
    shown = re.sub(r"(?ms)^(`{3,})sh\n.*?^\1$", "", body)  # what stands in fences is text
    shown = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", shown)  # and so is what stands in code
    assert not re.search(r"(?<!\\)(<script|\[x\]|\*e\*)", shown)
    assert {len(row) for row in tables(body)} == {2, 6}
    assert "(empty)" in body


def test_little_data_is_a_risk_that_is_spelt_out():
    assert "at risk of containing" in card(replace(FACTS, examples=500))
    assert "very likely to contain" in card(replace(FACTS, examples=30))
    assert "copies of them" not in card(FACTS)


def test_a_model_without_labels_and_numbers_has_a_card_too():
    plain = CardFacts("m", "image/vae", "d", 2000, (1, 28, 28), "aigc train image/vae d", 1, 10, 5.0, "1 core")
    head, body = header(card(plain))
    assert head[0] == "license: unknown"
    assert "Grey pictures of 28×28 pixels. Made by `image/vae`." in body
    assert "aigc generate --modality image -m m -n 16" in body
    assert "`aigc evaluate m`" in body
    assert tables(body) == []


def test_a_label_that_a_shell_would_take_apart_is_quoted():
    body = card(replace(FACTS, labels=("it's a cat",)))
    assert "--set 'label=it'\\''s a cat' -n 16" in body


def test_many_labels_are_summed_up():
    rows = tables(card(replace(FACTS, counts={f"label {n}": n for n in range(100)})))
    assert ["and 60 more", f"{sum(range(40, 100)):,}"] in rows


@pytest.mark.parametrize(("text", "shown"), [("a\tb\x00c", "a b c"), ("x|y", "x\\|y"), ("猫_1", "猫\\_1"), (7, "7")])
def test_text_is_escaped_for_markdown(text, shown):
    assert escape(text) == shown


def test_a_measurement_with_little_in_it_is_a_row_too():
    assert metric_row({}) == ("–", "–", "–", "–", "–", "–")
