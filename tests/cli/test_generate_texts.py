"""``aigc generate`` where texts are made: what stdout gets, what is read, what reaches a terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

FROST = "the frost bell silver crane night ferry"  # seed 6 after "the"; 7 and 8 are clean, too


@pytest.fixture
def generate(aigc, studio):
    """Run ``aigc generate`` with a text generator of the studio plugin."""

    def run(*arguments, code=0, model="studio/poet"):
        return aigc("generate", "--plugin", studio, "-m", model, *arguments, code=code)

    return run


@pytest.fixture
def stdin(monkeypatch):
    """Put bytes on stdin."""

    def put(content: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


@pytest.fixture
def poems(model_without_weights):
    """A model whose calls have four items."""
    return str(model_without_weights("poems", "studio/poet", prompt="optional", micro_batch=4).absolute())


# What stdout gets


def test_piped_rows_have_the_text_in_one_line(generate):
    said = generate("the", "--seed", "6", "--set", "ending=!\nand\ta tab, \x1b[31m", "-o", "x")
    assert said.out == f"file\tseed\ttext\nx/studio-poet-6.txt\t6\t{FROST}!\\nand\\ta tab, \\x1b[31m\n"


def test_json_has_the_text_as_it_is(generate):
    said = generate("the", "--seed", "6", "--set", "ending=\x9b31m\x7f\x1b\n", "--json")
    assert said.json["items"][0]["text"] == f"{FROST}\x9b31m\x7f\x1b\n"
    assert not {"\x9b", "\x7f", "\x1b"} & set(said.out), "JSON spells them"


def test_on_a_terminal_each_text_stands_below_where_it_is(generate, at_a_terminal):
    said = generate("the", "-n", "3", "--seed", "6", "-o", "x")
    blocks = said.out.strip().split("\n\n")
    assert [block.count("\n") for block in blocks] == [1, 1, 1]
    assert "x/studio-poet-6.txt · seed 6" in blocks[0]
    assert blocks[0].endswith(FROST)
    assert "3 made" in said.err


def test_quiet_on_a_terminal_names_the_files_only(generate, at_a_terminal):
    said = generate("the", "--seed", "6", "-q")
    assert "studio-poet-6.txt" in said.out
    assert "frost" not in said.out


def test_steps_from_one_text_to_another_are_listed(generate, at_a_terminal):
    said = generate("--interpolate", "the moon", "a ferry", "--frames", "3", "--seed", "1")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert [line for line in lines if line[:1].isdigit()] == ["0 the moon", "0.5 a moon", "1 a ferry"]


def test_steps_in_rows_and_as_json(generate):
    arguments = ("--interpolate", "the moon", "a ferry", "--frames", "2", "--seed", "1", "-o", "x")
    assert generate(*arguments).out == (
        "file\tt\ttext\nx/studio-poet-1-0.txt\t0\tthe moon\nx/studio-poet-1-1.txt\t1\ta ferry\n"
    )
    told = generate(*arguments, "--json").json
    assert (told["seed"], told["film"], told["sheet"]) == (1, None, None)
    assert [(item["seed"], item["between"]) for item in told["items"]] == [(1, 0.0), (1, 1.0)]


# Streams


def test_a_stream_is_the_text_and_nothing_else(generate):
    said = generate("the", "--seed", "6", "--stream", "-o", "x")
    assert said.out == f"{FROST}\n"
    assert "1 made with studio/poet in x" in said.err


def test_several_texts_are_streamed_one_after_the_other(generate, poems):
    said = generate("the", "-n", "3", "--seed", "6", "--stream", model=poems)
    texts = [row["text"] for row in generate("the", "-n", "3", "--seed", "6", "--json", model=poems).json["items"]]
    assert said.out == "\n\n".join(texts) + "\n"


def test_what_is_streamed_to_a_pipe_is_as_it_was_written(generate):
    said = generate("the", "--seed", "6", "--stream", "--set", "ending=\r\x1b[31m\n")
    assert said.out == f"{FROST}\r\x1b[31m\n"


def test_what_is_streamed_to_a_terminal_cannot_steer_it(generate, at_a_terminal):
    said = generate("a\x1b]0;title\x07", "--seed", "6", "--stream", "--set", "ending=\x9b2J\r\tz")
    assert said.out == "a\\x1b]0;title\\x07 frost bell silver crane night ferry\\x9b2J\\r\tz\n"


def test_several_on_a_terminal_have_headings(generate, at_a_terminal):
    said = generate("the", "-n", "2", "--seed", "6", "--stream")
    heading, text, blank, _, _ = said.out.splitlines()
    assert "seed 6" in heading
    assert (text, blank) == (FROST, "")


def test_a_text_that_is_blocked_on_the_way_says_so_and_the_next_one_begins_a_line(generate):
    """Seeds 5 and 9 speak of gold."""
    said = generate("-n", "2", "--seed", "5", "--stream", "-o", "x", code=3)
    assert "gold" not in said.out
    assert said.out.endswith("\n\nfrost bell silver crane night ferry\n")
    assert "what was shown of item 0 is not kept" in said.err
    assert "item 0 (seed 5) blocked: no-gold: speaks of gold" in said.err
    assert [path.name for path in sorted(Path("x").iterdir())][:1] == ["studio-poet-6.txt"]


def test_an_item_that_is_blocked_before_its_turn_is_passed_over(generate, poems):
    said = generate("the", "-n", "4", "--seed", "4", "--stream", model=poems, code=3)
    assert said.out.count("\n\n") + 1 >= 3
    assert "frost bell silver crane night ferry\n" in said.out


def test_a_stream_that_has_to_wait_says_why(generate):
    said = generate("the", "--seed", "6", "--stream", "--post", "shout")
    assert said.out == f"{FROST.upper()}\n"
    assert "texts come only when they are whole: the postprocessor 'shout' takes whole texts" in said.err


def test_events_are_lines_of_json(generate):
    said = generate("the", "--seed", "6", "--stream", "--json", "-o", "x")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["event"] for line in lines] == ["started", *["text"] * 6, "created", "finished"]
    assert (lines[0]["total"], lines[0]["seed"], lines[0]["modality"]) == (1, 6, "text")
    assert FROST.startswith("".join(line["delta"] for line in lines if line["event"] == "text"))
    created = lines[-2]
    assert (created["text"], created["file"], created["index"]) == (FROST, "x/studio-poet-6.txt", 0)
    assert {"recipe", "digest", "seed"} <= set(created)
    assert (lines[-1]["created"], lines[-1]["run"]) == (1, lines[0]["run"])
    assert said.err == ""


def test_events_tell_what_was_not_made(generate):
    said = generate("-n", "2", "--seed", "5", "--stream", "--json", code=3)
    lines = [json.loads(line) for line in said.out.splitlines()]
    (blocked,) = (line for line in lines if line["event"] == "blocked")
    assert (blocked["index"], blocked["reason"]) == (0, "no-gold: speaks of gold")
    assert "text" not in blocked


def test_events_of_pictures(generate, monkeypatch):
    monkeypatch.setenv("AIGC_MODERATION_SKIP", "no-bright")
    said = generate("-n", "2", "--seed", "5", "--stream", "--json", "--grid", model="studio/noise")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["event"] for line in lines] == ["started", "created", "created", "finished"]
    assert lines[-1]["sheet"].endswith("-grid.png")


# What is read


def test_a_prompt_from_stdin(generate, stdin):
    stdin("床前明月光\n".encode())
    assert generate("-", "--seed", "6", "--stream", "--set", "words=1").out == "床前明月光 frost\n"


def test_stdin_is_left_alone_by_everything_else(generate, monkeypatch):
    class Untouchable(io.TextIOWrapper):
        def __getattribute__(self, name):
            raise AssertionError("stdin was looked at")

    monkeypatch.setattr(sys, "stdin", Untouchable(io.BytesIO()))
    assert generate("--seed", "6").out.startswith("file\t")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "there is no prompt on stdin"),
        (b"\n", "there is no prompt on stdin"),
        (b"caf\xe9", "the prompt on stdin is no UTF-8 (byte 3)"),
        (b"x" * 1_000_001, "the prompt on stdin has more than 1,000,000 bytes"),
        (b"x" * 200_001, "the prompt has 200,001 characters"),
    ],
)
def test_a_stdin_that_is_no_prompt(generate, stdin, content, message):
    stdin(content)
    assert message in generate("-", code=2).err


def test_a_stdin_that_is_closed_is_no_prompt(generate, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "there is no prompt on stdin" in generate("-", code=2).err


def test_like_a_text_itself_or_in_a_file(generate):
    Path("notes.md").write_text("\ufeffthe moon is bright\r\n", encoding="utf-8")
    said = [generate("--like", like, "--seed", "6", "--stream").out for like in ("the moon is bright", "@notes.md")]
    assert said[0] == said[1]
    twice = ("--interpolate", "@@home by ferry", "@@away", "--frames", "2")
    assert generate(*twice, "--stream").out == "@home by ferry\n\n@away by ferry\n"


def test_a_file_that_is_given_as_a_text_is_not_guessed_at(generate):
    Path("notes.txt").write_text("the moon", encoding="utf-8")
    told = generate("--like", "notes.txt", code=2).err
    assert "'notes.txt' is a file here, and a text is wanted (for what stands in it: @notes.txt)" in told
    assert "there is no file gone.txt" in generate("--like", "@gone.txt", code=1).err
    Path("latin.txt").write_bytes(b"caf\xe9")
    assert "latin.txt is no UTF-8 text" in generate("--like", "@latin.txt", code=1).err


def test_a_text_longer_than_any_file_name_is_a_text(generate):
    long = "moon " * 1000
    assert generate("--like", long, "--seed", "6", "--stream").out.count("moon") >= 999


def test_texts_to_go_between_may_stand_in_files(generate):
    Path("a.txt").write_text("the moon\n", encoding="utf-8")
    said = generate("--interpolate", "@a.txt", "a ferry", "--frames", "2", "--seed", "1", "--stream")
    assert said.out == "the moon\n\na ferry\n"


def test_whole_numbers_are_seeds(generate):
    said = generate("--interpolate", "6", "7", "--frames", "2", "--stream")
    assert said.out.splitlines()[0] == "frost bell silver crane night ferry"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid"], "--grid is for pictures"),
        (["--interpolate", "the moon", "a ferry", "-n", "3"], "exclude each other"),
        (["--interpolate", "3", "9", "--seed", "3"], "it has two seeds already"),
        (["--interpolate", "3", "a ferry", "--frames", "1"], "1 frames cannot go"),
        (["--interpolate", "the moon", "the moon"], "no way to go"),
        (["--set", "temperature=-1"], "temperature: Input should be greater than or equal to 0"),
        (["--set", "temperature=nan"], "temperature: Input should be greater than or equal to 0, not 'nan'"),
        (["--set", "temperature=inf"], "temperature is inf"),
        (["--set", "stop=[a"], 'a list is written as ["a","b"]'),
    ],
)
def test_what_does_not_go_together(generate, arguments, message):
    assert message in generate(*arguments, code=2).err


def test_a_stream_of_pictures_needs_json(generate):
    assert "--stream is for texts" in generate("--stream", code=2, model="studio/noise").err


def test_options_have_their_types(generate):
    said = generate("the", "--seed", "6", "--set", "stop=silver", "--set", "temperature=1", "--stream")
    assert said.out == "the frost bell\n"
    assert generate("the", "--seed", "6", "--set", 'stop=["night","silver"]', "--stream").out == "the frost bell\n"


def test_what_goes_wrong_in_the_middle_of_a_text_is_told_on_a_line_of_its_own(generate):
    ran = generate("the", "-n", "3", "--seed", "6", "--set", "wrong=stop", "--stream", code=130)
    assert ran.out == "the f\n"
    assert ran.err.startswith("aigc: interrupted: 0 of 3 done; go on with the same command and --seed 6 -n 3")
    broken = generate("the", "--seed", "6", "--set", "wrong=raise", "--stream", code=4)
    assert broken.out == "the f\n"
    assert "out of ink" in broken.err


# Talk


def test_talk_cannot_steer_a_terminal(generate):
    told = generate("the", "--set", "wrong=\x1b[2J", "--set", "\x1b[31m=1", code=2).err
    assert "\x1b" not in told
    assert "\\x1b[31m" in told


def test_a_shown_recipe_cannot_steer_a_terminal(aigc, generate, at_a_terminal):
    generate("a\x1b[31mred", "--seed", "6", "-o", "x", "-q")
    said = aigc("inspect", "x/studio-poet-6.txt").out
    assert "\x1b" not in said
    assert "a\\x1b[31mred" in said
