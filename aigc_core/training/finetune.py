"""Fine-tuning: a training that starts from a model (``--from``), on a few examples of one's own.

Against forgetting, some of what is learnt from is made by the model itself (generative replay: Shin et al. 2017,
Continual learning with deep generative replay, section 3), and parts of the networks may be frozen (Mo et al. 2020,
Freeze the discriminator). Against learning by heart, the training stops where its samples become near copies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np
import torch

from aigc_core.data import TextData
from aigc_core.errors import UsageError, near_miss
from aigc_core.training.contract import ReadsCaptions, Restores
from aigc_core.training.learnt import examples_of
from aigc_core.training.loop.checkpoint import Checkpoints
from aigc_core.training.loop.data import Pictures
from aigc_core.training.making import make

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aigc_core.content import Content
    from aigc_core.models import Model
    from aigc_core.pipeline import Pipeline
    from aigc_core.training.contract import Examples
    from aigc_core.training.learnt import Learnt
    from aigc_core.training.loop import Training
    from aigc_core.training.plan import TrainPlan

#: So many pictures at least are made by the model, whatever their share: fewer are soon known by heart, too.
REHEARSED = 512

#: Share of what a model of several labels rehearses if nothing is said; without labels, old and new could not be told
#: apart, and nothing is rehearsed.
REHEARSE = 0.25

#: Steps for which what comes from the model is held where other networks start anew: a discriminator that knows
#: nothing yet would teach the generator nothing but noise.
HELD = 200


@dataclass(frozen=True, slots=True)
class Base:
    """What a fine-tuning starts from.

    Attributes:
        tensors: of networks, by name: ``<network>.<parameter>``.
        labels: of the model as it was, in order.
        data: what is learnt from now: one's own examples under labels of their own, and what is rehearsed.
    """

    tensors: Mapping[str, Tensor]
    labels: tuple[str, ...]
    data: Examples

    @classmethod
    def of(cls, model: Model, learnt: Learnt, plan: TrainPlan, pipeline: Pipeline) -> Base:
        """Load `model`, and join its labels and its own pictures with what is to be learnt.

        Raises:
            UsageError: the shares or shapes do not fit.
            ModelError: the model is damaged.
        """
        if plan.vectors or (isinstance(plan.component, ReadsCaptions) and not isinstance(learnt.real, TextData)):
            if _share(plan, 0.0):
                raise UsageError("what is learnt with captions cannot be rehearsed", hint="leave --rehearse out")
            return cls(_tensors(model, plan), model.labels, learnt.examples)
        if isinstance(learnt.real, TextData):
            return cls(_tensors(model, plan), model.labels, _with_rehearsed_texts(learnt.real, model, plan, pipeline))
        if learnt.real.described.shape != model.shape:
            raise UsageError(
                f"{model.name} makes pictures of {model.shape}, and the data has {learnt.real.described.shape}",
                hint="leave --size out",
            )
        own = _labelled(learnt.real, model.labels, plan.name)
        share = _share(plan, REHEARSE if model.labels else 0.0)
        data = _joined(own, _rehearsed(model, share, len(own), pipeline, plan), share) if share else own
        return cls(_tensors(model, plan), model.labels, data)


def _share(plan: TrainPlan, default: float) -> float:
    """Return the share of what is learnt from that the model makes. Raises UsageError where it is none."""
    share = plan.order.rehearse if plan.order.rehearse is not None else default
    if not 0 <= share < 1:
        raise UsageError(f"a share of {share:g} cannot be rehearsed", hint="give 0 or more, and less than 1")
    return share


def _with_rehearsed_texts(own: TextData, model: Model, plan: TrainPlan, pipeline: Pipeline) -> Examples:
    """Return one's own texts, and as many of the model's as are to be rehearsed; its labels must be known to it."""
    if not set(own.label_names) <= set(model.labels):
        raise UsageError(
            f"{model.name} knows the labels {', '.join(model.labels) or '(none)'}, "
            f"and the data has {', '.join(own.label_names)}",
            hint="train a model of one's own: leave --from out",
        )
    if model.labels and own.labels is None:
        raise UsageError(f"{model.name} is told labels, and the data has none", hint="add a column label")
    if own.labels is not None:
        places = np.array([model.labels.index(name) for name in own.label_names])
        own = replace(own, labels=places[own.labels], label_names=model.labels)
    share = _share(plan, 0.0)
    if not share:
        return examples_of(plan, own)
    if own.sources is not None or own.labels is not None:
        raise UsageError("pairs and labelled texts cannot be rehearsed", hint="leave --rehearse out")
    n = max(REHEARSED, math.ceil(share / (1 - share) * len(own)))
    made = [str(artifact.content) for artifact in make(pipeline, "text", model.folder, n, plan.options.seed)]
    if not made:
        raise UsageError(f"moderation lets none of {model.name}'s own texts pass", hint="set --rehearse 0")
    times = max(1, round(len(made) * (1 - share) / share / len(own)))
    return examples_of(plan, TextData([*list(own.texts) * times, *made]))


def _labelled(pictures: Pictures, labels: tuple[str, ...], name: str) -> Pictures:
    """Return the pictures with labels that follow the model's; without classes they all get one, called `name`."""
    if not labels:
        return Pictures(pictures.pixels)
    if pictures.labels is None:
        names = (*labels, name) if name not in labels else labels
        return Pictures(pictures.pixels, np.full(len(pictures), names.index(name)), names)
    names = (*labels, *(label for label in pictures.label_names if label not in labels))
    places = np.array([names.index(label) for label in pictures.label_names])
    return Pictures(pictures.pixels, places[pictures.labels], names)


