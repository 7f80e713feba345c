"""Pre- and postprocessors: steps around the generator, content in, content of the same type out; and a selector.

Used as ``--pre clean --post "resize size=128" --post sharpen``, or in ``[pipeline.image]`` of ``aigc.toml``.
Steps over texts also prepare what is learnt from.
Nothing heavy is imported here: a step and its options are named, and imported when they are first used.
"""

from __future__ import annotations

from aigc_core import SelectorSpec, StepSpec, hookimpl


def _step(name: str, modality: str, where: str, options: str, summary: str) -> StepSpec:
    module = f"aigc_processors.{where}"
    function = name.replace("-", "_")
    return StepSpec(name, modality, f"{module}:{function}", options=f"{module}:{options}", summary=summary)


@hookimpl
def aigc_preprocessors() -> list[StepSpec]:
    """Declare the steps over prompts, and over texts before a training."""
    return [
        _step("clean", "text", "clean", "CleanOptions", "Remove HTML, junk characters and spare whitespace."),
        _step(
            "template",
            "text",
            "template",
            "TemplateOptions",
            "Fill in {variables}, {a|b}, __wildcards__.",
        ),
        _step("length", "text", "limits", "LengthOptions", "Refuse texts that are too short or too long."),
        _step("language", "text", "limits", "LanguageOptions", "Refuse texts in other languages."),
        _step("simplified", "text", "chinese", "SimplifiedOptions", "Write Chinese in simplified characters."),
        _step("stopwords", "text", "words", "StopwordsOptions", "Remove words such as the and 的."),
        _step("stem", "text", "words", "StemOptions", "Cut words to their stems (Snowball)."),
    ]


@hookimpl
def aigc_postprocessors() -> list[StepSpec]:
    """Declare the steps over pictures, and over texts that were made."""
    return [
        _step("crop", "image", "geometry", "CropOptions", "Cut out a box, or a size at one side."),
        _step("resize", "image", "geometry", "ResizeOptions", "Scale to a size: contain, cover or stretch."),
        _step("upscale", "image", "geometry", "UpscaleOptions", "Enlarge by a whole factor (Lanczos)."),
        _step("adjust", "image", "colour", "AdjustOptions", "Change brightness, contrast and colour."),
        _step("background", "image", "colour", "BackgroundOptions", "Put a colour behind transparency."),
        _step("blur", "image", "detail", "BlurOptions", "Blur (Gaussian)."),
        _step("median", "image", "detail", "MedianOptions", "Remove specks by a median filter."),
        _step("sharpen", "image", "detail", "SharpenOptions", "Sharpen edges by an unsharp mask."),
        _step("whole-sentences", "text", "sentences", "WholeSentencesOptions", "Cut off an unfinished sentence."),
        _step("detokenise", "text", "detokenise", "DetokeniseOptions", "Remove the spaces of a tokenizer."),
    ]


@hookimpl
def aigc_selectors() -> list[SelectorSpec]:
    """Declare what keeps one of several texts."""
    return [SelectorSpec("text/best", "aigc_processors.best:best", "text", summary="The most likely text, per token.")]
