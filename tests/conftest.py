"""Every test starts in an empty folder, with data and configuration folders of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aigc_core import Pictures

PLUGINS = Path(__file__).parent / "plugins"

if find_spec("hypothesis"):  # the acceptance tests run without it
    from hypothesis import settings

    # How long an example takes says nothing of whether it is right, and much of what else the machine does.
    settings.register_profile("patient", parent=settings(), deadline=None)
    settings.load_profile("patient")


@pytest.fixture(autouse=True)
def fresh_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new user on a new machine."""
    place = tmp_path_factory.mktemp("user")
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(place / "home" / variable.lower()))
    work = place / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def studio() -> Path:
    """A one-file plugin with a generator, steps, selectors and filters that misbehave on request."""
    return PLUGINS / "studio.py"


@pytest.fixture
def pipeline(studio: Path) -> Callable:
    """Open a pipeline with the studio plugin, after writing ``aigc.toml`` if given."""
    from aigc_core import Pipeline

    def open_pipeline(toml: str = "") -> Pipeline:
        if toml:
            Path("aigc.toml").write_text(toml, encoding="utf-8")
        return Pipeline(plugins=[studio])

    return open_pipeline


@pytest.fixture
def model_without_weights() -> Callable[..., Path]:
    """Write the folder of a model that has no weights of its own, for a generator that needs none."""
    import json

    def write(name: str, component: str, modality: str = "text", **fields: object) -> Path:
        manifest = {"name": name, "component": component, "modality": modality, "options": {}, "shape": [], "files": {}}
        folder = Path(name)
        folder.mkdir()
        (folder / "aigc.json").write_text(json.dumps({**manifest, **fields}), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks as small as the tests' are slower on two threads, and much slower where other work runs beside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> Pictures:
    """Twenty MNIST digits of each label."""
    import numpy as np

    from aigc_core import Pictures

    with np.load(Path(__file__).parent / "fixtures" / "mnist-200.npz") as arrays:
        return Pictures(arrays["pixels"], arrays["labels"], tuple("0123456789"))


class FakeSite:
    """Installs plugins as pip would leave them, each into a folder of its own.

    Only what is put on ``sys.path`` or ``PYTHONPATH`` counts as installed, and its order is that of installation.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path: list[str] = []

    def install(
        self,
        name: str,
        code: str,
        *,
        distribution: str | None = None,
        version: str = "1.0",
        requires: Sequence[str] = (),
        attribute: str = "",
    ) -> str:
        """Install `code` as the plugin `name`, and return its folder."""
        distribution = distribution or f"aigc-plugin-{name}"
        module = distribution.replace("-", "_")
        folder = self.root / distribution
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}")
        points_at = f"{module}:{attribute}" if attribute else module
        (info / "entry_points.txt").write_text(f"[aigc]\n{name} = {points_at}\n")
        (folder / f"{module}.py").write_text(dedent(code), encoding="utf-8")
        self.path.append(str(folder))
        return str(folder)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> FakeSite:
    """A place to install plugins into."""
    return FakeSite(tmp_path_factory.mktemp("site"))
