"""Finding plugins: in an order that no installation changes, and so that a broken one breaks nothing but itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigc_core import PluginError, UsageError
from aigc_core.registry import Registry

GENERATOR = """
    from aigc_core import GeneratorSpec, hookimpl

    @hookimpl
    def aigc_generators():
        return [GeneratorSpec("{name}/{name}", "image", "nowhere:Nothing")]
"""


def by_name(registry):
    return {plugin.name: plugin for plugin in registry.plugins}


def test_built_ins_are_found_as_anybodys(open_registry):
    registry, complaints = open_registry()
    assert complaints == []
    assert {plugin.name for plugin in registry.plugins if plugin.origin == "built-in"} >= {
        "image",
        "filters",
        "processors",
    }
    assert "wordlist" in registry.filters
    assert "clean" in registry.preprocessors
    assert "resize" in registry.postprocessors


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_order_of_installation_changes_nothing(site, open_registry, order):
    if not site.path:
        for name in ("cherry", "apple", "banana"):
            site.install(name, GENERATOR.replace("{name}", name))
        site.install("rival", GENERATOR.replace("{name}", "apple"))
        site.install("apple", "", distribution="aigc-plugin-second-apple")
        site.install("sick", "raise ValueError")

    registry, complaints = open_registry([site.path[place] for place in order])

    # Whatever else is installed where the tests run is none of their business.
    fruit = [name for name in registry.generators if name.partition("/")[0] in ("apple", "banana", "cherry")]
    assert fruit == ["apple/apple", "banana/banana", "cherry/cherry"]
    ours = {Path(folder).name for folder in site.path}
    assert [(plugin.name, plugin.source, plugin.status) for plugin in registry.plugins if plugin.source in ours] == [
        ("apple", "aigc-plugin-apple", "ok"),
        ("apple", "aigc-plugin-second-apple", "broken"),
        ("banana", "aigc-plugin-banana", "ok"),
        ("cherry", "aigc-plugin-cherry", "ok"),
        ("rival", "aigc-plugin-rival", "broken"),
        ("sick", "aigc-plugin-sick", "broken"),
    ]
    assert len(complaints) == 3


@pytest.mark.parametrize(
    ("code", "attribute", "says"),
    [
        ("raise RuntimeError('two\\nlines')", "", "RuntimeError on import: two lines"),
        ("raise RuntimeError", "", "RuntimeError on import: no message"),
        ("import nosuch", "", "No module named 'nosuch'"),
        ("import sys; sys.exit()", "", "calls sys.exit(None) on import"),
        ("class Plugin: pass", "Plugin", "names the class Plugin"),
        ("", "missing", "AttributeError on import"),
        ("def x(:", "", "SyntaxError on import"),
        ("raise BaseException('base')", "", "BaseException on import: base"),
    ],
)
def test_plugin_that_cannot_be_imported(site, open_registry, code, attribute, says):
    site.install("sick", code, attribute=attribute, version="2.3")
    registry, complaints = open_registry()
    (line,) = complaints
    assert says in line
    assert line.startswith("plugin sick 2.3 is broken: ")
    assert "\n" not in line
    assert "pip install -U aigc-plugin-sick, or leave it out: aigc -p no:sick" in line
    assert "wordlist" in registry.filters


def test_ctrl_c_during_an_import_is_no_broken_plugin(site, open_registry):
    site.install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        open_registry()


@pytest.mark.parametrize(
    ("requires", "status"),
    [
        ("aigc-core>=0.1", "ok"),
        ("aigc-core", "ok"),
        ("AIGC_Core<99", "ok"),
        ("aigc.core>=99", "broken"),
        ("aigc-core<0.0.1", "broken"),
        ("aigc-core>=99; extra == 'server'", "ok"),
        ("other>=99", "ok"),
        ("not a requirement at all", "ok"),
    ],
)
def test_whether_a_plugin_fits_is_known_before_it_is_imported(site, open_registry, tmp_path, requires, status):
    trace = tmp_path / "imported"
    site.install("fits", f"open({str(trace)!r}, 'w').close()", requires=[requires])
    registry, _ = open_registry()
    assert by_name(registry)["fits"].status == status
    assert trace.exists() == (status == "ok")


def test_disabled_plugins_are_not_imported(site, open_registry, tmp_path):
    trace = tmp_path / "imported"
    site.install("loud", f"open({str(trace)!r}, 'w').close()")
    for options in ({"disabled": ["loud"]}, {"safe": True}):
        registry, complaints = open_registry(**options)
        assert by_name(registry)["loud"].status == "disabled"
        assert complaints == []
        assert not trace.exists()
    with pytest.raises(PluginError, match=r"loud 1\.0 is disabled"):
        registry.get("generator", "loud/thing")


def test_disabling_what_is_not_there_is_an_error(open_registry):
    with pytest.raises(UsageError, match="did you mean 'processors'"):
        open_registry(disabled=["procesors"])


def test_built_in_wins_a_conflict_of_names(site, open_registry):
    site.install("processors", GENERATOR.replace("{name}", "usurper"))
    registry, complaints = open_registry()
    (line,) = complaints
    assert "its name is already taken by aigc-core" in line
    assert "pip uninstall aigc-plugin-processors" in line
    assert "resize" in registry.postprocessors
    assert "usurper/usurper" not in registry.generators


def test_what_a_plugin_prints_goes_to_stderr(site, open_registry, capsys):
    site.install(
        "chatty",
        """
        from aigc_core import hookimpl
        print("hello")

        @hookimpl
        def aigc_filters():
            print("I declare")
            return []
        """,
    )
    open_registry()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "hello\nI declare\n"


# One file


def write(folder, name, code):
    from textwrap import dedent

    path = folder / name
    path.write_text(dedent(code), encoding="utf-8")
    return path


def test_file_plugin_has_a_version_that_is_its_content(tmp_path, open_registry):
    path = write(tmp_path, "mine.py", GENERATOR.replace("{name}", "mine"))
    registry, _ = open_registry(files=[path])
    plugin = by_name(registry)["mine"]
    assert (plugin.origin, plugin.source) == ("file", str(path))
    assert plugin.version.startswith("sha256:")
    assert registry.generators["mine/mine"].plugin is plugin
    path.write_text(path.read_text() + "# changed\n")
    again, _ = open_registry(files=[path])
    assert by_name(again)["mine"].version != plugin.version


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("sick.py", "raise ValueError('ill')", "ValueError on import: ill"),
        ("sick.py", "import sys; sys.exit(2)", r"calls sys.exit\(2\) on import"),
        ("sick.py", "from aigc_core import hookimpl\n@hookimpl\ndef aigc_filter():\n    return []\n", "aigc_filters"),
        ("sick.txt", "not python", "is not a Python file"),
        ("nosuch/sick.py", None, "No such file"),
    ],
)
def test_file_plugin_must_load(tmp_path, open_registry, name, code, says):
    path = tmp_path / name if code is None else write(tmp_path, name, code)
    with pytest.raises(PluginError, match=says):
        open_registry(files=[path])


def test_file_plugin_that_conflicts_with_an_installed_one(site, tmp_path, open_registry):
    """What the user names has to work, so this stops the program."""
    site.install("bees", GENERATOR.replace("{name}", "bees"))
    path = write(tmp_path, "mine.py", GENERATOR.replace("{name}", "bees"))
    with pytest.raises(PluginError, match=r"plugin mine .* 'bees/bees' is already declared by plugin bees 1\.0"):
        open_registry(files=[path])


def test_file_plugin_named_twice_is_loaded_once(tmp_path, open_registry, monkeypatch):
    path = write(tmp_path, "mine.py", GENERATOR.replace("{name}", "mine"))
    monkeypatch.chdir(tmp_path)
    registry, complaints = open_registry(files=[path, "mine.py", str(path)])
    assert complaints == []
    assert [plugin.name for plugin in registry.plugins if plugin.origin == "file"] == ["mine"]


def test_a_file_may_stand_in_for_a_plugin_of_its_name_that_is_left_out(site, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(site.install("mine", "raise RuntimeError('old')"))
    file = tmp_path / "mine.py"
    file.write_text("")
    with pytest.raises(PluginError, match="already taken by aigc-plugin-mine"):
        Registry(files=[file], on_problem=print)
    registry = Registry(files=[file], disabled=["mine"], on_problem=print)
    assert [plugin.status for plugin in registry.plugins if plugin.name == "mine"] == ["disabled", "ok"]
