"""What plugins declare: checked when it is collected, so that a mistake is an error that says what to do."""

from __future__ import annotations

import importlib
from textwrap import dedent

import pytest

from aigc_core import DefaultFor, PluginError, UsageError
from aigc_core.registry import Registry

HEAD = "from aigc_core import *\nfrom aigc_core import hookimpl\n"


@pytest.fixture
def declare(site, open_registry):
    """Install `codes` as the plugins ``plugin0``, ``plugin1``, …; return the registry and what it complained of."""

    def open_it(*codes: str):
        for number, code in enumerate(codes):
            site.install(f"plugin{number}", HEAD + dedent(code))
        return open_registry()

    return open_it


def generators(*names: str) -> str:
    specs = ", ".join(f"GeneratorSpec({name!r}, 'image', 'nowhere:Nothing')" for name in names)
    return f"@hookimpl\ndef aigc_generators():\n    return [{specs}]\n"


def test_two_generators_of_one_name(declare):
    registry, (line,) = declare(generators("acme/same", "acme/other"), generators("acme/more", "acme/same"))
    assert line.startswith("plugin plugin1 ")
    assert "its generator 'acme/same' is already declared by plugin plugin0 " in line
    assert registry.generators["acme/same"].plugin.name == "plugin0"
    assert "acme/more" not in registry.generators, "a broken plugin brings nothing at all"


def test_built_in_wins(declare):
    registry, (line,) = declare(
        "@hookimpl\ndef aigc_postprocessors():\n    return [StepSpec('resize', 'image', lambda p, c: p)]\n"
    )
    assert "'resize' is already declared by plugin processors" in line
    assert registry.postprocessors["resize"].plugin.name == "processors"


def test_one_name_twice_in_one_plugin(declare):
    _, (line,) = declare(generators("acme/same", "acme/same"))
    assert "declares the generator 'acme/same' twice" in line


def test_broken_later_means_nothing_of_it_stays(declare):
    """The generators are collected before the filters turn out to be wrong."""
    registry, (line,) = declare(generators("acme/fine") + "@hookimpl\ndef aigc_filters():\n    return 7\n")
    assert "aigc_filters must return a list of FilterSpec, not int" in line
    assert "acme/fine" not in registry.generators


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ("None", "must return a list of GeneratorSpec, not NoneType"),
        ("'acme/x'", "must return a list of GeneratorSpec, not str"),
        ("GeneratorSpec('acme/x', 'image', 'a:b')", "must return a list of GeneratorSpec, not GeneratorSpec"),
        ("['acme/x']", "must return GeneratorSpecs, and one is a str"),
        ("[StepSpec('x', 'image', 'a:b')]", "must return GeneratorSpecs, and one is a StepSpec"),
        ("[GeneratorSpec('Acme X', 'image', 'a:b')]", "names are lower case words"),
        ("[GeneratorSpec('a/b/c', 'image', 'a:b')]", "names are lower case words"),
        ("[GeneratorSpec('acme/x', 'image', 'a:b', prompt='maybe')]", "prompt 'maybe' is not known"),
        ("[GeneratorSpec('acme/x', 'image', 'a:b', conditions=('mood',))]", "condition 'mood' is not known"),
        ("[GeneratorSpec('acme/x')]", "missing"),
        ("1 / 0", "division by zero"),
        ("[GeneratorSpec('acme/x', 'image', 'a:b'), 1 / 0]", "division by zero"),
        ("(1 / 0 for _ in 'x')", "division by zero"),
    ],
)
def test_wrong_declaration(declare, returned, says):
    registry, (line,) = declare(f"@hookimpl\ndef aigc_generators():\n    return {returned}\n")
    assert says in line
    assert "acme/x" not in registry.generators


def test_generator_function_is_a_list_too(declare):
    registry, complaints = declare(
        "@hookimpl\ndef aigc_generators():\n    yield GeneratorSpec('acme/x', 'image', 'a:b')\n"
    )
    assert complaints == []
    assert "acme/x" in registry.generators


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("@hookimpl(wrapper=True)\ndef aigc_filters():\n    return (yield)\n", "aigc_filters is a wrapper"),
        ("@hookimpl(hookwrapper=True)\ndef aigc_filters():\n    yield\n", "aigc_filters is a wrapper"),
        ("def aigc_filters():\n    return []\n", "aigc_filters is not marked with @hookimpl"),
        (
            "@hookimpl\ndef aigc_fliters():\n    return []\n",
            "there is no hook aigc_fliters; did you mean aigc_filters?",
        ),
        ("@hookimpl\ndef zzz():\n    return []\n", "there is no hook zzz"),
        ("@hookimpl\ndef aigc_filters(request):\n    return []\n", "request"),
        ("@hookimpl\ndef aigc_run_started(event, extra):\n    pass\n", "extra"),
    ],
)
def test_wrong_hook(declare, code, says):
    _, (line,) = declare(code)
    assert line.startswith("plugin plugin0 1.0 is broken: ")
    assert says in line


def test_tryfirst_and_trylast_change_no_order(declare):
    filters = "@hookimpl({})\ndef aigc_filters():\n    return [FilterSpec('acme/{}', 'text', 'a:b')]\n"
    registry, _ = declare(
        filters.format("trylast=True", "a"), filters.format("", "b"), filters.format("tryfirst=True", "c")
    )
    assert [name for name in registry.filters if name.startswith("acme/")] == ["acme/a", "acme/b", "acme/c"]


