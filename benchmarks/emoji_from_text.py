"""Whether pictures of texts are of what was asked for: emoji by their names, judged by who had no part in their making.

    python benchmarks/emoji_from_text.py [--model emoji-from-text] [--prompts 300] [--candidates 16]

300 names of training emoji are painted, one picture each, the product's way: so many candidates, and the one kept that
is nearest to the prompt in the space of ``emoji-joint``. Then a judge that was trained on real emoji from nothing
(``emoji_judge.py``), and has part neither in training nor in choosing, says which real emoji the picture is most like:
its place among all 1,623 is the rank of the one that was asked for. The same for the names of test concepts, which no
model was trained on; the judge knows their pictures. How good the judge is stands beside it.

Near copies: the share of pictures that lie so near to a training picture as ``aigc train`` calls a copy. A sheet of 50
prompts with four seeds each is written to ``results/``; look at it.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

from measuring import Bar, judge, one_thread, print_table, versions

one_thread()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "recipes"))

import emoji  # noqa: E402
import emoji_pairs  # noqa: E402
import numpy as np  # noqa: E402
from emoji_judge import EmojiJudge, altered, places  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

RESULTS = HERE / "results" / "emoji-from-text"
SEED, RESAMPLES, SHEET, ALTERED = 0, 2000, 50, 600
WANTED = 60


class Painter:
    """The product, asked for pictures."""

    def __init__(self, model: str, candidates: int) -> None:
        from aigc_core import Pipeline

        self._pipeline, self._model, self._candidates = Pipeline(), model, candidates

    def paint(self, prompt: str, seed: int, *, candidates: int | None = None) -> NDArray[np.uint8]:
        """Return one picture, uint8 ``(3, 64, 64)``."""
        count = candidates or self._candidates
        select = "crossmodal/nearest" if count > 1 else None
        result = self._pipeline.generate("image", prompt, model=self._model, seed=seed, candidates=count, select=select)
        return np.asarray(result[0].content).transpose(2, 0, 1)


def interval(hits: NDArray[Any]) -> str:
    """Return the mean of hits and a 95 % bootstrap interval over prompts, in percent."""
    random = np.random.default_rng(SEED)
    means = [hits[random.integers(0, len(hits), len(hits))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{100 * hits.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def row(what: str, found: NDArray[np.int64]) -> list[str]:
    """Return a row of the table: how often the right emoji is first, and among ten."""
    return [what, str(len(found)), interval(found <= 1), interval(found <= 10), f"{np.median(found):.0f}"]


def near_copies(made: NDArray[np.uint8], training: NDArray[np.uint8]) -> float:
    """Return the share of pictures that the product calls near copies of training pictures."""
    import torch

    from aigc_core import Pictures
    from aigc_core.training.watching.neighbours import NearCopies, distinct, small, small_data

    real = small_data(Pictures(training), np.arange(len(training)))
    copies = NearCopies(real[distinct(real)])
    return float(copies.share(small(torch.from_numpy(made).float() / 255)))


def apart(pictures: list[NDArray[np.uint8]]) -> float:
    """Return the mean distance of two of some pictures, root mean square over pixels in [0, 1]."""
    pairs = combinations([picture.astype(np.float64) / 255 for picture in pictures], 2)
    return float(np.mean([np.sqrt(((one - other) ** 2).mean()) for one, other in pairs]))


def main() -> int:
    """Paint, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="emoji-from-text", help="name or folder")
    parser.add_argument("--prompts", type=int, default=300, help="names of training emoji")
    parser.add_argument("--candidates", type=int, default=16)
    given = parser.parse_args()
    rows = emoji.table()
    names = [emoji_pairs.without_tones(str(code)) for code in rows["codes"]]
    pixels, parts, styles = rows["pixels"], rows["parts"], rows["styles"]
    print(versions("torch", "aigc-core"))
    eyes = EmojiJudge(pixels, names, RESULTS)
    table = [judged_unseen(pixels, names, styles), judged_altered(eyes, pixels, names)]

    painter, random = Painter(given.model, given.candidates), np.random.default_rng(SEED)
    chosen = {
        part: sorted({name for name, mine in zip(names, parts, strict=True) if mine == part})
        for part in ("train", "test")
    }
    chosen["train"] = [str(name) for name in random.permutation(chosen["train"])[: given.prompts]]
    training = pixels[parts == "train"]
    bars, copies = [], {"validation emoji": near_copies(pixels[parts == "validation"], training)}
    for part, wanted in chosen.items():
        for language in ("en", "zh"):
            texts = [emoji_pairs.captions(language)[name].label for name in wanted]
            for candidates in sorted({given.candidates, 1 if language == "en" else given.candidates}, reverse=True):
                made = np.stack([painter.paint(text, seed, candidates=candidates) for seed, text in enumerate(texts)])
                found = places(eyes, made, wanted, pixels, names)
                what = f"{part}, {language}, {candidates} candidate{'s' if candidates > 1 else ''}"
                table.append(row(what, found))
                copies[what] = near_copies(made, training)
                if (part, language, candidates) == ("train", "en", given.candidates):
                    bars.append(
                        Bar(
                            "own emoji in the judge's top 10, training emoji",
                            100 * (found <= 10).mean(),
                            WANTED,
                            " %",
                            least=True,
                        )
                    )
    print_table(["pictures", "n", "own emoji first", "own emoji in 10", "median rank"], table)
    print_table(
        ["pictures", "near copies of training pictures"],
        [[what, f"{100 * share:.1f} %"] for what, share in copies.items()],
    )
    sheet(painter, chosen["train"][:SHEET], rows, names)
    return judge(bars)


