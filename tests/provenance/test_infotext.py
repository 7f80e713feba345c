"""The ``parameters`` text as two widely used programs read it; both readers are written from their sources."""

from __future__ import annotations

import json
import re

import pytest

from aigc_core.provenance import parameters, seal

# modules/infotext_utils.py of stable-diffusion-webui
A1111 = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def as_a1111(text):
    *lines, last = text.strip().split("\n")
    found = A1111.findall(last)
    assert len(found) >= 3
    values = {key: json.loads(value) if value.startswith('"') else value for key, value in found}
    return "\n".join(line.strip() for line in lines), values


def as_civitai(text):
    lines = [line for line in text.split("\n") if line.strip()]
    details = next(line for line in lines if line.startswith("Steps: "))
    lines.remove(details)
    values = dict(part.strip().split(": ", 1) for part in details.split(","))
    return "\n".join(lines).split("Negative prompt:")[0].strip(), values


SETTINGS = {
    "Steps": "1",
    "Sampler": "image/gan",
    "Seed": "7",
    "Size": "28x28",
    "Model hash": "0123456789",
    "Model": "digits-gan",
    "Version": "aigc 0.1.0",
}


def test_the_line_is_what_a1111_writes(envelope):
    assert parameters(envelope, (28, 28)) == (
        "Steps: 1, Sampler: image/gan, Seed: 7, Size: 28x28, Model hash: 0123456789, Model: digits-gan,"
        f" Version: aigc {envelope.environment['aigc-core']}"
    )


@pytest.mark.parametrize(
    "prompt",
    ["a seven", "七，手写 🐈", "two\nlines: here", "Steps: 99, Sampler: fake, Seed: 1\nreally", "one\n\nthree"],
)
def test_a1111_and_civitai_find_prompt_and_settings(recipe, digit, prompt):
    envelope = seal({**recipe, "prompt": prompt}, digit)
    text = parameters(envelope, digit.size)
    settings = SETTINGS | {"Version": f"aigc {envelope.environment['aigc-core']}"}
    assert as_a1111(text) == (prompt, settings)
    assert as_civitai(text) == (re.sub("\n+", "\n", prompt), settings)


def test_a_generator_without_weights_names_no_model(recipe):
    text = parameters(seal({**recipe, "model": None}, "seven"), None)
    assert text.startswith("Steps: 1, Sampler: image/gan, Seed: 7, Version: aigc ")


def test_a_value_that_would_end_early_is_quoted(recipe):
    name = 'my "best", model'
    text = parameters(seal({**recipe, "model": {**recipe["model"], "name": name}}, "x"), None)
    assert as_a1111(text)[1]["Model"] == name


def test_the_hash_is_that_of_the_weights_or_else_of_the_first_file(recipe):
    for files, short in (({"b.bin": "b" * 64, "a.json": "c" * 64}, "cccccccccc"), ({}, "")):
        text = parameters(seal({**recipe, "model": {**recipe["model"], "files": files}}, "x"), None)
        assert as_a1111(text)[1]["Model hash"] == short


def test_nothing_in_a_prompt_ends_the_text_in_a_png(recipe):
    assert "\0" not in parameters(seal({**recipe, "prompt": "a\0b"}, "x"), None)


def test_two_seeds_are_a1111s_variation_seeds(recipe, digit):
    between = {key: value for key, value in recipe.items() if key != "seed"}
    between |= {"format": 2, "noise": {"a": 3, "b": 9, "t": 0.25}}
    _, values = as_a1111(parameters(seal(between, digit), digit.size))
    assert {key: values[key] for key in ("Seed", "Variation seed", "Variation seed strength")} == {
        "Seed": "3",
        "Variation seed": "9",
        "Variation seed strength": "0.25",
    }
