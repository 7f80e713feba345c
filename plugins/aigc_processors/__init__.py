"""Pre- and postprocessors: steps around the generator, content in, content of the same type out.

Used as ``--pre clean --post "resize size=128" --post sharpen``, or in ``[pipeline.image]`` of ``aigc.toml``.
Nothing heavy is imported here: a step and its options are named, and imported when they are first used.
"""

from __future__ import annotations

from aigc_core import StepSpec, hookimpl


def _step(name: str, modality: str, where: str, options: str, summary: str) -> StepSpec:
    module = f"aigc_processors.{where}"
    return StepSpec(name, modality, f"{module}:{name}", options=f"{module}:{options}", summary=summary)


@hookimpl
def aigc_preprocessors() -> list[StepSpec]:
    """Declare the steps over prompts."""
    return [
        _step("clean", "text", "clean", "CleanOptions", "Remove HTML, junk characters and spare whitespace."),
        _step(
            "template",
            "text",
            "template",
            "TemplateOptions",
            "Fill in {variables}, {a|b}, __wildcards__.",
        ),
    ]


@hookimpl
def aigc_postprocessors() -> list[StepSpec]:
    """Declare the steps over pictures."""
    return [
        _step("crop", "image", "geometry", "CropOptions", "Cut out a box, or a size at one side."),
        _step("resize", "image", "geometry", "ResizeOptions", "Scale to a size: contain, cover or stretch."),
        _step("upscale", "image", "geometry", "UpscaleOptions", "Enlarge by a whole factor (Lanczos)."),
        _step("adjust", "image", "colour", "AdjustOptions", "Change brightness, contrast and colour."),
        _step("background", "image", "colour", "BackgroundOptions", "Put a colour behind transparency."),
        _step("blur", "image", "detail", "BlurOptions", "Blur (Gaussian)."),
        _step("median", "image", "detail", "MedianOptions", "Remove specks by a median filter."),
        _step("sharpen", "image", "detail", "SharpenOptions", "Sharpen edges by an unsharp mask."),
    ]
