"""The examples, used as their reader would use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def hello(tmp_path_factory) -> Path:
    """``examples/aigc-plugin-hello``, built and installed into a folder."""
    target = tmp_path_factory.mktemp("hello")
    subprocess.run(
        [
            *[sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"],
            *["--no-deps", "--no-build-isolation", "--target", target, EXAMPLES / "aigc-plugin-hello"],
        ],
        check=True,
    )
    return target


@pytest.fixture
def with_hello(aigc, hello):
    aigc.install([hello])
    return aigc


def test_third_party_distribution_brings_one_of_each(with_hello):
    (row,) = [row for row in with_hello("plugins", "list", "--json").json if row["plugin"] == "hello"]
    assert (row["origin"], row["source"], row["status"]) == ("installed", "aigc-plugin-hello", "ok")
    assert {"generators", "preprocessors", "postprocessors", "selectors", "filters"} == set(row["declares"])
    assert with_hello("plugins", "check", "hello", "--json").json[0]["ok"]


def test_third_party_components_work_together(with_hello):
    aigc = with_hello
    ran = aigc(
        *["generate", "-m", "hello/tiles", "a quiet garden", "-n", "2", "--seed", "7", "--set", "size=64"],
        *["--pre", "hello/emphasise word=garden", "--post", "hello/frame width=4"],
        *["--candidates", "3", "--select", "hello/most-colourful", "--json"],
    )
    for item in ran.json["items"]:
        with Image.open(aigc.folder / item["file"]) as picture:
            assert picture.size == (64 + 2 * 12, 64 + 2 * 12)
        recipe = aigc("inspect", item["file"], "--json").json["recipe"]
        assert recipe["generator"]["plugin"] == "hello"
        assert [step["step"] for step in recipe["pre"]] == ["hello/emphasise"]
        assert [step["step"] for step in recipe["post"]] == ["hello/frame"]
        assert recipe["selection"]["selector"] == "hello/most-colourful"
        assert "hello/no-shouting" in [entry["name"] for entry in recipe["moderation"]["filters"]]
        assert aigc("replay", item["file"]).out == "IDENTICAL\n"


def test_third_party_filter_blocks(with_hello, files):
    ran = with_hello("generate", "-m", "hello/tiles", "PAINT IT ALL RED NOW", "--seed", "7", code=3)
    assert "hello/no-shouting" in ran.err
    assert files() == []


def test_one_file_filter_blocks_a_prompt_with_a_cat(with_hello, files):
    no_cats = ["--plugin", EXAMPLES / "no_cats.py"]
    blocked = with_hello(*no_cats, "generate", "-m", "hello/tiles", "a cat on a mat", "--seed", "7", code=3)
    assert "blocked" in blocked.err
    assert files() == []
    with_hello(*no_cats, "generate", "-m", "hello/tiles", "a dog on a mat", "--seed", "7")
    assert len(files()) == 1


def test_blocked_prompt_stands_nowhere(with_hello, tmp_path):
    no_cats = ["--plugin", EXAMPLES / "no_cats.py"]
    with_hello(*no_cats, "generate", "-m", "hello/tiles", "a cat called Xanthippe", "--seed", "7", code=3)
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"Xanthippe" in path.read_bytes() for path in kept)


def test_one_file_plugin_from_configuration_is_found_from_its_folder(with_hello):
    no_cats = (EXAMPLES / "no_cats.py").read_text()
    (with_hello.folder / "filters").mkdir()
    (with_hello.folder / "filters" / "no_cats.py").write_text(no_cats)
    (with_hello.folder / "aigc.toml").write_text('[plugins]\nload = ["filters/no_cats.py"]\n')
    with_hello("generate", "-m", "hello/tiles", "a cat", "--seed", "7", code=3)
