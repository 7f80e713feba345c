"""What a recipe from an untrusted file may look like. Imported when one is read: pydantic is not cheap."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from aigc_core.randomness import SEED_LIMIT

MAX_CANDIDATES = 10_000
MAX_MICRO_BATCH = 4_096


def _no_path(name: str) -> str:
    """Let ``resize``, ``image/gan`` and ``my model v1.2`` pass; refuse what could name a file elsewhere."""
    parts = name.split("/")
    if len(parts) > 2 or any(part in ("", ".") or part != part.strip() for part in parts):
        raise ValueError("must be a name such as 'resize' or 'image/gan', not a path")
    if ".." in name or "\\" in name or ":" in name or name.startswith("~"):
        raise ValueError("looks like a path, and a recipe names none")
    if not name.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_path)]
Version = Annotated[str, Field(max_length=100)]
Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
Seed = Annotated[int, Field(ge=0, lt=SEED_LIMIT)]
Values = Annotated[dict[Annotated[str, Field(max_length=200)], JsonValue], Field(max_length=1_000)]


class _Strict(BaseModel):
    # A field called `model` is no namespace of pydantic's here.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Component(_Strict):
    """Which code: its name, and the plugin and version that brought it."""

    name: Name
    plugin: Name
    version: Version


class Condition(_Strict):
    """What steered the generator."""

    kind: Literal["none", "label", "vector", "prefix", "source"]
    value: JsonValue
    drawn: bool


class Model(_Strict):
    """Which weights, by the digests of their files."""

    name: Name
    files: Annotated[dict[Name, Sha256], Field(max_length=1_000)]
    precision: Annotated[str, Field(max_length=32, pattern=r"\A[a-z0-9_]+\z")]
    micro_batch: Annotated[int, Field(ge=1, le=MAX_MICRO_BATCH)]


class Step(_Strict):
    """A pre- or postprocessor, its options, and what it chose."""

    step: Name
    plugin: Name
    version: Version
    options: Values
    record: Values


class Selection(_Strict):
    """Which of several candidates was kept, and by whom."""

    selector: Name
    plugin: Name
    version: Version
    options: Values
    record: Values
    candidates: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)]
    kept: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _kept_is_a_candidate(self) -> Selection:
        if self.kept >= self.candidates:
            raise ValueError(f"kept {self.kept} is not one of {self.candidates} candidates")
        return self


class Moderation(_Strict):
    """Under which policy and filters it passed."""

    policy: Sha256
    filters: Annotated[list[Component], Field(max_length=1_000)]
    verdict: Literal["allow", "flag", "redact", "block"]


class Between(_Strict):
    """Where on the way from one seed to another an interpolated item lies."""

    a: Seed
    b: Seed
    t: Annotated[float, Field(ge=0, le=1)]


#: What a recipe says of where its item lies, by format.
_ORIGINS = {1: {"seed"}, 2: {"noise"}, 3: {"seed", "between"}}


class Recipe(_Strict):
    """All that is needed to make one artifact again.

    Format 2 has ``noise`` instead of ``seed``; format 3 has ``between`` as well: the place between two inputs.
    """

    format: Literal[1, 2, 3]
    modality: Name
    seed: Seed | None = None
    noise: Between | None = None
    between: Annotated[float, Field(ge=0, le=1)] | None = None
    prompt: Annotated[str, Field(max_length=200_000)] | None
    inputs: Annotated[dict[Name, Sha256], Field(max_length=100)]
    options: Values
    condition: Condition
    generator: Component
    model: Model | None
    pre: Annotated[list[Step], Field(max_length=100)]
    post: Annotated[list[Step], Field(max_length=100)]
    selection: Selection | None
    moderation: Moderation

    @model_validator(mode="after")
    def _says_where_it_lies(self) -> Recipe:
        for name in ("seed", "noise", "between"):
            wanted = name in _ORIGINS[self.format]
            if wanted and getattr(self, name) is None:
                raise ValueError(f"format {self.format} has to say its {name}")
            if not wanted and name in self.model_fields_set:
                raise ValueError(f"format {self.format} has no {name}")
        if self.format == 3 and not {"like", "towards"} <= set(self.inputs):
            raise ValueError("format 3 lies between the inputs like and towards")
        return self


class EnvelopeSchema(_Strict):
    """A recipe with what stands beside it."""

    recipe: Recipe
    recipe_id: Sha256
    digest: Sha256
    environment: Annotated[
        dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=500)]],
        Field(max_length=50),
    ]


class SheetItem(_Strict):
    """One picture of a contact sheet."""

    id: Sha256 | None
    seed: Seed | None = None
    noise: Between | None = None

    @model_validator(mode="after")
    def _seed_or_noise(self) -> SheetItem:
        if (self.seed is None) == (self.noise is None):
            raise ValueError("has to have either a seed or noise")
        return self


class Sheet(_Strict):
    """The pictures of a contact sheet, row by row."""

    items: Annotated[list[SheetItem], Field(max_length=100_000)]


class Sidecar(_Strict):
    """What stands beside a text file: the same keywords as in a PNG, and the labels."""

    aigc: JsonValue = None
    aigc_id: Annotated[Sha256 | None, Field(alias="aigc-id")] = None
    parameters: str | None = None
    labels: dict[str, dict[str, str]] = Field(default_factory=dict)
