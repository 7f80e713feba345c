"""Call a step as the core does, with options as they come from the command line."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from aigc_core import Noise, Request, StepContext, StepSpec


def steps() -> dict[str, StepSpec]:
    """Everything the plugin declares, by name."""
    import aigc_processors

    declared = [*aigc_processors.aigc_preprocessors(), *aigc_processors.aigc_postprocessors()]
    return {spec.name: spec for spec in declared}


def resolve(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


@pytest.fixture
def run() -> Callable[..., Any]:
    """``run("resize", picture, size="128")``; what the step recorded is in ``run.recorded``."""

    def run(name: str, content: Any, *, seed: int = 7, **options: Any) -> Any:
        spec = steps()[name]
        run.recorded = {}
        context = StepContext(
            request=Request(spec.modality, seed),
            options=resolve(spec.options).model_validate(options),
            noise=Noise(seed, "pre/0"),
            record=run.recorded.__setitem__,
        )
        return resolve(spec.step)(content, context)

    return run
