"""How our components take part in a contest: trained by the public API, sampled from a model folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trials import Entrant, Settings

MICRO_BATCH = 100


def ours(
    name: str,
    component: Any,
    settings: tuple[Settings, ...],
    *,
    training: Mapping[str, Any],
    options: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
    labels: Any = None,
    share: float = 1.0,
    turn: int = 20,
) -> Entrant:
    """Enter a component of ours.

    Args:
        name: its row.
        component: the class.
        settings: what is tried; a key that the component's ``Config`` has goes there, others to the training.
        training: ``TrainingOptions`` that all have in common.
        options: sampler's name → options of a request.
        config: what all have in common of the ``Config``.
        labels: what the pictures are asked to be, int64, used in turn; None where there are no labels.
        share: of the budget.
        turn: steps between two looks at the clock.
    """
    fields = component.Config.model_fields

    def built(chosen: Settings) -> Any:
        return component.Config(**dict(config or {}), **{key: value for key, value in chosen.items() if key in fields})

    def train(chosen: Settings, data: Any, seed: int, steps: int, done: Callable[[], None], turn: int) -> Any:
        import aigc_core

        asked = dict(training) | {key: value for key, value in chosen.items() if key not in fields}
        how = aigc_core.TrainingOptions(**asked, steps=steps, seed=seed, threads=1, device="cpu", log_every=turn)
        return aigc_core.train(component, built(chosen), data, how, lambda *_: done())

    def samplers(chosen: Settings, trained: Any, data: Any, seed: int) -> Mapping[str, Callable[[int], Any]]:
        model = _loaded(component, trained, data)
        return {
            sampler: lambda n, asked=asked: sample(model, n, seed, asked, labels) for sampler, asked in options.items()
        }

    return Entrant(name, settings, train, samplers, share, turn)


def _loaded(component: Any, trained: Any, data: Any) -> Any:
    """Write the model folder that the product would, and load the generator from it."""
    from aigc_core import save_model
    from aigc_core.models import open_folder

    with tempfile.TemporaryDirectory() as place:
        folder = save_model(
            Path(place) / "model",
            name="model",
            component="bench/model",
            modality="image",
            options=trained.options,
            shape=data.described.shape,
            labels=data.described.labels,
            tensors=trained.tensors,
            micro_batch=MICRO_BATCH,
            card="# For a benchmark",
        )
        return component.from_model(open_folder(folder))


def sample(generator: Any, n: int, seed: int, options: Any, labels: Any = None) -> Any:
    """Make n pictures as the pipeline would, labels in turn where there are any: uint8 ``(n, C, H, W)``."""
    import numpy as np

    from aigc_core import Condition, Item, Noise

    pictures = []
    for start in range(0, n, MICRO_BATCH):
        items = [
            Item(
                None,
                {},
                Condition(index=None if labels is None else int(labels[place % len(labels)])),
                options,
                Noise(seed + place, "generate/0"),
            )
            for place in range(start, start + MICRO_BATCH)
        ]
        pictures += [np.asarray(final.content) for final in generator.generate(items)]
    array = np.stack(pictures[:n])
    return array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)


def as_bytes(pictures: Any) -> Any:
    """Turn a tensor ``(N, C, H, W)`` in [0, 1] into uint8, rounded as ours are."""
    return pictures.detach().clamp(0, 1).mul(255).round().byte().numpy()
