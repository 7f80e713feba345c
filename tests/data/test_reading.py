"""Sizes, channels, parts, limits, the fingerprint, and what the survey says."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from aigc_core import UsageError
from aigc_core.data import SPLITS, read, read_parts, reading, split_of
from aigc_core.data.memory import Room, available_memory
from aigc_core.data.splits import split_named
from aigc_core.training import Pictures


@pytest.fixture
def many(folder, blots):
    return folder({f"{seed:03}.png": blots(seed, (32, 32)) for seed in range(120)})


def test_photos_of_many_sizes_become_64(folder, blots):
    sizes = [(640, 480), (300, 200), (80, 90), (50, 50)]
    survey = read(folder({f"{index}.jpg": blots(index, size) for index, size in enumerate(sizes)})).survey
    assert survey.size == (64, 64)
    assert survey.sizes == ((50, 50), (300, 200), (640, 480))


def test_small_pictures_of_many_sizes_become_32(folder, blots):
    sizes = [(40, 40), (50, 60), (33, 33)]
    assert read(folder({f"{i}.png": blots(i, size) for i, size in enumerate(sizes)})).survey.size == (32, 32)


def test_the_size_can_be_said(many):
    assert read(many, size=16).pixels.shape == (120, 3, 16, 16)
    assert read(many, size=(8, 24)).pixels.shape == (120, 3, 8, 24)


def test_grey_pictures_have_one_channel_and_one_in_colour_makes_three(folder, blots):
    grey = folder({f"{index}.png": blots(index).convert("L").convert("RGB") for index in range(3)}, "grey")
    mixed = folder({"1.png": blots(0), "2.png": blots(1).convert("L")}, "mixed")
    assert read(grey).survey.channels == 1
    assert read(mixed).survey.channels == 3
    assert read(mixed).survey.modes == {"RGB": 1, "L": 1}
    assert read(grey, channels=3).pixels.shape[1] == 3
    in_grey = np.asarray(blots(0).convert("L"))
    assert np.array_equal(read(mixed, channels=1).pixels[0, 0], in_grey)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": 2}, "pictures of 2 pixels"),
        ({"size": (64, 5000)}, "pictures of 5000 pixels"),
        ({"channels": 2}, "no pictures of 2 channels .*1 for grey, 3 for colour"),
        ({"fit": "squeeze"}, "fit cannot be 'squeeze' .*crop, pad, stretch"),
        ({"background": "whitish"}, "'whitish' is no colour"),
        ({"split": "dev"}, "no split 'dev' .*train, validation, test or all"),
        ({"limit": 0}, "the limit is 0"),
    ],
)
def test_wrong_options_are_refused(many, options, message):
    with pytest.raises(UsageError, match=message):
        read(many, **options)


def test_what_was_read_can_be_learnt_from(folder, blots):
    data = read(folder({"cat/1.png": blots(0), "dog/1.png": blots(1)}))
    assert Pictures(data.pixels, data.labels, data.label_names).described.labels == ("cat", "dog")


def test_the_fingerprint_is_that_of_the_data_and_not_of_its_place(folder, blots):
    files = {"cat/1.png": blots(0), "dog/1.png": blots(1)}
    here = read(folder(files, "here")).survey
    assert (
        read(folder({**dict(reversed(files.items())), "dog/x.txt": "x"}, "there")).survey.fingerprint
        == here.fingerprint
    )
    other = folder({**files, "dog/1.png": blots(2)}, "other")
    renamed = folder({"cat/1.png": blots(0), "pig/1.png": blots(1)}, "renamed")
    smaller = read(folder(files, "smaller"), size=20)
    assert len({survey.fingerprint for survey in (here, read(other).survey, read(renamed).survey, smaller.survey)}) == 4


def test_the_survey_is_json_and_says_no_path(many, tmp_path):
    survey = read(many).survey
    document = json.loads(json.dumps(survey.document()))
    assert document["found"] == document["usable"] == 120 and document["size"] == [32, 32]
    assert document["memory"] == 120 * 3 * 32 * 32
    assert str(tmp_path) not in json.dumps(document)
    assert survey.lines()[0] == "folder: 120 usable pictures of 120 found"


def test_progress_is_told(many):
    told = []
    read(many, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 120) for number in range(1, 121)]


# Parts


def test_data_without_parts_is_parted_by_hash(many):
    parts = {split: read(many, split=split, least=1) for split in SPLITS}
    names = [name for part in parts.values() for name in part.names]
    assert sorted(names) == list(read(many).names)
    assert len(parts["train"]) > 80 and all(part.survey.split_by == "hash" for part in parts.values())
    assert read(many).survey.split == "all"


def test_parts_read_in_one_go_are_the_same(many):
    for split, part in read_parts(many, size=32).items():
        alone = read(many, size=32, split=split, least=1)
        assert part.survey == alone.survey and np.array_equal(part.pixels, alone.pixels)


def test_parts_have_the_same_size_and_channels_whatever_lies_in_them(folder, blots):
    files = {f"train/{seed}.png": blots(seed, (48, 48)) for seed in range(12)}
    root = folder({**files, "test/1.png": blots(98).convert("L"), "test/2.png": blots(99).convert("L")})
    assert read(root, split="test").pixels.shape[1:] == (1, 40, 40)
    assert {part.pixels.shape[1:] for part in read_parts(root).values()} == {(3, 32, 32)}


def test_parts_have_the_same_classes_whatever_lies_in_them(folder, blots):
    names = ("train/cat/1", "train/dog/1", "test/dog/1", "test/emu/1")
    parts = read_parts(
        folder({f"{name}.png": blots(seed) for seed, name in enumerate(names)}), ("train", "test"), size=32
    )
    assert {part.label_names for part in parts.values()} == {("cat", "dog", "emu")}
    assert parts["test"].labels.tolist() == [1, 2]


def test_copies_never_lie_in_different_parts(folder, blots):
    root = folder({f"{copy}/{seed}.png": blots(seed, (32, 32)) for seed in range(40) for copy in "ab"})
    for part in read_parts(root).values():
        assert part.survey.exact.surplus * 2 == len(part)


def test_groups_never_lie_in_different_parts(folder, blots):
    root = folder({f"{seed % 20}-{seed}.png": blots(seed) for seed in range(60)})
    parts = read_parts(root, group=lambda name: name.split("-")[0])
    found = {split: {name.split("-")[0] for name in part.names} for split, part in parts.items()}
    assert sum(map(len, found.values())) == 20
    assert all(split_of(key) == split for split, keys in found.items() for key in keys)


def test_a_column_may_name_the_group(folder, blots):
    rows = "".join(f"{seed}.png,g{seed % 10}\n" for seed in range(30))
    root = folder({**{f"{seed}.png": blots(seed) for seed in range(30)}, "x.csv": f"file,group\n{rows}"})
    for split, part in read_parts(root / "x.csv").items():
        assert all(split_of(f"g{int(name[:-4]) % 10}") == split for name in part.names)


def test_folders_named_for_parts_are_parts_and_no_classes(folder, blots):
    files = {
        f"{part}/{label}/{index}.png": blots(hash_)
        for hash_, (part, label, index) in enumerate(
            (part, label, index)
            for part in ("train", "valid", "test")
            for label in ("cat", "dog")
            for index in range(2)
        )
    }
    root = folder(files)
    data = read(root)
    assert data.names[0] == "train/cat/0.png" and len(data) == 4
    assert data.label_names == ("cat", "dog")
    assert read(root, split="validation").names[0] == "valid/cat/0.png"
    assert len(read(root, split="all")) == 12
    assert read(root, split="train").survey.fingerprint == data.survey.fingerprint


def test_what_a_source_lacks_is_cut_from_its_training_data(folder, blots):
    files = {f"train/{seed}.png": blots(seed) for seed in range(60)} | {
        f"test/{seed}.png": blots(100 + seed) for seed in range(5)
    }
    root = folder(files)
    parts = read_parts(root)
    assert len(parts["test"]) == 5 and parts["test"].survey.split_by == "source"
    assert len(parts["train"]) + len(parts["validation"]) == 60 and len(parts["validation"]) > 0
    assert not set(parts["train"].names) & set(parts["validation"].names)
    assert len(read(root)) == 60


def test_a_source_with_other_parts_only_asks_which(folder, blots):
    root = folder({"val/1.png": blots(0), "val/2.png": blots(1), "test/1.png": blots(2), "test/2.png": blots(3)})
    with pytest.raises(UsageError, match=r"photos has no part train \(it has validation and test; say which"):
        read(root)
    assert len(read(root, split="test")) == 2
    assert list(read_parts(root)) == ["validation", "test"]


def test_a_part_with_nothing_in_it_says_so(folder, blots):
    with pytest.raises(UsageError, match="no usable picture in its part test"):
        root = folder({"1.png": blots(0)})
        read(root, split="test" if split_of(b"") != "test" else "validation", group=lambda name: "", least=1)


def test_the_split_is_the_one_that_is_documented():
    counts = {split: sum(split_of(str(key)) == split for key in range(2000)) for split in SPLITS}
    assert counts["train"] > 1500 and 150 < counts["validation"] < 250 and 150 < counts["test"] < 250
    tenth = int(sha256(b"1F600").hexdigest(), 16) % 10
    assert split_of("1F600") == {0: "test", 1: "validation"}.get(tenth, "train")
    assert [split_named(name) for name in ("Train", "val", "valid", "dev", "testing", "cats")] == [
        "train",
        "validation",
        "validation",
        "validation",
        "test",
        None,
    ]


# Limits


def test_a_limit_draws_evenly_and_always_the_same(many):
    some = read(many, limit=30)
    assert len(some) == 30 and some.survey.kept == 30 and some.survey.usable == 120
    assert some.names == read(many, limit=30).names == tuple(sorted(some.names))
    assert int(some.names[-1][:3]) > 90
    assert set(read(many, limit=10).names) < set(some.names)
    assert any(line == "drawn from them: 30" for line in some.survey.lines())


def test_more_pictures_than_memory_are_refused_with_advice(many, monkeypatch):
    monkeypatch.setattr(reading, "Room", lambda name: Room(name, available=600_000))
    with pytest.raises(UsageError, match=r"photos take more memory than .* \(read them smaller, or fewer of them\)"):
        read(many)
    assert len(read(many, size=16)) == 120
    assert len(read(many, limit=40)) == 40


def test_the_memory_there_is_is_known():
    assert 1024**2 < available_memory() < 1 << 50


# Warnings


def test_identical_pictures_are_said_to_be_one(folder, blots, encode):
    content = encode(blots(0, (16, 16)))
    survey = read(folder({f"{index}.png": content for index in range(1000)})).survey
    assert survey.distinct == 1 and survey.exact.surplus == 999
    assert "all 1,000 pictures look the same: nothing but that picture can be learnt" in survey.warnings
    assert len(survey.exact.groups) == 1 and len(survey.exact.groups[0]) == 5


def test_classes_that_are_not_balanced_are_told(folder, blots):
    files = {f"cat/{seed}.png": blots(seed) for seed in range(20)} | {"dog/1.png": blots(99), "dog/2.png": blots(98)}
    assert "classes are not balanced: 'cat' has 20 pictures, 'dog' has 2" in read(folder(files)).survey.warnings


def test_one_class_is_told(folder, blots):
    files = {"a.png": blots(0), "b.png": blots(1), "x.csv": "file,label\na.png,fox\nb.png,fox\n"}
    assert any("there is one class only, 'fox'" in warning for warning in read(folder(files) / "x.csv").survey.warnings)


def test_pictures_that_are_enlarged_are_told(folder, blots):
    survey = read(folder({f"{seed}.png": blots(seed, (20, 20)) for seed in range(3)}), size=64).survey
    assert any("smaller than 64×64 and are enlarged" in warning for warning in survey.warnings)


def test_what_was_done_to_pictures_is_noted(folder, blots, encode):
    moving = encode(blots(0), "GIF", save_all=True, append_images=[blots(1)])
    survey = read(folder({"a.gif": moving, "b.png": blots(2), "c.png": Image.new("L", (40, 40), 7)})).survey
    (note,) = survey.notes
    assert (note.what, note.count, note.examples) == ("several frames, the first is taken", 1, ("a.gif",))
    assert any(line.startswith("note: 1 several frames") for line in survey.lines())
