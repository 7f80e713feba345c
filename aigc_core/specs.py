"""What plugins declare: small frozen records that cost nothing to list.

A spec names its code either by the object itself or by an import string, ``"package.module:name.attribute"``,
which is imported when the component is first used. Listing everything that is installed imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_core.content import empty
from aigc_core.errors import PluginError
from aigc_core.protocols import OptionsClass

Reference = str | Callable[..., Any]

#: `family/kind`, or a plain word for steps and filters; third parties put their own name first.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)?")


def _check_name(spec: str, name: str) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"{spec} has the name {name!r}", hint="names are lower case words, or two joined as 'family/kind'"
        )


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the user allows an adopting component to do with a checkpoint of somebody else's.

    Attributes:
        download: fetch one that is named and not here.
        pickle: load weights that are pickles: reading one may run any program.
    """

    download: bool = False
    pickle: bool = False


@dataclass(frozen=True, slots=True)
class Adopted:
    """A checkpoint that was made elsewhere and has no ``aigc.json``: what would stand in it.

    Attributes:
        folder: where its files lie.
        name: of the model, e.g. ``"SmolLM2"`` or ``"acme/SmolLM2"``; no path.
        files: names, relative to `folder`, of those that decide what it makes; the core hashes them.
        shape: of one example; ``(T,)`` for texts of at most T tokens.
        prompt: ``"none"``, ``"optional"`` or ``"required"``.
        precision: that it is loaded in if nothing is said.
        micro_batch: every call has exactly so many items.
        licence: SPDX identifier, or ``"unknown"``.
    """

    folder: Path
    name: str
    files: tuple[str, ...]
    shape: tuple[int, ...] = ()
    prompt: str = "none"
    precision: str = "float32"
    micro_batch: int = 1
    licence: str = "unknown"


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """An algorithm that makes content.

    Attributes:
        name: ``family/kind``, e.g. ``"image/gan"``.
        modality: of what it makes.
        factory: called with a verified model (``LoadedModel``), or with None, gives a ``Generator``.
        options: pydantic class of what ``--set`` takes; None: it takes nothing.
        conditions: what it can be steered by, of ``none``, ``label``, ``vector``, ``prefix``, ``source``.
        inputs: name → modality of each piece of content it can work from; ``like`` is one that it makes variations of.
        needs_model: False for a generator that works without weights and may be named instead of a model.
        prompt: ``"none"``, ``"optional"`` or ``"required"``; for one that needs a model, the model's own spec rules.
        trainable: class with the training contract (``aigc_core.Trainable``), or None.
        adopts: called with what the user wrote for a model where that is no model folder and no known name, and with
            `Permissions`; gives an `Adopted`, or None where it is nothing for this component. Must be quick.
        summary: one line for lists.
    """

    name: str
    modality: str
    factory: Reference
    options: str | OptionsClass | None = None
    conditions: tuple[str, ...] = ("none",)
    inputs: Mapping[str, str] = field(default_factory=empty, hash=False)
    needs_model: bool = True
    prompt: str = "none"
    trainable: Reference | None = None
    adopts: Reference | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a generator", self.name)
        _check_choice(self.name, "prompt", self.prompt, PROMPTS)
        for condition in self.conditions:
            _check_choice(self.name, "condition", condition, CONDITIONS)


@dataclass(frozen=True, slots=True)
class DefaultFor:
    """When a model is taken without being named.

    Attributes:
        modality: of what is asked for.
        given: what came with the request: ``"nothing"``, ``"prompt"``, ``"like"`` (make variations of this) or
            ``"input"`` (make something else of this).
        language: two letters of the prompt's language, or None for any.
    """

    modality: str
    given: str = "nothing"
    language: str | None = None

    def __post_init__(self) -> None:
        _check_choice("default_for", "given", self.given, ("nothing", "prompt", "like", "input"))


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Trained weights that a plugin brings along.

    Attributes:
        name: e.g. ``"digits-gan"``.
        component: the generator or embedder it is for.
        where: folder as ``"package:relative/path"``, or an absolute path.
        sha256: hex digest of the folder's ``aigc.json``, which holds the digests of the other files.
        licence: SPDX identifier of the weights.
        languages: two-letter codes of the prompts it understands.
        prompt: ``"none"``, ``"optional"`` or ``"required"``.
        default_for: when it is taken without being named.
        summary: one line for lists.
    """

    name: str
    component: str
    where: str | Path
    sha256: str
    licence: str = "unknown"
    languages: tuple[str, ...] = ()
    prompt: str = "none"
    default_for: frozenset[DefaultFor] = frozenset()
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a model", self.name)
        _check_choice(self.name, "prompt", self.prompt, PROMPTS)


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A preprocessor or postprocessor: content in, content of the same type out.

    Attributes:
        name: e.g. ``"resize"``.
        modality: of the content it takes; a preprocessor of prompts takes ``"text"``.
        step: called with ``(content, context)``.
        options: pydantic class of ``"resize size=128"``, or None.
        priority: smaller goes first where the user gave no order.
        summary: one line for lists.
    """

    name: str
    modality: str
    step: Reference
    options: str | OptionsClass | None = None
    priority: int = 0
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a step", self.name)


