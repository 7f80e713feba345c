"""Bad input: one clear line on stderr, the right exit code, no traceback, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

IMAGE = ["generate", "--modality", "image"]
STATIC = ["generate", "-m", "acme/static"]


@pytest.fixture
def refuse(aigc, files, static):
    """Run a command that is refused, with ``acme/static`` at hand; return the one line it says."""

    def run(*arguments, code=2, **options):
        before = files()
        ran = aigc("--plugin", static[1], *arguments, code=code, **options)
        assert ran.out in ("", "file\tseed\n"), "at most the header, of a run that began"
        assert len(ran.complaints) == 1, ran.err
        assert ran.err.startswith("aigc: ")
        assert files() == before, "nothing is written, not even a part"
        return ran.err

    return run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", "--modality", "imago"], "unknown modality 'imago' (did you mean 'image'?)"),
        ([*IMAGE, "-m", "acme/statik"], "unknown model 'acme/statik' (did you mean 'acme/static'?)"),
        ([*IMAGE, "-m", "zzz"], "unknown model 'zzz' (see: aigc models list)"),
        ([*STATIC, "--set", "sise=9"], "acme/static has no option 'sise' (did you mean 'size'?)"),
        ([*STATIC, "--set", "size=many"], "size"),
        ([*STATIC, "--set", "size=-3"], "size"),
        ([*STATIC, "--set", "size"], "--set 'size' is not key=value"),
        ([*STATIC, "--set", "size=3", "--set", "size=4"], "size is given twice"),
        ([*STATIC, "--post", "resise size=9"], "unknown postprocessor 'resise' (did you mean 'resize'?)"),
        ([*STATIC, "--post", "resize sise=9"], "has no option 'sise' (did you mean 'size'?)"),
        ([*STATIC, "--post", "resize 'size=9"], "No closing quotation"),
        ([*STATIC, "a cat", "--pre", "claen"], "unknown preprocessor 'claen' (did you mean 'clean'?)"),
        ([*STATIC, "--pre", "clean"], "there is nothing to preprocess"),
        ([*STATIC, "--candidates", "3"], "candidates need a selector"),
        ([*STATIC, "--candidates", "0"], "0 candidates"),
        ([*STATIC, "--candidates", "1000000000"], "1000000000 candidates"),
        ([*STATIC, "--select", "beste"], "unknown selector 'beste'"),
        ([*STATIC, "--metadata", "ful"], "'ful'"),
        ([*STATIC, "-n", "0"], "0 items"),
        ([*STATIC, "-n", "-1"], "-1 items"),
        ([*STATIC, "-n", "1000000000"], "1000000000 items"),
        ([*STATIC, "-n", "many"], "-n"),
        ([*STATIC, "--seed", "abc"], "--seed"),
        ([*STATIC, "--seed", "-1"], "seed"),
        ([*STATIC, "--seed", str(2**63)], "seed"),
        ([*STATIC, "--seed", str(2**63 - 1), "-n", "2"], "seed"),
        ([*STATIC, "--seed", "7.5"], "--seed"),
        (["generate"], "name a modality"),
        (["genrate"], "genrate"),
        ([*STATIC, "--sed", "3"], "--sed"),
        (["-p", "hello", "models", "list"], "-p 'hello' is not no:NAME"),
        (["-p", "no:procesors", "models", "list"], "unknown plugin 'procesors' (did you mean 'processors'?)"),
        (["generators", "show", "acme/statik"], "did you mean 'acme/static'?"),
        (["models", "show", "nosuch"], "unknown model 'nosuch'"),
        (["runs", "show", "nosuch"], "unknown run 'nosuch'"),
        (["plugins", "check", "procesors"], "did you mean 'processors'?"),
        (["runs", "list", "--limit", "0"], "--limit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_error(refuse, arguments, says):
    assert says in refuse(*arguments)


@pytest.mark.parametrize("prompt", ["a cat", ""])
def test_prompt_for_a_model_that_takes_none(refuse, prompt):
    assert "digits-gan takes no prompt" in refuse(*IMAGE, prompt, "-m", "digits-gan")


def test_label_that_the_model_does_not_know(refuse):
    assert "'12'" in refuse(*IMAGE, "-m", "digits-gan", "--set", "label=12")


def test_option_near_miss_of_a_bundled_model(refuse):
    assert "did you mean 'truncation'?" in refuse(*IMAGE, "-m", "digits-gan", "--set", "trunkation=1")
    assert "did you mean 'digits-gan'?" in refuse(*IMAGE, "-m", "digit-gan")
    assert "needs a model" in refuse(*IMAGE, "-m", "image/gan")


# Plugins


def test_plugin_file_that_is_not_there(refuse):
    assert "No such file" in refuse("--plugin", "nosuch.py", *STATIC, code=4)


def test_plugin_file_that_raises(refuse, write_plugin):
    plugin = write_plugin("sick", "raise RuntimeError('ill\\nindeed')")
    assert "plugin sick" in refuse("--plugin", plugin, *STATIC, code=4)


def test_plugin_file_that_is_no_python(refuse, write_plugin):
    assert "SyntaxError" in refuse("--plugin", write_plugin("sick", "def:"), *STATIC, code=4)


def test_generator_that_fails(refuse, write_plugin, aigc):
    plugin = write_plugin(
        "sick",
        """
        from aigc_core import GeneratorSpec, hookimpl

        class Sick:
            def generate(self, items):
                raise ZeroDivisionError("of zero")
                yield

        @hookimpl
        def aigc_generators():
            return [GeneratorSpec("sick/sick", "image", lambda model: Sick(), needs_model=False)]
        """,
    )
    line = refuse("--plugin", plugin, *IMAGE, "-m", "sick/sick", "-n", "3", code=4)
    assert "generator 'sick/sick' (plugin sick sha256:" in line
    assert "ZeroDivisionError: of zero" in line
    assert aigc("runs", "list", "--json").json[0]["status"] == "failed"


@pytest.mark.parametrize(
    ("component", "code"), [("generator", 4), ("step", 1), ("selector", 1), ("filter", 3), ("watcher", 0)]
)
def test_component_that_exits_ends_nothing_but_itself(aigc, write_plugin, files, component, code):
    """``sys.exit`` deep in somebody's code must not end the program as if all were well."""
    plugin = write_plugin(
        "leaving",
        f"""
        from aigc_core import Final, FilterSpec, GeneratorSpec, SelectorSpec, StepSpec, hookimpl

        def leave(component):
            if component == {component!r}:
                raise SystemExit(0)

        class Leaving:
            def generate(self, items):
                from PIL import Image
                leave("generator")
                yield Final(0, Image.new("L", (9, 9)))

        def step(picture, context):
            leave("step")
            return picture

        def select(request, candidates, context):
            leave("selector")
            return 0

        def check(picture, context):
            leave("filter")
            return []

        @hookimpl
        def aigc_generators():
            return [GeneratorSpec("leaving/generator", "image", lambda model: Leaving(), needs_model=False)]

        @hookimpl
        def aigc_postprocessors():
            return [StepSpec("leaving/step", "image", step)]

        @hookimpl
        def aigc_selectors():
            return [SelectorSpec("leaving/select", select)]

        @hookimpl
        def aigc_filters():
            return [FilterSpec("leaving/filter", "image", check)]

        @hookimpl
        def aigc_artifact_created(event):
            leave("watcher")
        """,
    )
    ran = aigc(
        *["--plugin", plugin, "generate", "-m", "leaving/generator", "--seed", "1", "-o", "out"],
        *["--post", "leaving/step", "--candidates", "2", "--select", "leaving/select"],
        code=code,
    )
    assert "SystemExit" in ran.err
    assert files() == (["out/leaving-generator-1.png"] if component == "watcher" else [])
    status = "failed" if component == "generator" else "finished"
    assert aigc("runs", "list", "--json").json[0]["status"] == status


