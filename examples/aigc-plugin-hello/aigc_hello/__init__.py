"""Say what this plugin brings. aigc imports this module to list it, so it imports nothing heavy.

Each component is named by where it is, ``"module:name"``, and imported when it is first used.
"""

from aigc_core import FilterSpec, GeneratorSpec, SelectorSpec, StepSpec, hookimpl


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec(
            "hello/tiles",
            modality="image",
            factory="aigc_hello.tiles:Tiles",
            options="aigc_hello.tiles:TilesOptions",
            needs_model=False,  # works without weights
            prompt="optional",
            summary="A quilt of tiles; the prompt sets its style, the seed its pattern.",
        )
    ]


@hookimpl
def aigc_preprocessors():
    return [
        StepSpec(
            "hello/emphasise",
            modality="text",  # over prompts
            step="aigc_hello.emphasise:emphasise",
            options="aigc_hello.emphasise:EmphasiseOptions",
            summary="Write a word of the prompt as (word:1.2).",
        )
    ]


@hookimpl
def aigc_postprocessors():
    return [
        StepSpec(
            "hello/frame",
            modality="image",
            step="aigc_hello.frame:frame",
            options="aigc_hello.frame:FrameOptions",
            summary="Put a mat and a frame around the picture.",
        )
    ]


@hookimpl
def aigc_selectors():
    return [
        SelectorSpec(
            "hello/most-colourful",
            selector="aigc_hello.colourful:most_colourful",
            modality="image",
            summary="Keep the candidate with the most colour.",
        )
    ]


@hookimpl
def aigc_filters():
    return [
        FilterSpec(
            "hello/no-shouting",
            modality="text",
            check="aigc_hello.shouting:no_shouting",
            options="aigc_hello.shouting:ShoutingOptions",
            summary="Find text in capitals.",
        )
    ]