def _rehearsed(model: Model, share: float, count: int, pipeline: Pipeline, plan: TrainPlan) -> Pictures:
    """Let the model make pictures of all its labels, the way anybody would."""
    n = max(REHEARSED, math.ceil(share / (1 - share) * count))
    artifacts = make(pipeline, model.manifest.modality, model.folder, n, plan.options.seed)
    if not artifacts:
        raise UsageError(f"moderation lets none of {model.name}'s own pictures pass", hint="set --rehearse 0")
    pixels = np.stack([_pixels(artifact.content) for artifact in artifacts])
    if not model.labels:
        return Pictures(pixels)
    labels = [model.labels.index(artifact.recipe["condition"]["value"]) for artifact in artifacts]
    return Pictures(pixels, np.array(labels), model.labels)


def _pixels(content: Content) -> NDArray[np.uint8]:
    array = np.asarray(content)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _joined(own: Pictures, rehearsed: Pictures, share: float) -> Pictures:
    """Repeat one's own pictures until what is rehearsed has its share."""
    times = max(1, round(len(rehearsed) * (1 - share) / share / len(own)))
    pixels = np.concatenate([*[own.pixels] * times, rehearsed.pixels])
    if own.labels is None or rehearsed.labels is None:
        return Pictures(pixels)
    return Pictures(pixels, np.concatenate([*[own.labels] * times, rehearsed.labels]), own.label_names)


def _tensors(model: Model, plan: TrainPlan) -> dict[str, Tensor]:
    """Return the model's weights, and those of networks that only its own training knows, where it is still there."""
    stored: Mapping[str, Tensor] = model.tensors("float32")
    if isinstance(plan.component, Restores):
        stored = plan.component.restored(stored)
    tensors = {key: value for key, value in stored.items() if not key.startswith("sampler.")}
    checkpoint = Checkpoints.read_from(model.folder / "training" / "checkpoints")
    if checkpoint is not None:
        networks = {key.partition(".")[0] for key in tensors}
        for key, value in checkpoint.tensors.items():
            kind, _, rest = key.partition("/")
            network, _, parameter = rest.partition("/")
            if kind == "network" and network not in networks:
                tensors[f"{network}.{parameter}"] = value
    return tensors


def start_from(base: Base, training: Training, freeze: Sequence[str]) -> None:
    """Put the model's weights into a training that has not begun, and hold what is to stay.

    Rows of new labels start as the mean of the old ones.

    Raises:
        UsageError: a pattern of `freeze` names no parameter, or they name all.
    """
    anew = set()
    for name, network in training.networks.items():
        own = network.state_dict()
        found = {key: base.tensors[f"{name}.{key}"] for key in own if f"{name}.{key}" in base.tensors}
        if not found:
            anew.add(name)
            continue
        network.load_state_dict(
            {key: _grown(found[key], value) if key in found else value for key, value in own.items()}
        )
    _freeze(training, freeze)
    training.prepare()
    if anew:
        training.hold(training.networks.keys() - anew, HELD)


def _grown(old: Tensor, wanted: Tensor) -> Tensor:
    """Return `old` with as many rows as `wanted`; those added are the mean of the others."""
    missing = len(wanted) - len(old) if wanted.ndim and wanted.shape[1:] == old.shape[1:] else 0
    if missing <= 0:
        return old
    mean = old.float().mean(dim=0, keepdim=True).to(old.dtype)
    return torch.cat([old, mean.expand(missing, *old.shape[1:])])


def _freeze(training: Training, patterns: Sequence[str]) -> None:
    names = {
        f"{network}.{name}": parameter
        for network, module in training.networks.items()
        for name, parameter in module.named_parameters()
    }
    for pattern in patterns:
        matching = [parameter for name, parameter in names.items() if fnmatchcase(name, pattern)]
        if not matching:
            close = near_miss(pattern, names)
            raise UsageError(
                f"--freeze {pattern!r} matches no parameter",
                hint=f"did you mean {close!r}?" if close else f"for example: --freeze '{next(iter(names))}'",
            )
        for parameter in matching:
            parameter.requires_grad_(False)
    for phase in training.component.phases:
        if not any(p.requires_grad for name in phase.networks for p in training.networks[name].parameters()):
            raise UsageError(f"--freeze leaves nothing to learn in phase {phase.name!r}", hint="freeze less")