def test_step_that_fails_fails_its_item_and_the_others_are_made(aigc, static, write_plugin, files):
    plugin = write_plugin(
        "odd",
        """
        from aigc_core import StepSpec, hookimpl

        def odd(picture, context):
            if context.request.seed % 2:
                raise ValueError("an odd seed")
            return picture

        @hookimpl
        def aigc_postprocessors():
            return [StepSpec("odd", "image", odd)]
        """,
    )
    arguments = ["--plugin", plugin, *["generate", *static, "--seed", "0", "--post", "odd", "-o", "out"]]
    ran = aigc(*arguments, "-n", "4", code=5)
    assert files() == ["out/acme-static-0.png", "out/acme-static-2.png"]
    assert [line for line in ran.complaints if "failed: step 'odd' (plugin odd sha256:" in line]
    (aigc.folder / "aigc.toml").write_text('[generate]\non_error = "skip"\n')
    ran = aigc(*arguments, "-n", "2")
    assert "item 1: step odd skipped: ValueError: an odd seed" in ran.err


# Configuration


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            '[generate]\nmetadata = "full"\noutptu = "x"\n',
            "aigc.toml:3: unknown key 'generate.outptu' (did you mean 'output'?)",
        ),
        ('\n[genrate]\noutput = "x"\n', "aigc.toml:2: unknown key 'genrate' (did you mean 'generate'?)"),
        (
            '[pipeline.image]\nposst = ["resize"]\n',
            "aigc.toml:2: unknown key 'pipeline.image.posst' (did you mean 'post'?)",
        ),
        ('[generate]\nmetadata = "lots"\n', "aigc.toml:2: generate.metadata:"),
        ("[generate\n", "aigc.toml cannot be read"),
        ('[defaults]\nimage = "digits-gam"\n', "unknown model 'digits-gam'"),
        ('[moderation]\nfilters = ["nosuch"]\n', "unknown filter 'nosuch'"),
        ('[filters.wordlits]\ndeny = ["x"]\n', "unknown filter 'wordlits' (did you mean 'wordlist'?)"),
        ('[plugins]\ndisable = ["nosuch"]\n', "unknown plugin 'nosuch'"),
    ],
)
def test_configuration_error(refuse, aigc, toml, says):
    (aigc.folder / "aigc.toml").write_text(toml)
    assert says in refuse("generate", "--modality", "image", *(() if "[defaults]" in toml else ("-m", "acme/static")))


