"""aigc: train, generate, moderate, evaluate and prove AI-generated content, with every part a plugin.

The public API. Every name is imported when it is first used, so that ``import aigc_core`` costs neither torch
nor any plugin::

    import aigc_core

    result = aigc_core.generate("image", n=4, seed=7)
    result[0].content.show()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aigc_core.version import __version__

if TYPE_CHECKING:
    from aigc_core.content import Action, Artifact, Blocked, Condition, Failed, Finding, Request, Verdict
    from aigc_core.errors import (
        AigcError,
        BlockedError,
        FileError,
        ItemError,
        ModelError,
        PluginError,
        UsageError,
    )
    from aigc_core.events import (
        ArtifactBlocked,
        ArtifactCreated,
        ItemFailed,
        PreviewMade,
        RunFailed,
        RunFinished,
        RunStarted,
        StepSkipped,
    )
    from aigc_core.hookspecs import hookimpl
    from aigc_core.models import save_model
    from aigc_core.pipeline import Order, Pipeline, Result, generate
    from aigc_core.protocols import (
        Candidate,
        Final,
        FilterContext,
        Generator,
        Item,
        LoadedModel,
        Partial,
        StepContext,
    )
    from aigc_core.randomness import Noise
    from aigc_core.replay import Replay, replay_file
    from aigc_core.specs import DefaultFor, FilterSpec, GeneratorSpec, ModelSpec, SelectorSpec, StepSpec
    from aigc_core.training import Batch, Context, DataShape, Loss, Phase, Trainable, TrainingOptions, train

_HOME = {
    "aigc_core.content": "Action Artifact Blocked Condition Failed Finding Request Verdict",
    "aigc_core.errors": "AigcError BlockedError FileError ItemError ModelError PluginError UsageError",
    "aigc_core.events": (
        "ArtifactBlocked ArtifactCreated ItemFailed PreviewMade RunFailed RunFinished RunStarted StepSkipped"
    ),
    "aigc_core.hookspecs": "hookimpl",
    "aigc_core.models": "save_model",
    "aigc_core.pipeline": "Order Pipeline Result generate",
    "aigc_core.protocols": "Candidate Final FilterContext Generator Item LoadedModel Partial StepContext",
    "aigc_core.randomness": "Noise",
    "aigc_core.replay": "Replay replay_file",
    "aigc_core.specs": "DefaultFor FilterSpec GeneratorSpec ModelSpec SelectorSpec StepSpec",
    "aigc_core.training": "Batch Context DataShape Loss Phase Trainable TrainingOptions train",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = ["__version__", *_MODULE_OF]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aigc_core' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
