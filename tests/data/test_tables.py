"""Lists, tables, arrays and saved data sets."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aigc_core import FileError, UsageError
from aigc_core.data import Record, open_source, read


def reasons(survey):
    return {tally.what: tally.count for tally in survey.skipped}


GREY = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)


# .npz


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_keep_their_size_and_order(tmp_path):
    data = read(save(tmp_path / "x.npz", pixels=GREY, labels=np.arange(12) % 3))
    assert np.array_equal(data.pixels, GREY[:, None])
    assert data.labels.tolist() == [0, 1, 2] * 4 and data.label_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "pixels",
    [
        GREY[:, None],
        GREY[..., None],
        GREY.reshape(12, 784),
        GREY / 255,
        (GREY / 255).astype(np.float32),
        GREY.astype(int),
    ],
    ids=["NCHW", "NHWC", "flat", "float64", "float32", "int64"],
)
def test_arrays_come_in_many_layouts(tmp_path, pixels):
    assert np.array_equal(read(save(tmp_path / "x.npz", images=pixels)).pixels, GREY[:, None])


def test_colour_arrays_come_in_both_layouts(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (5, 3, 32, 32), np.uint8)
    assert np.array_equal(read(save(tmp_path / "a.npz", x=colours)).pixels, colours)
    assert np.array_equal(read(save(tmp_path / "b.npz", x=colours.transpose(0, 2, 3, 1))).pixels, colours)


def test_arrays_by_part_are_splits(tmp_path):
    path = save(
        tmp_path / "mnist.npz",
        x_train=GREY[:8],
        y_train=np.arange(8),
        x_test=GREY[8:],
        y_test=np.arange(4).reshape(4, 1),
    )
    assert (len(read(path)), len(read(path, split="test")), len(read(path, split="all"))) == (8, 4, 12)
    assert read(path).survey.split == "train" and read(path).survey.split_by == "source"


def test_labels_of_arrays_may_have_names(tmp_path):
    named = read(save(tmp_path / "a.npz", pixels=GREY[:3], labels=[1, 0, 1], label_names=["dog", "cat"]))
    assert named.label_names == ("dog", "cat") and named.labels.tolist() == [1, 0, 1]
    texts = read(save(tmp_path / "b.npz", pixels=GREY[:3], y=["cat", "ape", "cat"]))
    assert texts.label_names == ("ape", "cat") and texts.labels.tolist() == [1, 0, 1]


def test_labels_are_ordered_as_numbers(tmp_path):
    assert read(save(tmp_path / "x.npz", pixels=GREY[:3], labels=[10, 9, 100])).label_names == ("9", "10", "100")


def test_pickled_objects_are_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('opened')",))

    objects = np.empty(2, object)
    objects[:] = [Bomb(), Bomb()]
    with pytest.raises(UsageError, match=r"pixels of x\.npz holds pickled objects, which are never opened"):
        read(save(tmp_path / "x.npz", pixels=objects))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"weights": GREY}, "no array of pictures; it has weights .name it pixels"),
        ({"pixels": GREY[0, 0]}, r"uint8 of shape \(28,\)"),
        ({"pixels": GREY[:0]}, r"uint8 of shape \(0, 28, 28\)"),
        ({"pixels": GREY * 2.0}, "values of pixels in x.npz go from 0 to"),
        ({"pixels": GREY - 1.0}, "go from -1 to"),
        ({"pixels": np.full((2, 8, 8), np.nan)}, "go from nan to nan"),
        ({"pixels": GREY, "labels": np.arange(3)}, r"labels of x.npz is int64 of shape \(3,\)"),
        ({"pixels": GREY, "labels": np.arange(12) + 0.5}, "give whole numbers or names"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    with pytest.raises(UsageError, match=message):
        read(save(tmp_path / "x.npz", **arrays))


def test_a_damaged_file_of_arrays_is_an_error(tmp_path):
    path = save(tmp_path / "x.npz", pixels=GREY)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FileError, match=r"x\.npz is no readable \.npz file"):
        read(path)


# .csv, .tsv, .jsonl, .txt


def test_a_table_names_pictures_beside_it(folder, blots):
    table = "path,label,caption\na.png,fox,a red fox\nsub/b.png,cat,\ngone.png,cat,x\n,cat,x\nbroken\n"
    root = folder({"a.png": blots(0), "sub/b.png": blots(1), "list.csv": table})
    data = read(root / "list.csv")
    assert data.names == ("a.png", "sub/b.png")
    assert data.label_names == ("cat", "fox") and data.labels.tolist() == [1, 0]
    assert data.captions == ("a red fox", None)
    assert reasons(data.survey) == {
        "there is no such file": 1,
        "names no file": 1,
        "not 3 columns, as the first line has": 1,
    }


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_may_have_other_separators(folder, blots, separator):
    text = "\ufefffile_name,class\r\na.png,1\r\nb.png,2\r\n".replace(",", separator)
    data = read(folder({"a.png": blots(0), "b.png": blots(1), "x.csv": text}) / "x.csv")
    assert data.label_names == ("1", "2")


@pytest.mark.parametrize(
    "header, order",
    [
        ("label," + ",".join(f"pixel{index}" for index in range(784)), "first"),
        (",".join(f"pixel{index}" for index in range(784)) + ",class", "last"),
        ("", "first"),
        ("", "none"),
    ],
)
def test_a_table_of_pixels_is_read(tmp_path, header, order):
    rows = []
    for number, picture in enumerate(GREY):
        pixels, label = [str(value) for value in picture.ravel()], [str(number % 3)]
        rows.append(",".join({"first": label + pixels, "last": pixels + label, "none": pixels}[order]))
    (tmp_path / "x.csv").write_text("\n".join([header, *rows, "1,2,3"]).lstrip() + "\n")
    data = read(tmp_path / "x.csv")
    assert np.array_equal(data.pixels, GREY[:, None])
    assert data.labels is None if order == "none" else data.labels.tolist() == [0, 1, 2] * 4
    assert reasons(data.survey) == {"not 28 numbers from 0 to 255".replace("28", "784"): 1}


def test_a_table_without_pictures_says_what_it_has(tmp_path):
    (tmp_path / "x.csv").write_text("name,age\nAnna,7\n")
    with pytest.raises(UsageError, match=r"x\.csv has no column that names pictures; it has name, age .*file_name"):
        read(tmp_path / "x.csv")


def test_broken_lines_of_json_are_skipped(folder, blots):
    lines = ['{"file_name": "a.png", "label": 3}', "{oops", '["a.png"]', "", '{"file_name": "b.png", "label": 12}']
    lines += ["[" * 100_000, '{"label": 1}', '{"file_name": "gone.png"}', '{"file_name": "a\\u0000.png"}']
    data = read(folder({"a.png": blots(0), "b.png": blots(1), "x.jsonl": "\n".join(lines)}) / "x.jsonl")
    assert data.label_names == ("3", "12")
    assert reasons(data.survey) == {
        "not JSON": 2,
        "not a JSON object": 1,
        "names no file": 1,
        "there is no such file": 1,
        "cannot be read: the name is impossible": 1,
    }


def test_rows_may_say_their_split(folder, blots):
    files = {f"{index}.png": blots(index) for index in range(6)}
    rows = "".join(f"{index}.png,{'train' if index < 4 else 'val'}\n" for index in range(6))
    path = folder({**files, "x.csv": "file,split\n" + rows + "5.png,extra\n"}) / "x.csv"
    assert reasons(read(path).survey) == {"belongs to no split that is known": 1}
    assert read(path).names == ("0.png", "1.png", "2.png", "3.png")
    assert read(path, split="validation").names == ("4.png", "5.png")


def test_a_list_of_paths_is_read(folder, blots):
    root = folder({"a.png": blots(0), "sub/b.png": blots(1), "list.txt": "a.png\n\nsub/b.png\r\ngone.png\n"})
    data = read(root / "list.txt")
    assert data.names == ("a.png", "sub/b.png")
    assert reasons(data.survey) == {"there is no such file": 1}


@pytest.mark.parametrize(
    "name, text",
    [
        ("poem.txt", "To see a World\nin a Grain of Sand\n"),
        ("poem.jsonl", '{"text": "To see a World"}\n{"text": "in a Grain of Sand"}\n'),
        ("poem.csv", "text\nTo see a World\nin a Grain of Sand\n"),
    ],
)
def test_texts_are_records_and_no_pictures(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    source = open_source(tmp_path / name)
    assert source.modality == "text"
    records = list(source.records())
    assert all(isinstance(record, Record) for record in records)
    assert [record.content for record in records] == ["To see a World", "in a Grain of Sand"]
    with pytest.raises(UsageError, match=f"{name} holds texts, and pictures are needed"):
        read(tmp_path / name)


# .parquet and saved data sets


@pytest.fixture
def rows(blots, encode):
    return [{"bytes": encode(blots(index)), "path": f"{index}.png"} for index in range(4)]


CLASSES = {
    "info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["fox", "cat"], "_type": "ClassLabel"}}}
}


def test_parquet_of_hugging_face_is_read(tmp_path, rows):
    table = pa.table({"image": rows, "label": [0, 1, 1, 0], "text": ["a", "b", None, "d"]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(CLASSES)})
    pq.write_table(table, tmp_path / "x.parquet")
    data = read(tmp_path / "x.parquet")
    assert data.label_names == ("fox", "cat") and data.labels.tolist() == [0, 1, 1, 0]
    assert data.captions == ("a", "b", None, "d")
    assert data.pixels.shape == (4, 3, 40, 40)


def test_parquet_with_plain_bytes_and_names_is_read(tmp_path, rows):
    values = [row["bytes"] for row in rows[:3]] + [None]
    pq.write_table(pa.table({"png": values, "label": ["b", "a", "b", "a"]}), tmp_path / "x.parquet")
    data = read(tmp_path / "x.parquet")
    assert data.label_names == ("a", "b") and data.labels.tolist() == [1, 0, 1]
    assert reasons(data.survey) == {"holds no picture": 1}


def test_parquet_without_pictures_and_damaged_ones_are_errors(tmp_path):
    pq.write_table(pa.table({"age": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="no column of this Parquet file holds pictures; it has age"):
        read(tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(FileError, match=r"y\.parquet cannot be read"):
        read(tmp_path / "y.parquet")


def save_dataset(root, table, features=CLASSES):
    """What ``datasets.Dataset.save_to_disk`` writes."""
    root.mkdir(parents=True)
    table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    half = len(table) // 2
    names = [f"data-{index:05}-of-00002.arrow" for index in range(2)]
    for name, part in zip(names, (table.slice(0, half), table.slice(half)), strict=True):
        with pa.OSFile(str(root / name), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part)
    (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (root / "dataset_info.json").write_text(json.dumps(features["info"]))


def test_a_saved_data_set_is_read(tmp_path, rows):
    save_dataset(tmp_path / "saved", pa.table({"image": rows, "label": [0, 1, 1, 0]}))
    data = read(tmp_path / "saved")
    assert data.label_names == ("fox", "cat") and data.labels.tolist() == [0, 1, 1, 0]
    assert data.survey.source == "saved Hugging Face data set"


def test_a_saved_data_set_with_parts_is_read_by_part(tmp_path, rows):
    for part, chosen in (("train", rows[:3]), ("test", rows[3:])):
        save_dataset(tmp_path / "saved" / part, pa.table({"image": chosen, "label": [0] * len(chosen)}))
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert len(read(tmp_path / "saved")) == 3
    assert len(read(tmp_path / "saved", split="test", least=1)) == 1


def test_a_saved_data_set_reads_no_file_outside_of_it(tmp_path, rows):
    save_dataset(tmp_path / "saved", pa.table({"image": rows, "label": [0, 1, 1, 0]}))
    (tmp_path / "saved" / "data-00000-of-00002.arrow").rename(tmp_path / "secret.arrow")
    (tmp_path / "saved" / "state.json").write_text('{"_data_files": [{"filename": "../secret.arrow"}]}')
    with pytest.raises(FileError, match=r"saved/secret\.arrow cannot be read"):
        read(tmp_path / "saved")


def test_a_damaged_saved_data_set_is_an_error(tmp_path, rows):
    save_dataset(tmp_path / "saved", pa.table({"image": rows, "label": [0, 1, 1, 0]}))
    (tmp_path / "saved" / "data-00001-of-00002.arrow").write_bytes(b"ARROW1")
    with pytest.raises(FileError, match=r"data-00001-of-00002\.arrow cannot be read"):
        read(tmp_path / "saved")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from aigc_core.data import read\n"
        "try: read('x.parquet')\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("UsageError") and "pip install 'aigc-core[data]'" in done.stdout


def test_reading_pictures_costs_neither_torch_nor_pyarrow(folder, blots):
    root = folder({"1.png": blots(0), "2.png": Image.new("L", (40, 40))})
    code = (
        "import sys; from aigc_core.data import read; read('.')\n"
        "print([name for name in ('torch', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