def test_configuration_that_is_not_utf8(refuse, aigc):
    (aigc.folder / "aigc.toml").write_bytes(b'[generate]\noutput = "\xff"\n')
    assert "aigc.toml cannot be read" in refuse(*STATIC)


def test_environment_error(refuse):
    line = refuse(*STATIC, env={"AIGC_GENERATE_METADATA": "lots"})
    assert "AIGC_GENERATE_METADATA" in line


# Output


def test_output_below_a_file(refuse, aigc):
    (aigc.folder / "file").write_text("I was here first")
    for place in ("file", "file/below"):
        assert f"the output folder {place} cannot be written to" in refuse(*STATIC, "-o", place, code=1)
    assert (aigc.folder / "file").read_text() == "I was here first"


def test_output_folder_that_nobody_can_write_to(refuse):
    assert "cannot be written to" in refuse(*STATIC, "-o", "/proc/nosuch", code=1)


def test_full_disk_leaves_no_half_file(aigc, static, files, limit_file_size):
    ran = aigc(
        *["generate", *static, "--seed", "1", "--set", "size=700", "-o", "out"],
        code=1,
        preexec_fn=limit_file_size(300_000),  # a 700 × 700 picture of noise has 490 kB; the ledger has less
    )
    assert "the disk is full" in ran.err
    assert len(ran.complaints) == 1
    assert files() == []
    row = aigc("runs", "list", "--json").json[0]
    assert (row["status"], row["created"]) == ("failed", 0)
    assert "the disk is full" in row["error"]


def test_disk_that_fills_up_keeps_what_is_finished(aigc, write_plugin, files, limit_file_size):
    growing = write_plugin(
        "growing",
        """
        from aigc_core import Final, GeneratorSpec, hookimpl

        class Growing:
            def generate(self, items):
                from PIL import Image
                for index, item in enumerate(items):
                    side = 100 * (item.noise.seed + 1)
                    yield Final(index, Image.fromarray((item.noise.uniform((side, side)) * 255).astype("uint8")))

        @hookimpl
        def aigc_generators():
            return [GeneratorSpec("acme/growing", "image", lambda model: Growing(), needs_model=False)]
        """,
    )
    ran = aigc(
        *["--plugin", growing, "generate", "-m", "acme/growing", "--seed", "0", "-n", "9", "-o", "out"],
        code=1,
        preexec_fn=limit_file_size(300_000),
    )
    assert "the disk is full" in ran.err
    names = files()
    assert names == [f"out/acme-growing-{seed}.png" for seed in range(len(names))]
    assert 3 <= len(names) < 9
    for name in names:
        with Image.open(aigc.folder / name) as picture:
            picture.load()
    assert aigc("runs", "list", "--json").json[0]["created"] == len(names)