@dataclass(frozen=True, slots=True)
class SelectorSpec:
    """Keeps one of several candidates: called with ``(request, candidates, context)``, gives an index.

    Attributes: as of StepSpec, and:
        modality: of what it chooses among; None takes any.
        default_for: when it is taken without being named, where candidates are asked for.
    """

    name: str
    selector: Reference
    modality: str | None = None
    options: str | OptionsClass | None = None
    default_for: frozenset[DefaultFor] = frozenset()
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a selector", self.name)


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """A moderation filter: called with ``(content, context)``, gives findings.

    Attributes:
        name: e.g. ``"wordlist"``.
        modality: of the content it looks at: ``"text"``, ``"image"``, …
        check: called with ``(content, context)``; content is a copy.
        options: pydantic class of ``[filters.NAME]`` in ``aigc.toml``, or None.
        stages: where it looks, of ``"request"`` and ``"artifact"``.
        timeout: seconds after which it counts as failed.
        priority: smaller goes first where the user gave no order.
        window: how many characters at the end of an unfinished text it cannot judge yet, as a number, or as a function
            of that text and the filter's options: nothing it finds, with the neighbours that decide it, is longer.
            Streamed text is held back by so much. None: it needs the whole, and text leaves only when whole.
        summary: one line for lists.
    """

    name: str
    modality: str
    check: Reference
    options: str | OptionsClass | None = None
    stages: tuple[str, ...] = ("request", "artifact")
    timeout: float = 30.0
    priority: int = 0
    window: int | Reference | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a filter", self.name)
        if isinstance(self.window, int) and self.window < 0:
            raise PluginError(f"{self.name}: window {self.window} is negative", hint="0: each character by itself")
        for stage in self.stages:
            _check_choice(self.name, "stage", stage, ("request", "artifact"))


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """Something that maps content into a vector space: what metrics look through.

    Attributes:
        name: of an embedder that works without a model, e.g. ``"random-conv"``, or ``family/kind`` of one that
            needs one, e.g. ``"image/classifier"``.
        modality: of what it looks at.
        also: further modalities that it maps into the same space.
        factory: called with a verified model (``LoadedModel``) or None, and its options or None; gives an
            ``Embedder``.
        options: pydantic class of ``"random-conv width=32"``, or None.
        needs_model: True for one that is of use only through a model of its own.
        trainable: class with the training contract (``aigc_core.Trainable``), or None.
        requires: packages that must be importable; without them it is listed and says what to install.
        adopts: as of GeneratorSpec.
        default_for: says of the shape of one example whether it may be taken when nobody names one; None: never.
        priority: smaller is taken first where several may be.
        summary: one line for lists.
    """

    name: str
    modality: str
    factory: Reference
    options: str | OptionsClass | None = None
    needs_model: bool = False
    also: tuple[str, ...] = ()
    trainable: Reference | None = None
    adopts: Reference | None = None
    requires: tuple[str, ...] = ()
    default_for: Callable[[Sequence[int]], bool] | None = None
    priority: int = 0
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("an embedder", self.name)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A number about a model, or several that are worked out together.

    Attributes:
        name: e.g. ``"frechet"``.
        metric: called with ``(evidence, options)``, gives an iterable of ``Measured``.
        modality: of the content it is about; None takes any.
        needs: what it looks at, of `NEEDS`; it is left out, with the reason, where something is missing.
        options: pydantic class of ``"kid subsets=50"``, or None.
        version: raised whenever it would give another number for the same content.
        default: whether it is worked out when nobody names a metric.
        summary: one line for lists.
    """

    name: str
    metric: Reference
    modality: str | None = None
    needs: tuple[str, ...] = ()
    options: str | OptionsClass | None = None
    version: int = 1
    default: bool = True
    summary: str = ""

    def __post_init__(self) -> None:
        _check_name("a metric", self.name)
        for need in self.needs:
            _check_choice(self.name, "need", need, NEEDS)


#: What a metric may look at: what the model made; real examples that it did not learn from, and those that it did;
#: vectors and class probabilities of an embedder; the labels that things were made for; a component that can encode,
#: or that bounds likelihoods; the prompts that things were made of. A metric of ``pairs`` is about an embedder, and is
#: handed a ``PairEvidence``.
NEEDS = (
    "generated",
    "reference",
    "training",
    "features",
    "probabilities",
    "labels",
    "encodes",
    "likelihood",
    "prompts",
    "pairs",
)
PROMPTS = ("none", "optional", "required")
CONDITIONS = ("none", "label", "vector", "prefix", "source")
Spec = GeneratorSpec | ModelSpec | StepSpec | SelectorSpec | FilterSpec | EmbedderSpec | MetricSpec


def _check_choice(owner: str, what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise PluginError(f"{owner}: {what} {value!r} is not known", hint=f"one of: {', '.join(allowed)}")
