"""What can be set. Each field's description is its documentation; ``docs/configuration.md`` lists them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Metadata = Literal["full", "params", "id", "none"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GenerateSection(_Section):
    """``[generate]``: how artifacts are made and written."""

    output: str = Field("aigc-output", description="folder that pictures and texts are written to")
    metadata: Metadata = Field("full", description="what a file carries: full, params, id or none")
    labels: tuple[Literal["iptc"], ...] = Field(("iptc",), description="label profiles to write into files")
    on_error: Literal["abort", "skip"] = Field("abort", description="a step that fails: fail its item, or skip it")


class PipelineSection(_Section):
    """``[pipeline.MODALITY]``: steps that always run for this modality, in this order."""

    pre: tuple[str, ...] = Field((), description='preprocessors, e.g. ["clean"]')
    post: tuple[str, ...] = Field((), description='postprocessors, e.g. ["resize size=128", "sharpen"]')


class ModerationSection(_Section):
    """``[moderation]``: which filters run."""

    filters: tuple[str, ...] = Field(
        (),
        description="filters that must be there, and go first in this order; all others installed run after them",
    )
    skip: tuple[str, ...] = Field((), description="filters that do not run")


class PluginsSection(_Section):
    """``[plugins]``: what is loaded."""

    load: tuple[str, ...] = Field((), description="one-file plugins to load")
    disable: tuple[str, ...] = Field((), description="plugins that are not to be imported")
    safe: bool = Field(False, description="load nothing but the built-in plugins")


class ModelsSection(_Section):
    """``[models]``: where model folders lie, and what may be done to get at others."""

    path: tuple[str, ...] = Field((), description="folders that hold model folders; default: the user's data folder")
    download: bool = Field(False, description="fetch a checkpoint that is named and not here from the Hugging Face hub")
    allow_pickle: bool = Field(False, description="load checkpoints that are pickles: reading one may run any program")


class RunsSection(_Section):
    """``[runs]``: the ledger."""

    ledger: str = Field("", description="SQLite file of the run ledger; default: in the user's data folder")


class Config(_Section):
    """All settings. ``defaults`` maps a modality to the model it takes, ``filters`` a filter to its options."""

    defaults: dict[str, str] = Field(default_factory=dict, description="model of a modality, e.g. image = 'digits-gan'")
    generate: GenerateSection = GenerateSection()
    pipeline: dict[str, PipelineSection] = Field(default_factory=dict)
    moderation: ModerationSection = ModerationSection()
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict, description="options of filters")
    plugins: PluginsSection = PluginsSection()
    models: ModelsSection = ModelsSection()
    runs: RunsSection = RunsSection()

    @property
    def model_path(self) -> tuple[Path, ...]:
        """Folders that hold the user's model folders."""
        return tuple(Path(part).expanduser() for part in self.models.path) or (data_folder() / "models",)

    @property
    def ledger_path(self) -> Path:
        """The ledger's SQLite file."""
        return Path(self.runs.ledger).expanduser() if self.runs.ledger else data_folder() / "runs.sqlite"


def data_folder() -> Path:
    """Return the user's data folder for aigc; nothing is created."""
    from platformdirs import user_data_path

    return user_data_path("aigc", appauthor=False)