def test_a_window_that_is_negative_breaks_its_plugin(declare):
    _, (line,) = declare(
        "@hookimpl\ndef aigc_filters():\n    return [FilterSpec('acme/a', 'text', 'a:b', window=-1)]\n"
    )
    assert "acme/a: window -1 is negative" in line


def test_priority_goes_before_names(declare):
    registry, _ = declare(
        "@hookimpl\ndef aigc_filters():\n    return [FilterSpec('acme/a', 'text', 'a:b', priority=5),"
        " FilterSpec('acme/z', 'text', 'a:b', priority=-5)]\n"
    )
    names = list(registry.filters)
    assert names[0] == "acme/z"
    assert names[-1] == "acme/a"


MODEL = (
    "@hookimpl\ndef aigc_models():\n"
    "    return [ModelSpec('{}', 'acme/x', '/nowhere', '0' * 64, default_for=frozenset({{DefaultFor('smell')}}))]\n"
)


def test_one_model_is_the_default(declare):
    registry, _ = declare(MODEL.format("rose"))
    assert registry.default_model(DefaultFor("smell")) == "rose"
    assert registry.default_model(DefaultFor("smell", "prompt")) is None


def test_two_models_that_claim_one_default(declare):
    registry, complaints = declare(MODEL.format("rose"), MODEL.format("tulip"))
    assert complaints == [], "both may be used by name"
    with pytest.raises(UsageError) as error:
        registry.default_model(DefaultFor("smell"))
    assert "'rose' (plugin plugin0" in str(error.value)
    assert "'tulip' (plugin plugin1" in str(error.value)
    assert "[defaults] smell = 'rose'" in str(error.value)


def test_modalities_are_what_can_be_made(declare):
    registry, _ = declare(
        "@hookimpl\ndef aigc_generators():\n    return [GeneratorSpec('acme/rose', 'smell', 'a:b')]\n"
    )
    assert "smell" in registry.modalities


def test_unknown_component_names_the_near_miss(declare):
    registry, _ = declare(generators("acme/noise"))
    with pytest.raises(UsageError, match="did you mean 'acme/noise'"):
        registry.get("generator", "acme/nose")


@pytest.mark.parametrize("reference", ["nowhere:Nothing", "aigc_core.errors:Nothing", "aigc_core.errors"])
def test_import_string_that_leads_nowhere(declare, reference):
    registry, _ = declare(
        f"@hookimpl\ndef aigc_generators():\n    return [GeneratorSpec('acme/x', 'image', {reference!r})]\n"
    )
    entry = registry.get("generator", "acme/x")
    with pytest.raises(PluginError) as error:
        registry.resolve(entry.spec.factory, entry)
    assert reference in str(error.value)
    assert "plugin0" in str(error.value)


def test_component_that_greets_on_import_does_not_spoil_stdout(declare, tmp_path, monkeypatch, capsys):
    (tmp_path / "aigc_plugin_greeting.py").write_text("print('hello')\nclass Greeting: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry, _ = declare(
        "@hookimpl\ndef aigc_generators():\n"
        "    return [GeneratorSpec('acme/x', 'image', 'aigc_plugin_greeting:Greeting')]\n"
    )
    entry = registry.get("generator", "acme/x")
    assert registry.resolve(entry.spec.factory, entry).__name__ == "Greeting"
    assert capsys.readouterr() == ("", "hello\n")


def references():
    """Every import string that a built-in plugin declares."""
    registry = Registry(safe=True)
    kinds = ("generators", "models", "preprocessors", "postprocessors", "selectors", "filters", "embedders", "metrics")
    for kind in kinds:
        for name, entry in getattr(registry, kind).items():
            for attribute in ("factory", "trainable", "step", "selector", "check", "metric", "options"):
                reference = getattr(entry.spec, attribute, None)
                if isinstance(reference, str):
                    yield pytest.param(reference, id=f"{kind}-{name}-{attribute}")


@pytest.mark.parametrize("reference", list(references()))
def test_import_string_of_a_built_in_resolves(reference):
    module, _, path = reference.partition(":")
    found = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    assert callable(found)


# Events


def test_watcher_that_raises_is_reported_and_the_others_are_told(declare):
    watch = "told = []\n@hookimpl\ndef aigc_run_finished(event):\n    {}\n"
    registry, complaints = declare(watch.format("1 / 0"), watch.format("event.append(1)"))
    heard: list[int] = []
    registry.notify("aigc_run_finished", heard)
    assert heard == [1]
    (line,) = complaints
    assert line.startswith("plugin plugin0 ")
    assert "aigc_run_finished: ZeroDivisionError" in line


def test_watcher_that_exits_does_not_end_the_run(declare):
    registry, complaints = declare("@hookimpl\ndef aigc_run_finished(event):\n    raise SystemExit(3)\n")
    registry.notify("aigc_run_finished", None)
    assert "SystemExit" in complaints[0]


def test_watcher_may_leave_the_event_out(declare):
    registry, complaints = declare("@hookimpl\ndef aigc_run_finished():\n    print('done')\n")
    registry.notify("aigc_run_finished", None)
    assert complaints == []
    assert registry.watches("aigc_run_finished")
    assert not registry.watches("aigc_run_started")


def test_declaration_that_exits_breaks_its_plugin_only(declare):
    registry, (line,) = declare("@hookimpl\ndef aigc_generators():\n    raise SystemExit(3)\n", generators("acme/fine"))
    assert "plugin plugin0 " in line
    assert "aigc_generators: SystemExit: 3" in line
    assert "acme/fine" in registry.generators