def test_full_disk_for_the_ledger(refuse, limit_file_size):
    assert "ledger" in refuse(*STATIC, code=1, preexec_fn=limit_file_size(1000))


def test_ledger_that_is_no_database(refuse, aigc):
    (aigc.folder / "mine.txt").write_text("no database at all, only a long line of text" * 100)
    assert "ledger" in refuse("runs", "list", code=1, env={"AIGC_RUNS_LEDGER": "mine.txt"})


# Models


@pytest.fixture
def own_model(aigc, tmp_path):
    """A copy of a bundled model's folder, to tamper with."""
    folder = Path(aigc("models", "show", "digits-gan", "--json").json["folder"])
    return Path(shutil.copytree(folder, tmp_path / "mine"))


def test_truncated_weights(refuse, own_model, aigc):
    weights = own_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    line = refuse(*IMAGE, "-m", own_model, code=4)
    assert "model.safetensors does not have the sha256" in line
    aigc("models", "verify", own_model, code=4)


def test_tampered_weights(refuse, own_model):
    weights = own_model / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    assert "model.safetensors does not have the sha256" in refuse(*IMAGE, "-m", own_model, code=4)


def test_missing_weights(refuse, own_model):
    (own_model / "model.safetensors").unlink()
    assert "model.safetensors cannot be read" in refuse(*IMAGE, "-m", own_model, code=4)


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"format": 1}', '{"format": 2}'])
def test_damaged_manifest(refuse, own_model, manifest):
    (own_model / "aigc.json").write_text(manifest)
    assert "aigc.json" in refuse(*IMAGE, "-m", own_model, code=4)


def test_manifest_that_names_a_path(refuse, own_model):
    manifest = json.loads((own_model / "aigc.json").read_text())
    manifest["files"]["../../../etc/passwd"] = "0" * 64
    (own_model / "aigc.json").write_text(json.dumps(manifest))
    assert "is not a plain file name" in refuse(*IMAGE, "-m", own_model, code=4)


@pytest.mark.parametrize("name", ["a:b", "..", "~x", " x", "a\u202eb"])
def test_manifest_with_a_name_that_no_recipe_may_have(refuse, own_model, name):
    """Else pictures are made whose recipe nobody can read."""
    manifest = json.loads((own_model / "aigc.json").read_text())
    manifest["name"] = name
    (own_model / "aigc.json").write_text(json.dumps(manifest))
    assert "name" in refuse(*IMAGE, "-m", own_model, code=4)


def test_weights_that_do_not_fit_the_networks(refuse, own_model):
    manifest = json.loads((own_model / "aigc.json").read_text())
    manifest["shape"] = [3, 64, 64]
    (own_model / "aigc.json").write_text(json.dumps(manifest))
    refuse(*IMAGE, "-m", own_model, code=4)


