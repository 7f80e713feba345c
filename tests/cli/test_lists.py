"""Commands that list and show."""

from __future__ import annotations

import json

import pytest

LISTS = [["models", "list"], ["generators", "list"], ["plugins", "list"], ["filters", "list"], ["runs", "list"]]


@pytest.fixture
def made(aigc, studio, monkeypatch):
    """Two pictures and their run."""
    monkeypatch.setenv("AIGC_MODERATION_SKIP", "no-bright")
    told = aigc("generate", "--plugin", studio, "-m", "studio/noise", "-n", "2", "--seed", "4", "--json").json
    monkeypatch.delenv("AIGC_MODERATION_SKIP")
    return told


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_list_is_tab_separated_or_json(aigc, studio, made, command):
    plugin = [] if command[0] == "runs" else ["--plugin", studio]
    head, *rows = aigc(*command, *plugin).out.splitlines()
    columns = head.split("\t")
    assert all(len(row.split("\t")) == len(columns) for row in rows)
    assert len(aigc(*command, *plugin, "--json").json) == len(rows)


@pytest.mark.parametrize("command", [*LISTS, ["config", "show", "--origin"]], ids=" ".join)
def test_list_on_a_terminal(aigc, made, at_a_terminal, command):
    assert "─" in aigc(*command).out


def test_generator_options_with_ranges(aigc, studio):
    lines = aigc("generators", "show", "studio/noise", "--plugin", studio).out.splitlines()
    assert "size\tinteger\t8\t≥ 1 ≤ 512\tside in pixels" in lines
    schema = aigc("generators", "show", "studio/noise", "--plugin", studio, "--json").json["schema"]
    assert schema["properties"]["size"]["maximum"] == 512


def test_generator_without_options(aigc, studio):
    schema = aigc("generators", "show", "studio/quote", "--plugin", studio, "--json").json["schema"]
    assert schema == {"type": "object", "properties": {}}


def test_run_is_found_by_the_beginning_of_its_id(aigc, made):
    shown = aigc("runs", "show", made["run"][:-2], "--json").json
    assert shown["id"] == made["run"]
    assert [item["seed"] for item in shown["items"]] == [4, 5]
    assert [item["seed"] for item in aigc("runs", "show", made["run"], "--limit", "1", "--json").json["items"]] == [4]


def test_run_shown_as_a_table(aigc, made):
    out = aigc("runs", "show", made["run"]).out
    assert f"of\t{made['run']}\n" in out
    assert "studio-noise-4.png" in out


def test_inspect_says_how_it_was_made(aigc, made):
    file = made["items"][0]["file"]
    lines = dict(line.split("\t", 1) for line in aigc("inspect", file).out.splitlines())
    assert lines["recipe unchanged"] == "yes"
    assert lines["seed"] == "4"
    assert json.loads(lines["generator"])["name"] == "studio/noise"
    assert "trainedAlgorithmicMedia" not in lines["labels"], "no weights were trained"


def test_inspect_does_not_believe_a_changed_picture(aigc, made):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    file = made["items"][0]["file"]
    with Image.open(file) as picture:
        picture.load()
        info = PngInfo()
        info.add_itxt("aigc", picture.text["aigc"])
        picture.putpixel((0, 0), 255 - picture.getpixel((0, 0)))
        picture.save(file, pnginfo=info)
    lines = dict(line.split("\t", 1) for line in aigc("inspect", file).out.splitlines())
    assert (lines["recipe unchanged"], lines["content unchanged"]) == ("yes", "NO")


def test_plugin_check_finds_import_strings_that_lead_nowhere(aigc, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(
        "from aigc_core import GeneratorSpec, ModelSpec, hookimpl\n"
        "@hookimpl\ndef aigc_generators():\n    return [GeneratorSpec('acme/x', 'image', 'nowhere:Nothing')]\n"
        "@hookimpl\ndef aigc_models():\n    return [ModelSpec('acme-m', 'acme/x', '/nowhere', '0' * 64)]\n"
    )
    (row,) = aigc("plugins", "check", "wrong", "--plugin", path, "--json", code=4).json
    assert len(row["problems"]) == 2
    assert "nowhere:Nothing cannot be imported" in " ".join(row["problems"])
    assert "acme-m" in " ".join(row["problems"])


def test_list_of_filters_is_in_the_order_they_run(aigc, studio, monkeypatch):
    monkeypatch.setenv("AIGC_MODERATION_FILTERS", "no-gold")
    monkeypatch.setenv("AIGC_MODERATION_SKIP", "no-bright")
    rows = aigc("filters", "list", "--plugin", studio, "--json").json
    assert rows[0]["filter"] == "no-gold"
    runs = {row["filter"]: row["runs"] for row in rows}
    assert [runs[name] for name in ("no-gold", "no-bright", "wordlist")] == [True, False, True]


def test_config_needs_no_plugin_and_tells_every_origin(aigc, monkeypatch):
    monkeypatch.setenv("AIGC_GENERATE_OUTPUT", "elsewhere")
    shown = aigc("config", "show", "--origin", "--json").json
    assert shown["generate.output"] == {"value": "elsewhere", "origin": "AIGC_GENERATE_OUTPUT"}
    assert aigc("config", "show", "--json").json["generate.output"] == "elsewhere"


def test_doctor_warns_of_variables_that_name_nothing(aigc, monkeypatch):
    monkeypatch.setenv("AIGC_GENERATE_OUTPTU", "x")
    findings = {row["what"]: row for row in aigc("doctor", "--json").json}
    assert findings["AIGC_GENERATE_OUTPTU"]["status"] == "warning"


def test_own_models_are_listed(aigc, tmp_path, monkeypatch):
    from aigc_core import save_model

    save_model(
        tmp_path / "models" / "mine",
        name="mine",
        component="image/gan",
        modality="image",
        options={},
        shape=(1, 8, 8),
        tensors={},
        card="# Mine",
    )
    monkeypatch.setenv("AIGC_MODELS_PATH", str(tmp_path / "models"))
    (row,) = [row for row in aigc("models", "list", "--json").json if row["model"] == "mine"]
    assert row["summary"] == "your own"
    assert aigc("models", "show", "mine", "--json").json["shape"] == [1, 8, 8]
    (tmp_path / "models" / "mine" / "model.safetensors").write_bytes(b"")
    assert "mine\tno\t" in aigc("models", "verify", "mine", code=4).out


def test_plugin_check_looks_at_windows_of_filters(aigc, tmp_path):
    path = tmp_path / "windows.py"
    path.write_text(
        "from aigc_core import FilterSpec, hookimpl\n"
        "def look(text, context):\n    return []\n"
        "@hookimpl\ndef aigc_filters():\n    return [FilterSpec('acme/number', 'text', look, window=7),"
        " FilterSpec('acme/gone', 'text', look, window='nowhere:window')]\n"
    )
    (row,) = aigc("plugins", "check", "windows", "--plugin", path, "--json", code=4).json
    (problem,) = row["problems"]
    assert "acme/gone" in problem
    assert "nowhere:window cannot be imported" in problem
