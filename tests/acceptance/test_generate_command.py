"""``aigc generate``: what the first command of the README does."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image


def test_default_model_makes_pictures_and_a_contact_sheet(aigc, files):
    ran = aigc("generate", "--modality", "image", "-n", "16", "--seed", "7", "--grid")

    rows = ran.table
    assert [row["seed"] for row in rows] == [str(seed) for seed in range(7, 23)]
    for row in rows:
        with Image.open(aigc.folder / row["file"]) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert np.asarray(picture).std() > 10, "a picture of one colour is no digit"
    assert len(files()) == 17, "sixteen pictures, the sheet, nothing else"
    (sheet,) = [name for name in files() if "grid" in name]
    with Image.open(aigc.folder / sheet) as picture:
        picture.load()


def test_pictures_go_where_they_are_sent(aigc, static, files):
    aigc("generate", *static, "-n", "2", "--seed", "1", "-o", "a/b")
    assert files() == ["a/b/acme-static-1.png", "a/b/acme-static-2.png"]


def test_a_second_run_overwrites_nothing(aigc, static, files):
    for _ in range(2):
        aigc("generate", *static, "--seed", "1", "-o", "out")
    assert files() == ["out/acme-static-1-2.png", "out/acme-static-1.png"]


def test_runs_at_the_same_time_overwrite_nothing(aigc, static, files):
    runs = [aigc.start("generate", *static, "-n", "100", "--seed", "0", "-o", "out") for _ in range(3)]
    told = [row["file"] for run in runs for row in aigc.end(run).table]
    assert len(set(told)) == 300
    assert sorted(told) == files()


def test_json_tells_all_there_is_to_know(aigc, static):
    told = aigc("generate", *static, "-n", "3", "--seed", "5", "--json").json
    assert (told["created"], told["blocked"], told["failed"]) == (3, 0, 0)
    assert (told["modality"], told["model"], told["seed"]) == ("image", "acme/static", 5)
    assert [item["seed"] for item in told["items"]] == [5, 6, 7]
    for item in told["items"]:
        shown = aigc("inspect", item["file"], "--json").json
        assert shown["recipe_id"] == item["recipe"]
        assert shown["digest"] == item["digest"]
        assert shown["recipe_unchanged"]
        assert shown["content_unchanged"]


def test_a_drawn_seed_is_told_and_makes_the_same_again(aigc, static):
    first = aigc("generate", *static, "--json").json
    again = aigc("generate", *static, "--json", "--seed", first["seed"]).json
    assert first["items"][0]["digest"] == again["items"][0]["digest"]


def test_label_is_what_was_asked_for(aigc):
    items = aigc("generate", "-m", "digits-gan", "-n", "3", "--seed", "1", "--set", "label=7", "--json").json["items"]
    assert [item["label"] for item in items] == ["7", "7", "7"]


def test_labels_that_were_not_given_vary(aigc):
    items = aigc("generate", "-m", "digits-gan", "-n", "40", "--seed", "1", "--json").json["items"]
    assert len({item["label"] for item in items}) >= 8


def test_steps_are_applied_in_order(aigc, static):
    ran = aigc("generate", *static, "--seed", "1", "--post", "resize size=40", "--post", "crop width=30 height=20")
    with Image.open(aigc.folder / ran.table[0]["file"]) as picture:
        assert picture.size == (30, 20)


def test_configured_steps_come_first(aigc, static):
    (aigc.folder / "aigc.toml").write_text('[pipeline.image]\npost = ["resize size=40"]\n')
    item = aigc("generate", *static, "--seed", "1", "--post", "blur", "--json").json["items"][0]
    steps = aigc("inspect", item["file"], "--json").json["recipe"]["post"]
    assert [step["step"] for step in steps] == ["resize", "blur"]


def test_metadata_levels_say_as_much_as_they_should(aigc, static):
    carried = {}
    for level in ("full", "params", "id", "none"):
        ran = aigc("generate", *static, "--seed", "1", "--metadata", level, "-o", level)
        with Image.open(aigc.folder / ran.table[0]["file"]) as picture:
            picture.load()
            carried[level] = set(picture.text)
    assert {"aigc", "parameters"} <= carried["full"]
    assert "aigc" not in carried["params"]
    assert "parameters" in carried["params"]
    assert "aigc-id" in carried["id"]
    assert not {"aigc", "aigc-id", "parameters"} & carried["none"]
    assert all("XML:com.adobe.xmp" in keys for keys in carried.values()), "the label is written in every case"


def test_a_run_stands_in_the_ledger(aigc, static):
    run = aigc("generate", *static, "-n", "2", "--seed", "9", "--json").json["run"]
    (row,) = aigc("runs", "list", "--json").json
    assert (row["id"], row["status"], row["created"]) == (run, "finished", 2)
    shown = aigc("runs", "show", run[:11], "--json").json
    assert [item["seed"] for item in shown["items"]] == [9, 10]


def test_python_gives_the_same_picture_as_the_command_line(aigc, static):
    item = aigc("generate", *static, "--seed", "5", "--json").json["items"][0]
    said = aigc.python(f"""
        import json, sys
        from aigc_core import Pipeline

        result = Pipeline(plugins=[{static[1]!r}]).generate("image", model="acme/static", seed=5)
        result[0].save("mine.png")
        print(json.dumps([result[0].recipe_id, result[0].digest, "torch" in sys.modules]))
    """)
    assert json.loads(said) == [item["recipe"], item["digest"], False]
    assert (aigc.folder / "mine.png").read_bytes() == (aigc.folder / item["file"]).read_bytes()


def test_python_as_the_readme_shows_it(aigc):
    said = aigc.python("""
        import sys
        import aigc_core

        assert not {"torch", "numpy", "PIL"} & set(sys.modules)
        result = aigc_core.generate("image", n=4, seed=7)
        print(type(result[0].content).__mro__[-2].__name__, len(result), result[0].save("first.png"))
    """)
    assert said == "Image 4 first.png\n"
    item = aigc("generate", "--modality", "image", "--seed", "7", "--json").json["items"][0]
    assert (aigc.folder / "first.png").read_bytes() == (aigc.folder / item["file"]).read_bytes()


def test_lists_name_what_is_bundled(aigc, bundled):
    models = {row["model"]: row for row in aigc("models", "list", "--json").json}
    assert models[bundled]["plugin"] == "image"
    generators = {row["generator"] for row in aigc("generators", "list", "--json").json}
    assert {"image/gan", "image/vae", "image/autoencoder"} <= generators
    assert models[bundled]["component"] in generators
    assert aigc("models", "verify", bundled, "--json").json[0]["ok"]


def test_generator_options_are_shown_as_a_schema(aigc):
    shown = aigc("generators", "show", "image/gan", "--json").json
    assert {"truncation", "label"} <= set(shown["schema"]["properties"])
    table = aigc("generators", "show", "image/gan").table
    assert {"truncation", "label"} <= {row["--set"] for row in table}


def test_doctor_finds_nothing_wrong(aigc):
    ran = aigc("doctor", "--json")
    assert {finding["status"] for finding in ran.json} <= {"ok", "warning"}
    assert "plugin image" in {finding["what"] for finding in ran.json}


def test_plugins_check_finds_nothing_wrong(aigc):
    assert all(row["ok"] for row in aigc("plugins", "check", "--json").json)


def test_config_says_where_a_value_comes_from(aigc):
    (aigc.folder / "aigc.toml").write_text('[generate]\noutput = "mine"\n')
    rows = {row["key"]: row for row in aigc("config", "show", "--origin", env={"AIGC_GENERATE_METADATA": "id"}).table}
    assert rows["generate.output"]["origin"] == "aigc.toml:2"
    assert rows["generate.metadata"]["origin"] == "AIGC_GENERATE_METADATA"
    assert rows["generate.on_error"]["origin"] == "default"
