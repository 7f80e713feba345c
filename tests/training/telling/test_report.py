"""The report: whole whatever is missing, harmless whatever it is fed, and true to what the training left behind."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from aigc_core.training.telling.curves import Curve, chart, number
from aigc_core.training.telling.report import write_report

VOID = {"meta", "img", "br"}
NASTY = "<script>alert(1)</script>\"'&|\n<b>.png"


class Reader(HTMLParser):
    """Reads a page as a person does: its text by section, its tags in balance, what it would load."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.loads, self.texts, self.anchors = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.loads += [values[name] for name in ("src", "href", "xlink:href", "srcset", "action") if name in values]
        self.anchors += [values["id"]] if "id" in values else []
        assert not [name for name in values if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def read(folder):
    page = write_report(folder).read_text(encoding="utf-8")
    reader = Reader(page)
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", page).replace(NASTY, "")
    assert all(load.startswith(("data:image/", "#")) for load in reader.loads)
    assert {load[1:] for load in reader.loads if load.startswith("#")} <= set(reader.anchors)
    assert "script" not in reader.tags
    return reader


def row(step, **logs):
    return {
        "step": step, "seconds": step / 10, "examples_per_second": 640.0,
        "lr": {"discriminator": 2e-4, "generator": 1e-4},
        "logs": {"discriminator/loss": 1.0 + step, "generator/loss": 0.5, **logs},
    }  # fmt: skip


def lines(path, rows):
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")


@pytest.fixture
def model(tmp_path):
    """A model folder with all that a training leaves."""
    run = tmp_path / "my-gan" / "training"
    (run / "samples").mkdir(parents=True)
    for step in range(0, 1001, 100):
        Image.fromarray(np.full((68, 68, 3), step // 5, np.uint8)).save(run / "samples" / f"step-{step:07d}.png")
    for name in ("film.gif", "neighbours.png", "reconstructions.png"):
        Image.new("L", (30, 30)).save(run / name)
    asked = {
        "name": "my-gan", "component": "image/gan", "data": "photos",
        "command": "aigc train image/gan photos --seed 12345",
        "seed": 12345, "steps": 1000, "config": {"latent_dim": 64, "loss": "hinge"}, "training": {"betas": [0.5, 0.99]},
        "estimate": {"seconds": 90.0, "low": 80.0, "high": 120.0}, "finished": {"steps": 1000, "seconds": 80.0},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(asked), encoding="utf-8")
    lines(run / "metrics.jsonl", [row(step, **{"samples/near_copies": 0.25}) for step in range(100, 1001, 100)])
    alarm = {"step": 700, "name": "mode collapse", "message": "samples are alike", "advice": "lower the learning rate"}
    lines(run / "alarms.jsonl", [alarm])
    survey = {
        "pictures": 2000, "sizes": {"smallest": "1x1", "largest": "640x480"},
        "skipped": [{"what": "truncated", "count": 3, "examples": [NASTY]}, *[{"what": "empty"} for _ in range(99)]],
        "duplicates": [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]],
    }  # fmt: skip
    (run / "survey.json").write_text(json.dumps(survey), encoding="utf-8")
    fd = {
        "name": "FD(digits-cnn)", "value": 1.23456, "n": 10000, "interval": {"low": 1.2, "high": 1.3, "method": "b"},
        "floor": {"value": 0.4}, "extractor": {"name": "digits-cnn"}, "reference": {"split": "validation", "n": 5000},
    }  # fmt: skip
    (run.parent / "metrics.json").write_text(json.dumps({"evaluation": [fd]}), encoding="utf-8")
    return run.parent


def test_a_report_tells_all_there_is(model):
    text = read(model).text
    for told in (
        "my-gan", "image/gan learnt from photos", "1,000 steps", "80 s training time", "640 examples a second",
        "1 alarm", "mode collapse at step 700 samples are alike Try: lower the learning rate",
        "Fixed-seed samples at step 1,000", "step 0", "discriminator", "learning rate",
        "25% of the fixed-seed samples are near copies", "the nearest training picture",
        "FD(digits-cnn) 1.235 (1.2 to 1.3) 0.4 10,000 digits-cnn validation, 5,000",
        "skipped", "truncated", "and 40 more", "a.jpg, b.jpg", "2000",
        "estimated after the warm-up 90 s (80 s to 2 min)", "taken over estimated 0.89",
        "aigc train image/gan photos --seed 12345", "12345", "latent dim 64", "hinge", "0.5, 0.99",
    ):  # fmt: skip
        assert told in text, told
    assert "unfinished" not in text


def test_whatever_a_file_name_tries_is_shown_as_text(model):
    assert "<script>alert(1)</script>\"'&| <b>.png" in read(model).text


def test_names_labels_and_logs_are_shown_as_text_too(model):
    run = model / "training"
    asked = {
        "name": NASTY,
        "component": NASTY,
        "data": NASTY,
        "command": NASTY,
        "config": {NASTY: [NASTY, {NASTY: {}}]},
    }
    (run / "run.json").write_text(json.dumps(asked))
    lines(run / "metrics.jsonl", [row(step, **{f"{NASTY}/{NASTY}": 2.0}) for step in (1, 2)])
    lines(run / "alarms.jsonl", [{"step": 1, "name": NASTY, "message": NASTY, "advice": NASTY}])
    (model / "metrics.json").write_text(json.dumps({"evaluation": [{"name": NASTY, "value": NASTY}]}))
    assert read(model).text.count("alert(1)") >= 12


def test_the_pictures_of_the_training_are_in_the_page(model):
    loads = [load for load in read(model).loads if load.startswith("data:")]
    kinds = [load[: load.index(";")] for load in loads]
    assert kinds.count("data:image/png") == 3
    assert kinds.count("data:image/gif") == 1
    assert kinds.count("data:image/jpeg") == 4


def test_an_empty_folder_has_a_report_too(tmp_path):
    assert "unfinished" in read(tmp_path).text


def test_a_report_after_a_crash_leaves_out_what_was_cut_short_and_what_was_taken_again(model):
    run = model / "training"
    (run / "run.json").write_text(json.dumps({"component": "image/vae", "steps": 5000}))
    rows = [
        row(100),
        row(200),
        {**row(150), "logs": {"generator/loss": 7.25}},
        {**row(200), "logs": {"generator/loss": 8.5}},
    ]
    lines(run / "metrics.jsonl", rows)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 300, "sec')
    (run / "survey.json").write_text("{")
    (run / "samples" / "step-0000100.png").write_bytes(b"\x89PNG half")
    text = read(model).text
    assert "200 of 5,000 steps" in text
    assert "unfinished" in text
    assert "generator/loss" not in text
    assert "loss 8.5" in text  # the newest row of step 200


@pytest.mark.parametrize("content", ["[]", "nonsense", '{"run": NaN}', "[" * 9000, '{"estimate": 3, "finished": []}'])
def test_files_that_are_not_what_they_should_be_do_not_matter(model, content):
    for name in ("run.json", "survey.json", "metrics.jsonl", "alarms.jsonl", "../metrics.json"):
        (model / "training" / name).write_text(content)
    assert "Samples" in read(model).text


def test_a_log_of_many_rows_makes_a_small_page(model):
    lines(model / "training" / "metrics.jsonl", [row(step) for step in range(1, 20_001)])
    assert len(write_report(model).read_bytes()) < 200_000


def points(svg, kind="line"):
    [path] = re.findall(rf'class="{kind} c0" d="M([^"]*)"', svg.split("<ul")[0])
    return [tuple(map(float, pair.split())) for pair in path.rstrip("Z").split("L")]


def test_a_curve_goes_from_left_to_right_and_up_where_numbers_rise():
    places = points(chart("loss", [Curve("a", [(0, 1.0), (10, 2.0), (20, 4.0)])]))
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    (_, first), (_, second), (_, third) = places
    assert first > second > third
    assert first - second == pytest.approx((second - third) / 2, abs=0.2)


def test_numbers_of_many_sizes_are_drawn_by_their_logarithms():
    svg = chart("loss", [Curve("a", [(1, 0.01), (2, 1.0), (3, 100.0)])])
    (_, first), (_, second), (_, third) = points(svg)
    assert first - second == pytest.approx(second - third, abs=0.2)
    assert "(logarithmic)" in svg
    assert "(logarithmic)" not in chart("loss", [Curve("a", [(1, -0.01), (2, 100.0)])])


def test_a_noisy_curve_is_a_mean_with_its_spread_behind():
    svg = chart("loss", [Curve("a", [(n, float(n % 2)) for n in range(10_000)])])
    heights = [y for _, y in points(svg)]
    assert len(heights) < 300
    assert max(heights) - min(heights) < 5
    spread = [y for _, y in points(svg, "band")]
    assert max(spread) - min(spread) > 150


def test_all_curves_stay_inside_the_chart_and_alarms_are_marked():
    curves = [Curve(f"curve {n}", [(x, (-1) ** n * 10.0**n * x) for x in range(5)]) for n in range(14)]
    svg = chart("many", curves, {2: "mode collapse", 99: "after the end"})
    numbers = [float(each) for path in re.findall(r'class="line[^"]*" d="M([^"]*)"', svg.split("<ul")[0])
               for pair in path.split("L") for each in pair.split()[1:]]  # fmt: skip
    assert 0 <= min(numbers) < max(numbers) <= 270
    assert svg.count('class="mark"') == 1
    assert "mode collapse" in svg
    assert "and 2 more" in svg


@pytest.mark.parametrize(
    "points", [[(5, 3.0)], [(5, 0.0), (6, 0.0)], [(1, 1e-30), (2, 2e-30)], [(1, float("nan")), (2, 1.0)], [(1, -1e12)]]
)
def test_lone_equal_tiny_and_broken_points_can_be_drawn(points):
    Reader(chart("odd", [Curve("a", points)]))
    assert "nan" not in chart("odd", [Curve("a", points)])


def test_nothing_finite_is_no_chart():
    assert chart("none", [Curve("a", []), Curve("b", [(1, float("inf"))])]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1500, "1,500"),
        (0.25, "0.25"),
        (2e-5, "2e-5"),
        (3_000_000, "3M"),
        (-1.5, "-1.5"),
        (1.234e12, "1.23e12"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text