def test_model_folder_that_is_none(refuse, aigc, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is no model folder" in refuse(*IMAGE, "-m", tmp_path / "empty", code=4)
    assert "there is no model folder" in refuse(*IMAGE, "-m", "./nosuch")


# Recipes


@pytest.fixture
def picture(aigc, static):
    """A picture with a recipe."""
    return aigc.folder / aigc("generate", *static, "--seed", "1", "--json").json["items"][0]["file"]


@pytest.fixture
def forge(picture):
    """Change the recipe of a picture and mend its id, as someone would who knows how."""

    def change(**fields) -> Path:
        with Image.open(picture) as opened:
            opened.load()
            envelope = json.loads(opened.text["aigc"])
            envelope["recipe"].update(fields)
            canonical = json.dumps(envelope["recipe"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            envelope["recipe_id"] = hashlib.sha256(canonical.encode()).hexdigest()
            info = PngInfo()
            info.add_itxt("aigc", json.dumps(envelope))
            opened.save(picture, pnginfo=info)
        return picture

    return change


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_picture_without_a_recipe(refuse, aigc, command):
    Image.new("L", (8, 8)).save(aigc.folder / "plain.png")
    assert "plain.png carries no recipe" in refuse(command, "plain.png", code=1)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_file_that_is_no_picture(refuse, aigc, command):
    (aigc.folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    assert "broken.png" in refuse(command, "broken.png", code=1)
    assert "nosuch.png" in refuse(command, "nosuch.png", code=1)
    assert "is a folder" in refuse(command, ".", code=1)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_truncated_picture(refuse, picture, command):
    picture.write_bytes(picture.read_bytes()[:-40])
    assert picture.name in refuse(command, picture, code=1)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_decompression_bomb(refuse, aigc, command):
    """A picture of 100,000 × 100,000 pixels in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
    bomb += chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b"")
    (aigc.folder / "bomb.png").write_bytes(bomb)
    assert "bomb.png" in refuse(command, "bomb.png", code=1)


@pytest.mark.parametrize("command", ["inspect", "replay"])
def test_bomb_in_a_text_chunk(refuse, picture, command):
    """A recipe that is a kilobyte as it stands in the file, and a hundred megabytes when unpacked."""
    with Image.open(picture) as opened:
        opened.load()
        info = PngInfo()
        info.add_itxt("aigc", " " * 100_000_000, zip=True)
        opened.save(picture, pnginfo=info)
    assert picture.stat().st_size < 200_000
    assert picture.name in refuse(command, picture, code=1)


def test_recipe_of_an_unknown_generator(refuse, forge):
    file = forge(generator={"name": "gone/away", "plugin": "gone", "version": "1"})
    assert "the recipe needs the generator 'gone/away'" in refuse("replay", file, code=4)


def test_recipe_of_an_unknown_model(refuse, forge):
    model = {"name": "lost", "files": {"aigc.json": "0" * 64}, "precision": "float32", "micro_batch": 16}
    file = forge(model=model)
    assert "the recipe needs the model 'lost', which is not here" in refuse("replay", file, code=4)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "~/model", "C:\\model", "./model", "a/b/c"])
def test_recipe_that_names_a_path(refuse, forge, name):
    model = {"name": name, "files": {"aigc.json": "0" * 64}, "precision": "float32", "micro_batch": 16}
    assert "model.name" in refuse("replay", forge(model=model), code=1)


def test_recipe_that_names_a_path_as_a_file(refuse, forge):
    files = {"../aigc.json": "0" * 64}
    model = {"name": "digits-gan", "files": files, "precision": "float32", "micro_batch": 16}
    assert "is not valid" in refuse("replay", forge(model=model), code=1)


def test_recipe_that_asks_for_a_billion_candidates(refuse, forge):
    selection = {
        "selector": "acme/first",
        "plugin": "acme",
        "version": "1",
        "options": {},
        "record": {},
        "candidates": 10**9,
        "kept": 0,
    }
    assert "selection.candidates" in refuse("replay", forge(selection=selection), code=1)


def test_recipe_that_asks_for_a_huge_batch(refuse, forge):
    model = {"name": "digits-gan", "files": {}, "precision": "float32", "micro_batch": 10**9}
    assert "model.micro_batch" in refuse("replay", forge(model=model), code=1)


def test_recipe_that_asks_for_a_huge_picture(refuse, forge):
    assert "size" in refuse("replay", forge(options={"size": 10**9}))


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "{}", "[" * 100_000, '{"recipe": NaN}', '{"recipe": {"format": 99}}']
)
def test_recipe_that_is_none(refuse, picture, text):
    with Image.open(picture) as opened:
        opened.load()
        info = PngInfo()
        info.add_itxt("aigc", text)
        opened.save(picture, pnginfo=info)
    assert picture.name in refuse("replay", picture, code=1)


def test_contact_sheet_is_not_replayed(refuse, aigc, static, files):
    aigc("generate", *static, "-n", "4", "--seed", "1", "--grid")
    (sheet,) = [name for name in files() if "grid" in name]
    assert "it is a contact sheet" in refuse("replay", sheet, code=1)
