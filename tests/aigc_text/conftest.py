"""What the small language models here learn from: Chinese quatrains, and verses of the King James Bible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core import Condition, Item, Noise, TextData, TrainingOptions, save_model, train
from aigc_core.content import EMPTY
from aigc_core.models import open_folder

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Train and write on one thread."""


def _lines(name: str) -> tuple[str, ...]:
    return tuple((FIXTURES / name).read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="session")
def quatrains() -> tuple[str, ...]:
    """Two hundred Chinese quatrains, a line each."""
    return _lines("quatrains-200.txt")


@pytest.fixture(scope="session")
def verses() -> tuple[str, ...]:
    """Three hundred verses of the King James Bible."""
    return _lines("verses-300.txt")


@pytest.fixture(scope="session")
def learn(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return what trains a small language model on texts, saves it and loads it again."""
    from aigc_text.rnn.generator import Rnn
    from aigc_text.rnn.options import RnnConfig

    def made(texts: TextData, steps: int = 150, **settings: Any) -> Any:
        config = RnnConfig(**{"hidden": 48, "embedding": 24, **settings})
        examples = Rnn.examples(config, texts)
        options = TrainingOptions(
            steps=steps, batch=16, lr=1e-2, clip=1.0, ema_images=0, threads=1, precision="float32"
        )
        trained = train(Rnn, config, examples, options)
        shape = examples.described
        folder = save_model(
            tmp_path_factory.mktemp("model"),
            name="small",
            component="text/rnn",
            modality="text",
            options=trained.options,
            shape=shape.shape,
            labels=shape.labels,
            vector=shape.vector,
            tensors=trained.tensors,
            files={**shape.files, **Rnn(config, shape).files()},
            card="# Small",
        )
        return Rnn.from_model(open_folder(folder))

    return made


@pytest.fixture(scope="session")
def poet(quatrains: tuple[str, ...], learn: Callable[..., Any]) -> Any:
    """A model that has read the quatrains a few times, character by character."""
    return learn(TextData(quatrains))


@pytest.fixture(scope="session")
def preacher(verses: tuple[str, ...], learn: Callable[..., Any]) -> Any:
    """A model that has read the verses a few times, in byte pairs."""
    return learn(TextData(verses), vocabulary=400)


@pytest.fixture(scope="session")
def items() -> Callable[..., list[Item]]:
    """Return items with seeds one after the other."""
    from aigc_text.rnn.options import RnnOptions

    def make(
        n: int = 1,
        prompt: str | None = None,
        *,
        seed: int = 0,
        condition: Condition | None = None,
        streamed: bool = False,
        **options: Any,
    ) -> list[Item]:
        asked = RnnOptions(**options)
        return [
            Item(prompt, EMPTY, condition or Condition(), asked, Noise(seed + place, "generate/0"), streamed=streamed)
            for place in range(n)
        ]

    return make


@pytest.fixture(scope="session")
def write() -> Callable[[Any, list[Item]], list[str]]:
    """Return the texts that a component writes for items, in their order."""
    from aigc_core import Final

    def texts(component: Any, items: list[Item]) -> list[str]:
        finals = [made for made in component.generate(items) if isinstance(made, Final)]
        return [str(final.content) for final in sorted(finals, key=lambda final: final.index)]

    return texts
