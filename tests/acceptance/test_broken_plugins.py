"""Twenty plugins, five of them broken in every way there is: all else goes on, in whatever order they came."""

from __future__ import annotations

import random

import pytest

BROKEN = {
    "raises": ("raise RuntimeError('no camera\\nfound')", "RuntimeError on import: no camera found"),
    "exits": ("import sys\nsys.exit(3)", "calls sys.exit(3) on import"),
    "misspelt": (
        "from aigc_core import hookimpl\n@hookimpl\ndef aigc_generator():\n    return []\n",
        "did you mean aigc_generators?",
    ),
    "newer": ("raise AssertionError('imported, although it cannot fit')", "needs aigc-core>=99"),
    "aclass": (
        "from aigc_core import hookimpl\nclass Plugin:\n    aigc_filters = hookimpl(lambda self: [])\n",
        "names the class Plugin",
    ),
}

GOOD = """
from aigc_core import Final, FilterSpec, GeneratorSpec, SelectorSpec, StepSpec, hookimpl

class Stripes:
    def generate(self, items):
        from PIL import Image
        for index, item in enumerate(items):
            pixels = (item.noise.uniform((16, 16)) * 255).astype("uint8")
            yield Final(index, Image.fromarray(pixels))

def check(content, context):
    return []

def keep(content, context):
    return content

@hookimpl
def aigc_generators():
    return [GeneratorSpec("{name}/stripes", "image", lambda model: Stripes(), needs_model=False)]

@hookimpl
def aigc_filters():
    return [FilterSpec("{name}/look", "image", check)]

@hookimpl
def aigc_preprocessors():
    return [StepSpec("{name}/before", "text", keep)]

@hookimpl
def aigc_postprocessors():
    return [StepSpec("{name}/after", "image", keep)]

@hookimpl
def aigc_selectors():
    return [SelectorSpec("{name}/first", lambda request, candidates, context: 0)]
"""


@pytest.fixture
def twenty(site, aigc):
    """Twenty installed plugins, five of them broken."""
    for number in range(15):
        name = f"good{number:02}"
        site.install(name, GOOD.replace("{name}", name), requires=["aigc-core>=0.1"])
    for name, (code, _) in BROKEN.items():
        site.install(
            name,
            code,
            requires=["aigc-core>=99"] if name == "newer" else [],
            attribute="Plugin" if name == "aclass" else "",
        )
    aigc.install(site.path)
    return site


COMMANDS_THAT_IMPORT_PLUGINS = [
    ["generate", "-m", "good03/stripes", "--seed", "1"],
    ["generators", "list"],
    ["generators", "show", "good03/stripes"],
    ["models", "list"],
    ["filters", "list"],
    ["plugins", "list"],
]


@pytest.mark.parametrize("command", COMMANDS_THAT_IMPORT_PLUGINS, ids=" ".join)
def test_command_works_and_names_each_broken_plugin_once(aigc, twenty, command):
    ran = aigc(*command)
    complaints = [line for line in ran.complaints if "is broken" in line]
    assert len(complaints) == 5
    for name, (_, reason) in BROKEN.items():
        (line,) = [line for line in complaints if f"plugin {name} 1.0 " in line]
        assert reason in line
        assert f"-p no:{name}" in line, "the line says how to get rid of it"
    assert len([line for line in ran.complaints if "broken" in line or "Error" in line]) == 5


@pytest.mark.parametrize("command", [["runs", "list"], ["config", "show"], ["--help"], ["--version"]], ids=" ".join)
def test_command_that_needs_no_plugin_does_not_speak_of_them(aigc, twenty, command):
    assert aigc(*command).err == ""


def test_plugins_list_says_what_is_wrong_with_which(aigc, twenty):
    rows = {row["plugin"]: row for row in aigc("plugins", "list", "--json").json}
    assert [rows[f"good{number:02}"]["status"] for number in range(15)] == ["ok"] * 15
    for name, (_, reason) in BROKEN.items():
        assert rows[name]["status"] == "broken"
        assert reason in rows[name]["error"]


