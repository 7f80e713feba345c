"""A folder of pictures, as people have them."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from aigc_core import FileError, UsageError
from aigc_core.data import read


def reasons(survey):
    return {tally.what: tally.count for tally in survey.skipped}


def test_pictures_at_any_depth_are_read_in_the_order_of_their_names(folder, blots):
    data = read(folder({"b.png": blots(0), "a/deep/down.jpg": blots(1), "c.webp": blots(2)}))
    assert data.names == ("a/deep/down.jpg", "b.png", "c.webp")
    assert data.pixels.shape == (3, 3, 40, 40) and data.pixels.dtype == np.uint8
    assert data.labels is None and data.label_names == ()


def test_class_sub_folders_become_labels(folder, blots):
    root = folder({"dog/1.png": blots(0), "cat/1.png": blots(1), "cat/old/2.png": blots(2), "notes.txt": "mine"})
    data = read(root)
    assert data.label_names == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1]
    assert data.survey.labels == {"cat": 2, "dog": 1}


def test_one_picture_outside_of_the_class_folders_leaves_all_without_labels(folder, blots):
    data = read(folder({"dog/1.png": blots(0), "cat/1.png": blots(1), "2.png": blots(2)}))
    assert data.labels is None
    assert "pictures without a class where others have one: 1; all are learnt without classes" in data.survey.warnings


def test_a_folder_around_everything_is_no_class(folder, blots):
    data = read(folder({"holiday/cat/1.png": blots(0), "holiday/dog/1.png": blots(1)}))
    assert data.label_names == ("cat", "dog")


def test_hidden_files_are_not_even_counted(folder, blots):
    root = folder({"1.png": blots(0), "2.png": blots(1), ".thumb.png": blots(2), ".git/x.png": blots(3)})
    assert read(root).survey.found == 2


def test_names_with_newlines_and_emoji_are_read_and_shown_in_one_line(folder, blots):
    root = folder({"🦊\n🌲.png": blots(0), "two\twords.png": blots(1), "bad\nname.png": b"no picture"})
    data = read(root)
    assert data.names == ("two\twords.png", "🦊\n🌲.png")
    assert data.survey.skipped[0].examples == ("bad\\nname.png",)
    assert all("\n" not in line for line in data.survey.lines())


def test_names_that_are_no_text_are_read(folder, blots, encode):
    root = folder({"1.png": blots(0)})
    (root / os.fsdecode(b"\xff\xfe.png")).write_bytes(encode(blots(1)))
    survey = read(root).survey
    assert survey.usable == 2
    json.dumps(survey.document()).encode()


def test_loops_of_links_end(folder, blots):
    root = folder({"a/1.png": blots(0), "a/2.png": blots(1)})
    (root / "a" / "back").symlink_to(root, target_is_directory=True)
    (root / "self.png").symlink_to(root / "self.png")
    (root / "gone.png").symlink_to(root / "nowhere.png")
    survey = read(root).survey
    assert survey.usable == 2
    assert set(reasons(survey)) == {
        "a link to a folder that is read already",
        "a broken link",
        "cannot be read: Too many levels of symbolic links",
    }


def test_a_linked_folder_is_read_and_keeps_its_name(folder, blots):
    elsewhere = folder({"1.png": blots(0), "2.png": blots(1)}, name="elsewhere")
    root = folder({"cat/3.png": blots(2)})
    (root / "dog").symlink_to(elsewhere, target_is_directory=True)
    assert read(root).names == ("cat/3.png", "dog/1.png", "dog/2.png")


def test_pipes_are_not_waited_for(folder, blots):
    root = folder({"1.png": blots(0), "2.png": blots(1)})
    os.mkfifo(root / "pipe.png")
    assert reasons(read(root).survey) == {"neither a file nor a folder": 1}


def test_files_and_folders_without_permission_are_skipped(folder, blots, monkeypatch):
    root = folder({"1.png": blots(0), "2.png": blots(1), "3.png": blots(2), "locked/4.png": blots(3)})
    read(root)  # whatever is imported is imported by now
    (root / "3.png").chmod(0)
    (root / "locked").chmod(0)
    root.chmod(0o755)
    monkeypatch.chdir(root)
    superuser = os.geteuid() == 0  # may read everything, so becomes nobody for a moment
    if superuser:
        os.seteuid(65534)
    try:
        survey = read(".").survey
    finally:
        if superuser:
            os.seteuid(0)
        (root / "locked").chmod(0o755)
    assert survey.usable == 2
    assert reasons(survey) == {"cannot be read: Permission denied": 2}
    assert set(survey.skipped[0].examples) == {"3.png", "locked/"}


def test_what_cannot_be_used_is_skipped_with_its_reason(folder, blots, encode):
    photo = encode(blots(0, (300, 300)), "JPEG")
    root = folder(
        {
            "1.png": blots(1),
            "2.png": blots(2),
            "half.jpg": photo[: len(photo) // 2],
            "dot.png": Image.new("RGB", (1, 1)),
            "notes.txt": "buy milk",
            "more.zip": b"PK\x03\x04",
            "empty.png": b"",
        }
    )
    survey = read(root, size=32).survey
    assert (survey.found, survey.usable) == (7, 2)
    assert reasons(survey) == {
        "an archive inside, which is not opened": 1,
        "smaller than 8×8, a quarter of the wanted size": 1,
        "an empty file": 1,
        "damaged or cut off": 1,
        "not a picture": 1,
    }
    assert any("5 of 7 files are left out" in warning for warning in survey.warnings)


def test_an_empty_folder_says_what_data_may_be(folder):
    with pytest.raises(
        UsageError, match=r"photos has no usable picture, and 2 are needed: 0 found .*a folder, a \.zip"
    ):
        read(folder({}))


def test_a_folder_of_texts_says_why_nothing_is_usable(folder):
    root = folder({f"{index}.txt": "once upon a time\n" * 30 for index in range(8)})
    with pytest.raises(UsageError, match=r"no usable picture.*8 found; skipped 8 not a picture \(0\.txt, 1\.txt"):
        read(root)


def test_one_picture_is_too_few_unless_one_is_enough(folder, blots):
    root = folder({"1.png": blots(0), "x.txt": "x"})
    with pytest.raises(
        UsageError, match=r"only one usable picture, and 2 are needed: 2 found; skipped 1 not a picture"
    ):
        read(root)
    assert len(read(root, least=1)) == 1
    with pytest.raises(UsageError, match="and 10 are needed"):
        read(root, least=10)


def test_three_pictures_are_read_with_a_warning(folder, blots):
    survey = read(folder({f"{seed}.png": blots(seed) for seed in range(3)})).survey
    assert any("only 3 different pictures: a network may learn them by heart" in warning for warning in survey.warnings)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileError, match=r"there is no file or folder .*nowhere"):
        read(tmp_path / "nowhere")


def test_a_file_of_an_unknown_kind_says_what_is_known(tmp_path):
    (tmp_path / "data.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(UsageError, match=r"data\.pkl is no kind of data .*\.parquet"):
        read(tmp_path / "data.pkl")


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_metadata_of_hugging_face_tells_captions_and_labels(folder, blots, name):
    rows = [("a/1.png", "a fox", "animal"), ("2.png", "a tree, green", "plant"), ("gone.png", "nothing", "plant")]
    if name.endswith("csv"):
        text = "file_name,text,label\n" + "".join(f'{file},"{caption}",{label}\n' for file, caption, label in rows)
    else:
        keys = ("file_name", "text", "label")
        text = "".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows) + "{broken\n"
    data = read(folder({"a/1.png": blots(0), "2.png": blots(1), name: text}))
    assert data.names == ("2.png", "a/1.png")
    assert data.captions == ("a tree, green", "a fox")
    assert data.label_names == ("animal", "plant") and data.labels.tolist() == [1, 0]
    assert reasons(data.survey)["named in the metadata, but not there"] == 1
    assert ("not JSON" in reasons(data.survey)) == name.endswith("jsonl")


def test_metadata_stands_beside_the_pictures_of_each_part(folder, blots):
    row = json.dumps({"file_name": "1.png", "text": "a fox"})
    files = {f"{part}/{index}.png": blots(index) for part in ("train", "test") for index in range(2)}
    data = read(folder({**files, "train/metadata.jsonl": row, "test/metadata.jsonl": row.replace("fox", "cat")}))
    assert data.names == ("train/0.png", "train/1.png")
    assert data.captions == (None, "a fox")


def test_a_text_beside_a_picture_is_its_caption(folder, blots):
    root = folder(
        {
            **{f"a/{place}.png": blots(place) for place in range(3)},
            "a/0.txt": "a fox\n",
            "a/1.TXT": "  一只猫 ",
            "a/2.txt": "",
            "notes.txt": "of nobody",
        }
    )
    data = read(root)
    assert data.names == ("a/0.png", "a/1.png", "a/2.png")
    assert data.captions == ("a fox", "一只猫", None)
    assert reasons(data.survey) == {"not a picture": 1}, "notes.txt lies beside no picture"


def test_a_caption_that_cannot_be_read_is_told_and_metadata_say_more(folder, blots):
    row = json.dumps({"file_name": "1.png", "text": "a fox"})
    root = folder({"0.png": blots(0), "1.png": blots(1), "1.txt": "a dog", "metadata.jsonl": row})
    (root / "0.txt").write_bytes(b"\xff\xfe\x00\xd8\x00")
    data = read(root)
    assert data.captions == (None, "a fox")
    assert len(reasons(data.survey)) == 1


def test_a_picture_with_several_captions_is_no_surplus(folder, blots):
    rows = "".join(f"{place % 3}{place}.png,caption {place}\n" for place in range(6))
    pictures = {f"{place % 3}{place}.png": blots(place % 3) for place in range(6)}
    captioned = read(folder({**pictures, "metadata.csv": "file_name,text\n" + rows}))
    plain = read(folder(pictures, name="plain"))
    assert captioned.survey.distinct == plain.survey.distinct == 3
    assert any("duplicates" in warning for warning in plain.survey.warnings)
    assert not any("duplicates" in warning for warning in captioned.survey.warnings)