def judged_unseen(pixels: NDArray[np.uint8], names: list[str], styles: NDArray[np.str_]) -> list[str]:
    """Return how a judge that never saw a style finds its emoji among those of the other two."""
    seen = styles != "fluent"
    others = [name for name, kept in zip(names, seen, strict=True) if kept]
    known = set(others)
    asked = [place for place in np.flatnonzero(~seen) if names[place] in known]
    judge = EmojiJudge(pixels[seen], others, RESULTS)
    found = places(judge, pixels[asked], [names[place] for place in asked], pixels[seen], others)
    return row("real Fluent, a judge that knows Noto and Twemoji", found)


def judged_altered(eyes: EmojiJudge, pixels: NDArray[np.uint8], names: list[str]) -> list[str]:
    """Return how the judge itself finds real emoji that were altered; each lies in the gallery as it was."""
    asked = np.random.default_rng(SEED).choice(len(pixels), ALTERED, replace=False)
    found = places(eyes, altered(pixels[asked], SEED + 1), [names[place] for place in asked], pixels, names)
    return row("real, altered, the judge itself", found)


def sheet(painter: Painter, wanted: list[str], rows: Any, names: list[str]) -> None:
    """Paint four seeds of each prompt, write them beside each other, and say how far they are apart."""
    from PIL import Image

    from aigc_core.contact_sheet import contact_sheet

    cells, seeds, real = [], [], []
    for name in wanted:
        text = emoji_pairs.captions("en")[name].label
        made = [painter.paint(text, seed, candidates=1) for seed in range(4)]
        seeds.append(apart(made))
        of = [
            rows["pixels"][place]
            for place, each in enumerate(names)
            if each == name and str(rows["codes"][place]) == name
        ]
        if len(of) > 1:
            real.append(apart(of))
        cells += [Image.fromarray(picture.transpose(1, 2, 0)) for picture in made]
    path = RESULTS / "sheet.png"
    contact_sheet(cells, columns=20).save(path)
    print(
        f"Four seeds of a prompt are {np.mean(seeds):.3f} apart on the mean, "
        f"the styles of an emoji {np.mean(real):.3f}."
    )
    print(f"{len(wanted)} prompts with four seeds each, without candidates: results/{path.parent.name}/{path.name}")


if __name__ == "__main__":
    sys.exit(main())
