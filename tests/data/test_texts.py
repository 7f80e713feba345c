"""Texts from every kind of source: what is read, what is refused, and what is said about it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest

from aigc_core import ItemError, UsageError
from aigc_core.data import TextReading, read_texts
from aigc_core.data.text_store import Texts
from aigc_core.errors import FileError

POEM = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
VERSES = ["In the beginning", "And the earth was without form", "And God said", "Let there be light"]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path, **reading):
    return list(read_texts(path, TextReading(**reading)).data.texts)


# Text files


def test_a_text_a_line_where_lines_follow_each_other(tmp_path):
    assert texts(write(tmp_path / "verses.txt", "\n".join(VERSES))) == VERSES


def test_a_text_a_paragraph_where_empty_lines_part_several_lines(tmp_path):
    file = write(tmp_path / "poems.txt", f"{POEM}\n\n\n{POEM[::-1]}\n\n")
    assert texts(file) == [POEM, POEM[::-1]]
    assert texts(file, unit="line") == [*POEM.split("\n"), *POEM[::-1].split("\n")]
    assert texts(file, unit="file") == [f"{POEM}\n\n\n{POEM[::-1]}"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_the_encoding_is_found_out(tmp_path, encoding):
    assert texts(write(tmp_path / "poem.txt", POEM.encode(encoding)), unit="line") == POEM.split("\n")


def test_an_encoding_that_cannot_be_told_is_refused_and_can_be_said(tmp_path):
    file = write(tmp_path / "café.txt", "Übermut tut selten gut\nà la carte\n".encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8") as error:
        read_texts(file)
    assert "--set encoding=latin-1" in error.value.hint
    assert texts(file, encoding="latin-1") == ["Übermut tut selten gut", "à la carte"]
    with pytest.raises(UsageError, match="no encoding 'klingon'"):
        read_texts(file, TextReading(encoding="klingon"))


def test_a_damaged_line_is_left_out_and_named(tmp_path):
    # Far behind what the encoding is found out from.
    lines = b"a good line of text\n" * 60_000 + b"\xff\xfe broken\n" + b"the last one\n"
    found = read_texts(write(tmp_path / "long.txt", lines))
    assert len(found.data) == 60_001
    assert [(tally.what, tally.examples) for tally in found.survey.skipped] == [("not UTF-8", ("line 60001",))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no usable text"),
        (b"\n \n\t\n", "no usable text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is no text"),
        (b"only this\n", "only one usable text"),
    ],
    ids=["empty", "blank", "binary", "one line"],
)
def test_what_cannot_be_learnt_from_is_refused(tmp_path, content, message):
    with pytest.raises(UsageError, match=message):
        read_texts(write(tmp_path / "bad.txt", content), least=2)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileError, match="no file or folder"):
        read_texts(tmp_path / "nowhere.txt")


# Tables


def test_the_column_of_texts_is_found_by_its_name(tmp_path):
    file = write(tmp_path / "verses.csv", "label,text\n" + "".join(f"bible,{verse}\n" for verse in VERSES))
    found = read_texts(file)
    assert list(found.data.texts) == VERSES
    assert found.data.label_names == ("bible",)


def test_pairs_are_a_source_and_a_target(tmp_path):
    rows = [{"article": f"A long story about {verse}.", "summary": verse} for verse in VERSES]
    file = write(tmp_path / "pairs.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = read_texts(file)
    assert list(found.data.texts) == VERSES
    assert list(found.data.sources) == [row["article"] for row in rows]
    assert found.survey.pairs


def test_columns_can_be_named_and_a_wrong_name_has_a_near_miss(tmp_path):
    file = write(tmp_path / "pairs.csv", "long,short\n" + "".join(f"about {verse},{verse}\n" for verse in VERSES))
    assert texts(file, source="long", target="short") == VERSES
    assert texts(file, text="long") == [f"about {verse}" for verse in VERSES]
    with pytest.raises(UsageError, match=r"column of pairs\.csv 'shorty'") as error:
        read_texts(file, TextReading(source="long", target="shorty"))
    assert "short" in error.value.hint
    with pytest.raises(UsageError, match="no column that is the target"):
        read_texts(file, TextReading(source="long"))
    with pytest.raises(UsageError, match="no column of texts"):
        read_texts(file)


def test_a_lone_surrogate_is_left_out(tmp_path):
    file = write(tmp_path / "odd.jsonl", '{"text": "good one"}\n{"text": "bad \\ud800 one"}\n{"text": "another"}\n')
    found = read_texts(file)
    assert list(found.data.texts) == ["good one", "another"]
    assert found.survey.skipped[0].what == "a lone surrogate, which is no character"


def test_a_parquet_file_and_its_splits(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"sentence": VERSES})
    parquet.write_table(table, tmp_path / "verses.parquet")
    assert texts(tmp_path / "verses.parquet") == VERSES


def test_a_column_split_parts_the_data(tmp_path):
    rows = [f"{verse},{split}" for verse, split in zip(VERSES, ["train", "train", "val", "test"], strict=True)]
    found = read_texts(write(tmp_path / "verses.csv", "\n".join(["text,split", *rows])))
    assert [list(found.part(split).texts) for split in ("train", "validation", "test")] == [
        VERSES[:2],
        VERSES[2:3],
        VERSES[3:],
    ]


# Folders and archives


def members():
    return {"sad/a.txt": "Alas", "sad/b.md": "Woe", "glad/c.txt": "Hurrah", "glad/d.png": b"\x89PNG\0"}


def test_a_folder_of_text_files_with_classes(tmp_path):
    for name, content in members().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, content)
    found = read_texts(tmp_path)
    assert dict(zip(found.data.texts, found.data.labels, strict=True)) == {"Alas": 1, "Woe": 1, "Hurrah": 0}
    assert found.data.label_names == ("glad", "sad")
    assert found.survey.skipped[0].examples == ("glad/d.png",)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_of_text_files(tmp_path, kind):
    path = tmp_path / f"texts.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members().items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members().items():
                data = content if isinstance(content, bytes) else content.encode()
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    assert sorted(texts(path)) == ["Alas", "Hurrah", "Woe"]


# What is made of them


def test_duplicates_are_told_kept_together_and_left_out_on_request(tmp_path):
    sentence = "The quick brown fox jumps over the lazy dog near the river bank, number {}"
    lines = [sentence.format("one")] * 3 + [sentence.format("ones")] + [f"line {n} {n * n}" for n in range(40)]
    file = write(tmp_path / "lines.txt", "\n".join(lines))
    found = read_texts(file)
    assert (found.survey.exact.surplus, found.survey.near.surplus) == (2, 3)
    assert len({found.parts[place] for place in range(4)}) == 1  # what is nearly the same is never parted
    assert len(texts(file, duplicates="exact")) == 42
    assert len(texts(file, duplicates="near")) == 41


def test_a_step_that_drops_texts_is_counted_with_its_reason(tmp_path):
    def only_short(text):
        if len(text) > 16:
            raise ItemError("longer than 16 characters")
        return text.lower()

    found = read_texts(write(tmp_path / "verses.txt", "\n".join(VERSES)), prepare=only_short)
    assert list(found.data.texts) == ["in the beginning", "and god said"]
    assert [(tally.what, tally.count) for tally in found.survey.skipped] == [("longer than 16 characters", 2)]


def test_the_split_of_a_text_does_not_depend_on_what_else_there_is(tmp_path):
    lines = [f"sentence number {n} of {n * 7919 % 1000}" for n in range(400)]
    whole = read_texts(write(tmp_path / "whole.txt", "\n".join(lines)))
    half = read_texts(write(tmp_path / "half.txt", "\n".join(lines[::2])))
    assert half.parts == whole.parts[::2]
    counts = whole.survey.splits
    assert counts["train"] > 280 and counts["validation"] > 20 and counts["test"] > 20


def test_the_survey_tells_scripts_lengths_and_warns_of_little(tmp_path):
    survey = read_texts(write(tmp_path / "poem.txt", POEM), TextReading(unit="line")).survey
    assert survey.lengths == (12, 12, 12)
    assert list(survey.scripts) == ["CJK"]
    assert any("learn them by heart" in warning for warning in survey.warnings)
    assert json.loads(json.dumps(survey.document()))["characters"] == 24


# The store


def test_texts_are_a_sequence():
    stored = Texts(["a", "", "床前"])
    assert list(stored) == ["a", "", "床前"]
    assert stored[-1] == "床前" and stored[:2] == ["a", ""] and len(stored) == 3
    stored.append("more")
    assert stored[3] == "more"
    with pytest.raises(IndexError):
        stored[4]


def test_many_texts_lie_on_disk(monkeypatch):
    monkeypatch.setattr("aigc_core.data.text_store.IN_MEMORY", 1000)
    stored = Texts(f"text number {n}" for n in range(1000))
    assert stored.size > 1000
    assert [stored[place] for place in (0, 500, 999)] == ["text number 0", "text number 500", "text number 999"]
    assert stored.digest() == Texts(f"text number {n}" for n in range(1000)).digest()


def test_some_of_many_texts_stay_where_they_are():
    some = Texts(["a", "b", "c", "d"]).some(np.array([3, 1, 1]))
    assert some == ["d", "b", "b"] and some[-1] == "b" and some[:2] == ["d", "b"]
    assert some.some(np.array([2, 0])) == ["b", "d"]
    assert some != ["d", "b", "c"]


def test_names_may_hold_what_texts_may_not():
    assert Texts(["a\udcff"], errors="surrogatepass")[0] == "a\udcff"
    with pytest.raises(UnicodeEncodeError):
        Texts(["a\udcff"])
