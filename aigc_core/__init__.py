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
    from aigc_core.content import Action as Action
    from aigc_core.content import Artifact as Artifact
    from aigc_core.content import Blocked as Blocked
    from aigc_core.content import Condition as Condition
    from aigc_core.content import Failed as Failed
    from aigc_core.content import Finding as Finding
    from aigc_core.content import Request as Request
    from aigc_core.content import Verdict as Verdict
    from aigc_core.data import CaptionedPictures as CaptionedPictures
    from aigc_core.data import TextData as TextData
    from aigc_core.errors import AigcError as AigcError
    from aigc_core.errors import BlockedError as BlockedError
    from aigc_core.errors import FileError as FileError
    from aigc_core.errors import ItemError as ItemError
    from aigc_core.errors import ModelError as ModelError
    from aigc_core.errors import PluginError as PluginError
    from aigc_core.errors import UsageError as UsageError
    from aigc_core.evaluation import Comparison as Comparison
    from aigc_core.evaluation import Evaluation as Evaluation
    from aigc_core.evaluation import Evidence as Evidence
    from aigc_core.evaluation import Interval as Interval
    from aigc_core.evaluation import Measured as Measured
    from aigc_core.evaluation import Measurement as Measurement
    from aigc_core.evaluation import PairEvidence as PairEvidence
    from aigc_core.evaluation import bootstrap_mean as bootstrap_mean
    from aigc_core.evaluation import bootstrap_normal as bootstrap_normal
    from aigc_core.evaluation import compare as compare
    from aigc_core.evaluation import draw_counts as draw_counts
    from aigc_core.evaluation import evaluate as evaluate
    from aigc_core.events import ArtifactBlocked as ArtifactBlocked
    from aigc_core.events import ArtifactCreated as ArtifactCreated
    from aigc_core.events import ItemFailed as ItemFailed
    from aigc_core.events import PreviewMade as PreviewMade
    from aigc_core.events import RunFailed as RunFailed
    from aigc_core.events import RunFinished as RunFinished
    from aigc_core.events import RunStarted as RunStarted
    from aigc_core.events import StepSkipped as StepSkipped
    from aigc_core.events import TrainingFinished as TrainingFinished
    from aigc_core.events import TrainingLogged as TrainingLogged
    from aigc_core.hookspecs import hookimpl as hookimpl
    from aigc_core.models import save_model as save_model
    from aigc_core.pipeline import Order as Order
    from aigc_core.pipeline import Pipeline as Pipeline
    from aigc_core.pipeline import Result as Result
    from aigc_core.pipeline import generate as generate
    from aigc_core.protocols import Candidate as Candidate
    from aigc_core.protocols import Classifies as Classifies
    from aigc_core.protocols import Embedder as Embedder
    from aigc_core.protocols import FilterContext as FilterContext
    from aigc_core.protocols import Final as Final
    from aigc_core.protocols import Generator as Generator
    from aigc_core.protocols import Item as Item
    from aigc_core.protocols import LoadedModel as LoadedModel
    from aigc_core.protocols import OpenEmbedder as OpenEmbedder
    from aigc_core.protocols import Partial as Partial
    from aigc_core.protocols import StepContext as StepContext
    from aigc_core.randomness import Noise as Noise
    from aigc_core.replay import Replay as Replay
    from aigc_core.replay import replay_file as replay_file
    from aigc_core.retrieval import Embeddings as Embeddings
    from aigc_core.retrieval import Hit as Hit
    from aigc_core.retrieval import Index as Index
    from aigc_core.retrieval import embed as embed
    from aigc_core.retrieval import open_index as open_index
    from aigc_core.retrieval import search as search
    from aigc_core.specs import Adopted as Adopted
    from aigc_core.specs import DefaultFor as DefaultFor
    from aigc_core.specs import EmbedderSpec as EmbedderSpec
    from aigc_core.specs import FilterSpec as FilterSpec
    from aigc_core.specs import GeneratorSpec as GeneratorSpec
    from aigc_core.specs import MetricSpec as MetricSpec
    from aigc_core.specs import ModelSpec as ModelSpec
    from aigc_core.specs import Permissions as Permissions
    from aigc_core.specs import SelectorSpec as SelectorSpec
    from aigc_core.specs import StepSpec as StepSpec
    from aigc_core.training import Alarm as Alarm
    from aigc_core.training import Batch as Batch
    from aigc_core.training import ConditionedPictures as ConditionedPictures
    from aigc_core.training import Context as Context
    from aigc_core.training import DataShape as DataShape
    from aigc_core.training import Encodes as Encodes
    from aigc_core.training import Examples as Examples
    from aigc_core.training import HasFiles as HasFiles
    from aigc_core.training import Likelihood as Likelihood
    from aigc_core.training import Loss as Loss
    from aigc_core.training import Phase as Phase
    from aigc_core.training import Pictures as Pictures
    from aigc_core.training import ReadsCaptions as ReadsCaptions
    from aigc_core.training import ReadsTexts as ReadsTexts
    from aigc_core.training import Samples as Samples
    from aigc_core.training import Trainable as Trainable
    from aigc_core.training import TrainingOptions as TrainingOptions
    from aigc_core.training import Watched as Watched
    from aigc_core.training import train as train
    from aigc_core.training.run import train_model as train_model

_HOME = {
    "aigc_core.content": "Action Artifact Blocked Condition Failed Finding Request Verdict",
    "aigc_core.data": "CaptionedPictures TextData",
    "aigc_core.errors": "AigcError BlockedError FileError ItemError ModelError PluginError UsageError",
    "aigc_core.events": (
        "ArtifactBlocked ArtifactCreated ItemFailed PreviewMade RunFailed RunFinished RunStarted StepSkipped "
        "TrainingFinished TrainingLogged"
    ),
    "aigc_core.evaluation": (
        "Comparison Evaluation Evidence Interval Measured Measurement PairEvidence "
        "bootstrap_mean bootstrap_normal compare draw_counts evaluate"
    ),
    "aigc_core.hookspecs": "hookimpl",
    "aigc_core.models": "save_model",
    "aigc_core.pipeline": "Order Pipeline Result generate",
    "aigc_core.protocols": (
        "Candidate Classifies Embedder Final FilterContext Generator Item LoadedModel OpenEmbedder Partial StepContext"
    ),
    "aigc_core.randomness": "Noise",
    "aigc_core.replay": "Replay replay_file",
    "aigc_core.retrieval": "Embeddings Hit Index embed open_index search",
    "aigc_core.specs": (
        "Adopted DefaultFor EmbedderSpec FilterSpec GeneratorSpec MetricSpec ModelSpec Permissions SelectorSpec "
        "StepSpec"
    ),
    "aigc_core.training": (
        "Alarm Batch ConditionedPictures Context DataShape Encodes Examples HasFiles Likelihood Loss Phase Pictures "
        "ReadsCaptions ReadsTexts Samples Trainable TrainingOptions Watched train"
    ),
    "aigc_core.training.run": "train_model",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aigc_core' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
