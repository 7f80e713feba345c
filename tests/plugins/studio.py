"""A one-file plugin that makes noise pictures and quotes, and misbehaves when its options say so."""

from __future__ import annotations

import contextlib
import threading

from pydantic import BaseModel, ConfigDict, Field

from aigc_core import (
    FilterSpec,
    Final,
    Finding,
    GeneratorSpec,
    Partial,
    SelectorSpec,
    StepSpec,
    hookimpl,
)


class NoiseOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(default=8, ge=1, le=512, description="side in pixels")
    wrong: str = Field(default="", description="how to misbehave: raise, type, missing, twice, stop")


class Noise:
    """Grey noise, one picture an item."""

    def generate(self, items):
        from PIL import Image

        for index, item in enumerate(items):
            if item.options.wrong == "raise":
                raise ValueError("out of paint")
            if item.options.wrong == "stop":
                raise KeyboardInterrupt
            if item.options.wrong == "missing":
                continue
            pixels = (item.noise.uniform((item.options.size, item.options.size)) * 255).astype("uint8")
            made = "not a picture" if item.options.wrong == "type" else Image.fromarray(pixels)
            yield Final(index, made, {"mean": float(pixels.mean())})
            if item.options.wrong == "twice":
                yield Final(index, made)


class Quote:
    """Says the prompt back, growing."""

    def generate(self, items):
        for index, item in enumerate(items):
            yield Partial(index, item.prompt[:1])
            yield Final(index, item.prompt)


WORDS = ("moon", "river", "frost", "pine", "crane", "snow", "wind", "hill", "night", "ferry", "bell", "silver", "gold")


class PoetOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    words: int = Field(default=6, ge=1, le=500)
    temperature: float = Field(default=1.0, ge=0, description="0: the first word, always")
    stop: tuple[str, ...] = Field(default=(), description="words before which a text ends")
    ending: str = Field(default="", description="what stands after the last word")
    wrong: str = Field(default="", description="how to misbehave: back, another, number, torn, half, raise, stop")


class Poet:
    """Writes on from the prompt word by word, all items of a call in step, and says how far each one is."""

    def generate(self, items):
        texts = [item.prompt or "" for item in items]
        unfinished = dict(enumerate(map(self.words, items)))
        while unfinished:
            for index, words in list(unfinished.items()):
                options = items[index].options
                if (word := next(words, None)) is None:
                    del unfinished[index]
                    made = {"another": "something else", "half": "half \ud800"}.get(options.wrong)
                    yield Final(index, made or texts[index] + options.ending, {"log_likelihood": -len(texts[index])})
                    continue
                texts[index] = f"{texts[index]} {word}".strip()
                if items[index].streamed:
                    draft = {"number": 7, "torn": "half \ud800"}.get(options.wrong, texts[index])
                    yield Partial(index, draft)
                if options.wrong == "back":
                    texts[index] = texts[index][::-1]
                if options.wrong == "raise":
                    raise ValueError("out of ink")
                if options.wrong == "stop":
                    raise KeyboardInterrupt

    def words(self, item):
        """Draw words; like a text, all of its own but one; between two texts, the first ones of the further one."""
        options = item.options
        if item.between is not None:
            like, towards = (item.inputs[name].split() for name in ("like", "towards"))
            turned = round(item.between * len(towards))
            yield from (*towards[:turned], *like[turned:])
            return
        like = item.inputs["like"].split() if "like" in item.inputs else []
        changed = item.noise.choice(len(like)) if like else None
        for place in range(len(like) or options.words):
            word = WORDS[int((item.noise.gumbel(len(WORDS)) * options.temperature).argmax())]
            if like and place != changed:
                word = like[place]
            if word in options.stop:
                return
            yield word


def invert(picture, context):
    context.record("note", "inverted")
    return picture.point(lambda value: 255 - value)


def grain(picture, context):
    """Paint one pixel, which one and how bright by the noise of the step."""
    level = int(255 * context.noise.uniform())
    picture.putpixel((context.noise.choice(picture.width), 0), level)
    return picture