def test_commands_that_judge_plugins_fail_for_broken_ones(aigc, twenty):
    rows = {row["plugin"]: row["ok"] for row in aigc("plugins", "check", "--json", code=4).json}
    assert {name for name, ok in rows.items() if not ok} == set(BROKEN)
    assert aigc("plugins", "check", "good01", "--json").json[0]["ok"]
    aigc("doctor", code=1)


@pytest.mark.parametrize("name", BROKEN)
def test_run_that_needs_a_broken_plugin_fails(aigc, twenty, name, files):
    ran = aigc("generate", "--modality", "image", "-m", f"{name}/stripes", code=4)
    assert BROKEN[name][1] in ran.complaints[-1]
    assert files() == []


def test_replay_and_inspect_work(aigc, twenty):
    file = aigc("generate", "-m", "good03/stripes", "--seed", "1", "--json").json["items"][0]["file"]
    aigc("inspect", file)
    assert aigc("replay", file).out == "IDENTICAL\n"


def test_order_of_installation_changes_nothing(aigc, twenty):
    lists = [["generators", "list"], ["models", "list"], ["filters", "list"], ["plugins", "list"], ["plugins", "check"]]
    seen, pictures, complaints = [], [], []
    for shuffle in range(3):
        folders = twenty.path
        random.Random(shuffle).shuffle(folders)
        aigc.install(folders)
        said = [aigc(*command, "--json", code=4 if command[-1] == "check" else 0) for command in lists]
        seen.append([ran.json for ran in said])
        complaints.append([ran.err for ran in said])
        item = aigc("generate", "-m", "good03/stripes", "--seed", "1", "--json", "-o", f"{shuffle}").json["items"][0]
        pictures.append((aigc.folder / item["file"]).read_bytes())
    assert seen[0] == seen[1] == seen[2]
    assert complaints[0] == complaints[1] == complaints[2]
    assert pictures[0] == pictures[1] == pictures[2]


def test_broken_plugin_can_be_left_out(aigc, twenty):
    leave_out = [word for name in BROKEN for word in ("-p", f"no:{name}")]
    assert aigc(*leave_out, "generators", "list").err == ""


def test_plugins_can_be_left_out_by_the_environment(aigc, twenty):
    ran = aigc("generators", "list", "--json", env={"AIGC_DISABLE_PLUGINS": ",".join([*BROKEN, "good03"])})
    assert ran.err == ""
    assert "good03/stripes" not in {row["generator"] for row in ran.json}
    assert "good04/stripes" in {row["generator"] for row in ran.json}


def test_safe_leaves_nothing_but_the_built_ins(aigc, twenty):
    ran = aigc("--safe", "plugins", "list", "--json")
    assert ran.err == ""
    expected = {"crossmodal", "filters", "image", "metrics", "processors", "text", "transformers"}
    assert {row["plugin"] for row in ran.json if row["status"] == "ok"} == expected


def test_run_that_needs_a_plugin_that_was_left_out_says_so(aigc, twenty):
    ran = aigc("-p", "no:good03", "generate", "-m", "good03/stripes", code=4)
    assert "good03 1.0 is disabled" in ran.complaints[-1]


def test_help_and_version_import_no_plugin(aigc, site, tmp_path):
    trace = tmp_path / "imported"
    site.install("loud", f"open({str(trace)!r}, 'a').write('x')\n")
    aigc.install(site.path)
    aigc("--help")
    aigc("--version")
    aigc("generate", "--help")
    aigc("models", "--help")
    aigc(code=2)
    assert not trace.exists()
    aigc("generators", "list")
    assert trace.read_text() == "x"


def test_two_plugins_that_bring_the_same_generator(aigc, site):
    for distribution in ("aigc-plugin-bees", "aigc-plugin-ants"):
        name = distribution.removeprefix("aigc-plugin-")
        site.install(name, GOOD.replace("{name}/", "same/"), distribution=distribution)
    aigc.install(site.path)
    ran = aigc("plugins", "list", "--json")
    rows = {row["plugin"]: row for row in ran.json}
    assert rows["ants"]["status"] == "ok"
    assert "'same/stripes' is already declared by plugin ants 1.0" in rows["bees"]["error"]
    (line,) = ran.complaints
    assert "plugin bees 1.0" in line
