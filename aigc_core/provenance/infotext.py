"""The ``parameters`` text of the AUTOMATIC1111 web UI, which most picture managers and Civitai read.

Prompt lines first, then one line ``Steps: 1, Sampler: …``. A1111 takes the last line for the settings, if
it has three of them (``parse_generation_parameters``); Civitai takes the first line that starts with
"Steps: " (``automatic.metadata.ts``). A value with a comma, colon or line break is quoted, as A1111 does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from aigc_core.content import JSON
from aigc_core.provenance.recipe import Envelope


def parameters(envelope: Envelope, size: tuple[int, int] | None) -> str:
    """Write what other programs want to know of a recipe.

    Args:
        envelope: of the artifact.
        size: ``(width, height)`` of a picture in pixels; None for a text.
    """
    recipe = envelope.recipe
    # All our generators go from noise to content in one pass as far as A1111's vocabulary goes.
    settings = {"Steps": "1", "Sampler": recipe["generator"]["name"], **_seeds(recipe)}
    if size:
        settings["Size"] = f"{size[0]}x{size[1]}"
    if recipe["model"]:
        settings["Model hash"] = _short_hash(recipe["model"]["files"])
        settings["Model"] = recipe["model"]["name"]
    settings["Version"] = f"aigc {envelope.environment.get('aigc-core', 'unknown')}"
    line = ", ".join(f"{key}: {_quoted(value)}" for key, value in settings.items())
    return f"{_prompt_lines(recipe['prompt'])}\n{line}" if recipe["prompt"] else line


def _seeds(recipe: Mapping[str, JSON]) -> dict[str, str]:
    # A1111's variation seeds are the same thing: noise on the great circle between two seeds.
    if between := recipe.get("noise"):
        a, b, t = (str(between[key]) for key in ("a", "b", "t"))
        return {"Seed": a, "Variation seed": b, "Variation seed strength": t}
    return {"Seed": str(recipe["seed"])}


def _short_hash(files: Mapping[str, JSON]) -> str:
    # A1111's and Civitai's "AutoV2": the first ten hex digits of the sha256 of the weights file.
    weights = [name for name in sorted(files) if name.endswith(".safetensors")]
    return str(files[(weights or sorted(files))[0]])[:10] if files else ""


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:\n"') else value


def _prompt_lines(prompt: str) -> str:
    # NUL ends text in a PNG. A prompt line that starts as the settings do would be taken for them.
    lines = prompt.replace("\0", "\ufffd").strip().splitlines()
    return "\n".join(f" {line}" if line.startswith("Steps: ") else line for line in lines)