def mirror(picture, context):
    return picture.rotate(180)


def scribble(picture, context):
    """Change its own copy, and give back another picture."""
    picture.paste(0, (0, 0, *picture.size))
    return picture.rotate(90)


def refuse(picture, context):
    raise RuntimeError("no ink")


def forget(picture, context):
    return None


def vandalise(picture, context):
    """Try to change what others will see: the inputs, the options, the request."""
    for content in context.request.inputs.values():
        content.paste(0, (0, 0, *content.size))
    with contextlib.suppress(TypeError):
        context.request.options["size"] = 1
    with contextlib.suppress(ValueError):
        context.options.level = 0
    return picture.point(lambda value: context.options.level)


class VandalOptions(BaseModel):
    level: int = 7


class CaptionOptions(BaseModel):
    text: str = ""
    lines: list[str] = []


def caption(picture, context):
    from PIL import ImageDraw

    ImageDraw.Draw(picture).text((0, 0), context.options.text)
    return picture


def confide(picture, context):
    context.record("secret", {1, 2})
    return picture


def dice(prompt, context):
    return f"{prompt} {context.noise.choice(1000)}"


def brightest(request, candidates, context):
    context.record("means", [round(candidate.scores["mean"], 3) for candidate in candidates])
    return max(range(len(candidates)), key=lambda index: candidates[index].scores["mean"])


def longest(request, candidates, context):
    return max(range(len(candidates)), key=lambda index: len(candidates[index].content))


def out_of_range(request, candidates, context):
    return len(candidates)


class FilterOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    wrong: str = ""


def no_gold(text, context):
    if context.options.wrong == "raise":
        raise OSError("the word list is gone")
    if context.options.wrong == "rubbish":
        return "fine"
    if context.options.wrong == "score":
        return [Finding("gold", 7.0, "very much gold")]
    if context.options.wrong == "hang":
        threading.Event().wait()
    at = text.find("gold")
    return [Finding("gold", 1.0, "speaks of gold", span=(at, at + 4))] if at >= 0 else []


def no_bright(picture, context):
    """Find bright pictures, and paint over the copy it was given."""
    mean = sum(picture.tobytes()) / (picture.width * picture.height)
    picture.paste(0, (0, 0, *picture.size))
    return [Finding("bright", 0.9, f"mean {mean:.0f}")] if mean > 135 else [Finding("bright", 0.1, "dim")]


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec(
            *("studio/noise", "image", lambda model: Noise()),
            options=NoiseOptions,
            needs_model=False,
            inputs={"photo": "image"},
        ),
        GeneratorSpec("studio/quote", "text", lambda model: Quote(), needs_model=False, prompt="required"),
        GeneratorSpec(
            *("studio/poet", "text", lambda model: Poet()),
            options=PoetOptions,
            needs_model=False,
            prompt="optional",
            inputs={"like": "text", "towards": "text"},
        ),
    ]


@hookimpl
def aigc_preprocessors():
    return [StepSpec("dice", "text", dice), StepSpec("mirror", "image", mirror)]


@hookimpl
def aigc_postprocessors():
    return [
        StepSpec("invert", "image", invert),
        StepSpec("grain", "image", grain),
        StepSpec("scribble", "image", scribble),
        StepSpec("refuse", "image", refuse),
        StepSpec("forget", "image", forget),
        StepSpec("confide", "image", confide),
        StepSpec("caption", "image", caption, options=CaptionOptions),
        StepSpec("vandalise", "image", vandalise, options=VandalOptions),
        StepSpec("shout", "text", lambda text, context: text.upper()),
    ]


@hookimpl
def aigc_selectors():
    return [
        SelectorSpec("studio/brightest", brightest, modality="image"),
        SelectorSpec("studio/longest", longest, modality="text"),
        SelectorSpec("studio/out-of-range", out_of_range),
    ]


@hookimpl
def aigc_filters():
    return [
        FilterSpec("no-gold", "text", no_gold, options=FilterOptions, timeout=1.0, window=4),
        FilterSpec("no-bright", "image", no_bright, stages=("artifact",)),
    ]
