"""What a model makes, for numbers: the same content as ``aigc generate --seed`` makes, in the same calls.

Nothing of it leaves the process but numbers, so nothing is postprocessed, moderated or recorded one by one. What is
shown to people goes through the pipeline like everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aigc_core.content import Condition, Content
from aigc_core.errors import PluginError, blaming
from aigc_core.pipeline.stages import check_type, request_for
from aigc_core.protocols import Final, Item, Items
from aigc_core.randomness import Noise, item_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.pipeline import Plan
    from aigc_core.protocols import Generator

#: Told how far it is: how many are done, and how many there will be.
OnSample = Callable[[int, int], None]


@dataclass(frozen=True)
class Samples:
    """What was made: content, and for what label each, as an index of the model's labels, or None."""

    items: Items
    conditions: NDArray[np.int64] | None


def draw_samples(
    plan: Plan,
    generator: Generator,
    on_sample: OnSample | None = None,
    prompts: Sequence[str] | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Samples:
    """Make ``plan.order.n`` items, in calls of the model's micro-batch, and put them together.

    Args:
        plan: what is sampled.
        generator: with its weights.
        on_sample: told how far it is.
        prompts: of each item, where they differ.
        vectors: that each item is conditioned by, ``(N, D)``, where the plan does not say by what.

    Raises:
        PluginError: the generator failed, or made something else than its modality, or pictures of several sizes.
    """
    import numpy as np

    order = plan.order
    who = f"generator {plan.entry.spec.name!r} (plugin {plan.entry.plugin})"
    contents: list[Content] = []
    labels: list[int | None] = []
    for start in range(0, order.n, plan.micro_batch):
        count = min(plan.micro_batch, order.n - start)
        # Padded as in a run, with items of their own: a noise stream is used up by whoever draws from it.
        places = [start + min(index, count - 1) for index in range(plan.micro_batch)]
        items = [
            _item(plan, place, prompts[place] if prompts else order.prompt, None if vectors is None else vectors[place])
            for place in places
        ]
        made = dict(_finals(generator, items, who))
        for index in range(count):
            if index not in made:
                raise PluginError(f"{who} yielded no result for index {index}")
            check_type(made[index], order.modality, who)
            contents.append(made[index])
            labels.append(items[index].condition.index)
        if on_sample:
            on_sample(start + count, order.n)
    conditions = None if None in labels else np.array(labels, np.int64)
    return Samples(put_together(contents, who), conditions)


def _item(plan: Plan, index: int, prompt: str | None, vector: NDArray[np.float32] | None) -> Item:
    """Return what the generator sees of one item, as a run without candidates hands it over."""
    seed = item_seed(plan.order.seed, index)
    if vector is None:
        condition = plan.condition(replace(request_for(plan, seed), prompt=prompt), Noise(seed, "condition"))
    else:
        condition = Condition("vector", vector)
    return Item(prompt, {}, condition, plan.options, Noise(seed, "generate/0"))


def _finals(generator: Generator, items: Sequence[Item], who: str) -> Iterator[tuple[int, Content]]:
    with blaming(who):
        for made in generator.generate(items):
            if isinstance(made, Final):
                yield made.index, made.content


def put_together(contents: Sequence[Content], who: str) -> Items:
    """Return texts as a list, and pictures as uint8 ``(N, C, H, W)``: grey ones with one channel, others with three.

    Raises:
        PluginError: the pictures are of several sizes or modes.
    """
    import numpy as np

    texts = [content for content in contents if isinstance(content, str)]
    if texts:
        return texts
    arrays = [np.asarray(_plain(picture)) for picture in contents]
    if len({array.shape for array in arrays}) > 1:
        raise PluginError(f"{who} makes pictures of several sizes or modes, which cannot be held against each other")
    stacked = np.stack(arrays)
    return stacked[:, None] if stacked.ndim == 3 else np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))


def _plain(picture: Content) -> Content:
    """Return a picture in grey or RGB; what is transparent is laid on white."""
    assert not isinstance(picture, str)
    if picture.mode in ("L", "RGB"):
        return picture
    if picture.mode in ("1", "I;16", "I", "F"):
        return picture.convert("L")
    from PIL import Image

    seen = picture.convert("RGBA")
    base = Image.new("RGBA", seen.size, "white")
    base.alpha_composite(seen)
    return base.convert("RGB")
