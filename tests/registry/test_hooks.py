"""Every hook: documented, with an example that works as it stands, and with a test of its own below.

A test is named after its hook; `test_every_hook_has_a_test` counts them. Each loads the example of the hook's
docstring as a one-file plugin and uses it as a user would.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from textwrap import dedent

import pytest
from PIL import Image, ImageOps

from aigc_core import Action, DefaultFor, ModelError, Pipeline, PluginError, hookspecs, save_model, train_model
from aigc_core.pipeline import Order

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "plugins.md"

HOOKS = {
    name: function
    for group in (hookspecs.Declarations, hookspecs.Watching)
    for name, function in vars(group).items()
    if name.startswith("aigc_")
}


def example(hook: str) -> str:
    """Return the code in the docstring of `hook`."""
    text = inspect.getdoc(HOOKS[hook]) or ""
    return dedent(text.partition("Example::")[2])


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_says_its_order_its_failure_rule_and_gives_an_example(hook):
    text = inspect.getdoc(HOOKS[hook]) or ""
    assert re.search(r"^Order\b", text, re.MULTILINE), "says when its implementations run"
    assert re.search(r"\b[Ff]ailure\b", text), "says what becomes of one that fails"
    compile(example(hook), hook, "exec")
    assert f"def {hook}(" in example(hook)
    assert len(example(hook).strip().splitlines()) <= 15


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_documented(hook):
    assert hook in DOCUMENTATION.read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test(hook):
    assert callable(globals().get(f"test_{hook}"))


def test_every_hook_of_pluggys_is_ours():
    """Nothing is a hook that this module does not count."""
    marked = {
        name
        for group in (hookspecs.Declarations, hookspecs.Watching)
        for name in dir(group)
        if hasattr(getattr(group, name), "aigc_spec")
    }
    assert marked == set(HOOKS)


@pytest.fixture
def open_pipeline(tmp_path):
    """Open a pipeline with the examples of `hooks`, and with a generator to use them on."""

    def open_it(*hooks: str) -> Pipeline:
        plugins = []
        for hook in dict.fromkeys(("aigc_generators", *hooks)):
            path = tmp_path / f"{hook}_example.py"
            path.write_text(example(hook), encoding="utf-8")
            plugins.append(path)
        return Pipeline(plugins=plugins)

    return open_it


@pytest.fixture
def taking_prompts(tmp_path):
    """A generator that takes a prompt, since that of the example does not."""
    path = tmp_path / "prompted.py"
    path.write_text(
        example("aigc_generators")
        .replace("acme/noise", "acme/prompted")
        .replace("needs_model=False", 'needs_model=False, prompt="optional"')
    )
    return path


def test_aigc_generators(open_pipeline):
    result = open_pipeline().generate("image", n=2, seed=7, model="acme/noise")
    assert [artifact.content.size for artifact in result.artifacts] == [(64, 64), (64, 64)]
    assert result[0].digest != result[1].digest


def test_aigc_models(open_pipeline, tmp_path, monkeypatch):
    pipeline = open_pipeline("aigc_models")
    entry = pipeline.registry.models["acme-cats"]
    assert (entry.spec.component, entry.plugin.name) == ("image/gan", "aigc_models_example")
    with pytest.raises(PluginError, match="no package 'acme_aigc'"):
        pipeline.plan(Order("image", model="acme-cats"))
    # Its package is installed now, and what it holds is not what the plugin's sha256 says.
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "acme_aigc").mkdir()
    (tmp_path / "acme_aigc" / "__init__.py").touch()
    save_model(
        tmp_path / "acme_aigc" / "models" / "acme-cats",
        name="acme-cats",
        component="image/gan",
        modality="image",
        options={},
        shape=(1, 8, 8),
        tensors={},
        card="# Cats",
    )
    with pytest.raises(ModelError, match="does not have the sha256 that its plugin names"):
        pipeline.plan(Order("image", model="acme-cats"))


def test_aigc_preprocessors(open_pipeline, taking_prompts, tmp_path):
    path = tmp_path / "shout.py"
    path.write_text(example("aigc_preprocessors"))
    result = Pipeline(plugins=[path, taking_prompts]).generate("image", "a cat", model="acme/prompted", pre=["shout"])
    recipe = result[0].recipe
    assert recipe["prompt"] == "A CAT"
    assert [step["step"] for step in recipe["pre"]] == ["shout"]


def test_aigc_postprocessors(open_pipeline):
    pipeline = open_pipeline("aigc_postprocessors")
    (plain,) = pipeline.generate("image", seed=7, model="acme/noise").artifacts
    (mirrored,) = pipeline.generate("image", seed=7, model="acme/noise", post=["mirror"]).artifacts
    assert mirrored.content.tobytes() == ImageOps.mirror(plain.content).tobytes()


def test_aigc_selectors(open_pipeline):
    pipeline = open_pipeline("aigc_selectors")
    result = pipeline.generate("image", n=8, seed=7, model="acme/noise", candidates=5, select="acme/darkest")
    assert len({artifact.recipe["selection"]["kept"] for artifact in result.artifacts}) > 1
    anyone = pipeline.generate("image", n=8, seed=7, model="acme/noise")

    def mean(picture: Image.Image) -> float:
        return sum(picture.tobytes()) / (picture.width * picture.height)

    pairs = [
        (mean(kept.content), mean(first.content))
        for kept, first in zip(result.artifacts, anyone.artifacts, strict=True)
    ]
    assert all(kept <= first for kept, first in pairs), "candidate 0 is what there is without candidates"
    assert any(kept < first for kept, first in pairs)


def test_aigc_filters(taking_prompts, tmp_path):
    path = tmp_path / "no_cats.py"
    path.write_text(example("aigc_filters"))
    pipeline = Pipeline(plugins=[path, taking_prompts])
    (blocked,) = pipeline.generate("image", "a Cat on a mat", model="acme/prompted").blocked
    assert blocked.verdict.action is Action.BLOCK
    assert blocked.verdict.cause == "no-cats"
    assert blocked.verdict.findings[0].finding.span == (2, 5)
    assert pipeline.generate("image", "a dog on a mat", model="acme/prompted").artifacts


def test_aigc_embedders(open_pipeline):
    from aigc_core import evaluate

    pipeline = open_pipeline("aigc_embedders")
    evaluation = evaluate(
        "acme/noise", n=20, metrics=["diversity"], embedders=["acme/colour"], resamples=5, pipeline=pipeline
    )
    (measured,) = evaluation.measurements
    assert measured.name == "pairwise distance(acme/colour)"
    assert measured.extractor.space_id.startswith("acme/colour@")
    assert 0 < measured.value < 10, "mean colours of noise differ little"


def test_aigc_metrics(open_pipeline):
    from aigc_core import evaluate

    (measured,) = evaluate(
        "acme/noise", n=20, metrics=["acme/brightness"], pipeline=open_pipeline("aigc_metrics")
    ).measurements
    assert (measured.name, measured.n) == ("brightness", 20)
    assert 0.45 < measured.value < 0.55


def test_aigc_run_started(open_pipeline, capfd):
    result = open_pipeline("aigc_run_started").generate("image", n=3, model="acme/noise")
    assert f"{result.run}: 3 × acme/noise" in said(capfd)


def test_aigc_artifact_created(open_pipeline, capfd, tmp_path):
    result = open_pipeline("aigc_artifact_created").generate(
        "image", seed=5, model="acme/noise", output=tmp_path / "out"
    )
    assert f"{result[0].digest} {tmp_path / 'out' / 'acme-noise-5.png'}" in said(capfd)


def test_aigc_artifact_blocked(taking_prompts, tmp_path, capfd):
    paths = [taking_prompts]
    for hook in ("aigc_filters", "aigc_artifact_blocked"):
        paths.append(tmp_path / f"{hook}.py")
        paths[-1].write_text(example(hook))
    Pipeline(plugins=paths).generate("image", "a cat", model="acme/prompted")
    assert "no-cats ('no-cats: speaks of cats',)" in said(capfd)


def test_aigc_run_finished(open_pipeline, capfd):
    open_pipeline("aigc_run_finished").generate("image", n=3, model="acme/noise")
    assert "3 made, 0 blocked, 0 failed" in said(capfd)


def test_aigc_run_failed(open_pipeline, tmp_path, capfd):
    path = tmp_path / "sick.py"
    path.write_text(
        example("aigc_generators")
        .replace("acme/noise", "acme/sick")
        .replace("from PIL import Image", "raise ValueError('ill')")
    )
    watcher = tmp_path / "watcher.py"
    watcher.write_text(example("aigc_run_failed"))
    with pytest.raises(PluginError):
        Pipeline(plugins=[path, watcher]).generate("image", model="acme/sick")
    assert "ValueError: ill" in said(capfd)

    # The consumer stops listening: the run was interrupted.
    pipeline = open_pipeline("aigc_run_failed")
    events = pipeline.stream(pipeline.plan(Order("image", n=9, model="acme/noise")))
    next(iter(events))
    events.close()
    assert said(capfd).strip() == "interrupted"


def test_aigc_training_logged(tmp_path, capfd):
    watcher = tmp_path / "watcher.py"
    watcher.write_text(example("aigc_training_logged"))
    small = {"architecture": "mlp", "hidden": 8, "latent_dim": 2, "components": 2, "batch": 8, "log_every": 5}
    train_model(
        "image/vae",
        Path(__file__).parents[1] / "fixtures" / "mnist-200.npz",
        name=str(tmp_path / "seen"),
        options=small,
        steps=10,
        pipeline=Pipeline(plugins=[watcher]),
    )
    assert [line.partition(" {'elbo/loss':")[0] for line in said(capfd).splitlines()] == ["seen 5/10", "seen 10/10"]


def said(capfd) -> str:
    """What was printed, wherever."""
    return "".join(capfd.readouterr())


def test_examples_together_make_a_recipe_that_is_json(open_pipeline):
    """All examples at once: none stands in another's way."""
    pipeline = open_pipeline(*HOOKS)
    result = pipeline.generate("image", n=2, model="acme/noise", post=["mirror"], candidates=2, select="acme/darkest")
    for artifact in result.artifacts:
        assert json.loads(json.dumps(dict(artifact.recipe)))["generator"]["name"] == "acme/noise"
    assert pipeline.registry.default_model(DefaultFor("nothing-of-the-kind")) is None
