"""How regular the verse of ``tang-rnn`` is: form, rhyme, lines out of the training set, acrostics.

    pip install pypinyin opencc-python-reimplemented
    python benchmarks/verse_form.py [-n 1000] [--model NAME]

Poems are made as anybody makes them, without a prompt, with the model's own settings; nothing holds them to a form.
Rhyme is measured in held-out real quatrains in the same way, and so is how often those have a line of the training
set: never, as the data is parted by shared lines. Acrostics begin with characters drawn from all that the model knows.
A model that is told labels gets drawn ones, and a line says so: one that is told its rhyme has less to find by itself.

Twenty poems, four continued lines and four acrostics stand below the numbers. Read them.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import Bar, installed, judge, one_thread, print_table, progress, versions

one_thread()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "recipes"))

from prosody import Rhymes, has_form, is_acrostic, lines_of, repeated, rhymes_of  # noqa: E402 - below what they need

if TYPE_CHECKING:
    from aigc_core import Item

SEED = 0
#: First lines that are gone on from; they stand in poems that everybody knows.
OPENINGS = ("床前明月光", "空山不见人", "故人西辞黄鹤楼", "清明时节雨纷纷")
HEADS = ("春夏秋冬", "风花雪月", "平安喜乐", "人工智能")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What a poem is asked to begin with, or its lines."""

    prompt: str | None = None
    acrostic: str = ""


class Poet:
    """A model of verse that writes as the pipeline has it written: many at once, each from a seed of its own."""

    def __init__(self, model: str) -> None:
        from aigc_core import Order, Pipeline

        pipeline = Pipeline()
        plan = pipeline.plan(Order("text", model=model))
        assert plan.model is not None
        self.name = plan.model.name
        self.labels = plan.model.labels if plan.takes_label else ()
        self._plan = plan
        self._model = plan.model
        self._generator = pipeline.generator(plan)
        self._options = type(plan.options)

    @property
    def characters(self) -> list[str]:
        """The Chinese characters that it knows."""
        from aigc_text.tokenizer import Tokenizer

        pieces = (piece.decode() for piece in Tokenizer.from_bytes(self._model.read("tokenizer.json")).pieces)
        return sorted(piece for piece in pieces if "\u3400" <= piece <= "\u9fff")

    def write(self, wishes: Sequence[Wish]) -> list[str]:
        """Write a poem for each wish."""
        from aigc_core import Final

        size = self._model.manifest.micro_batch
        poems: list[str] = []
        for start in range(0, len(wishes), size):
            progress(f"{self.name}: {start}/{len(wishes)}")
            chosen = [*wishes[start : start + size], *[Wish()] * size][:size]
            items = [self._item(wish, place) for place, wish in enumerate(chosen, start)]
            finals = {each.index: each.content for each in self._generator.generate(items) if isinstance(each, Final)}
            poems += [str(finals[index]) for index in range(size)]
        progress("")
        return poems[: len(wishes)]

    def _item(self, wish: Wish, place: int) -> Item:
        from aigc_core import Item, Noise

        # A model that is told a label gets one that nobody chose, as it does where a person asks for none.
        condition = self._plan.condition(Noise(SEED + place, "condition"))
        noise = Noise(SEED + place, "generate/0")
        return Item(wish.prompt, {}, condition, self._options(acrostic=wish.acrostic), noise)


def drawn_heads(characters: Sequence[str], n: int) -> list[str]:
    """Draw what n acrostics begin with, evenly from all characters."""
    draw = random.Random(SEED)
    return ["".join(draw.choices(characters, k=4)) for _ in range(n)]


def main() -> int:
    arguments = _arguments()
    if not all([installed("pypinyin"), installed("opencc-python-reimplemented")]):
        return 1
    import tang
    import torch

    torch.set_num_threads(1)
    known = {line for poem in tang.load("train").texts for line in lines_of(poem)}
    real = list(tang.load("test").texts)
    poet = Poet(arguments.model)
    poems = poet.write([Wish()] * arguments.n)
    heads = drawn_heads(poet.characters, arguments.acrostics)
    asked = list(zip(heads, poet.write([Wish(acrostic=head) for head in heads]), strict=True))
    print(versions("aigc-core", "torch", "pypinyin"))
    print(f"{len(poems):,} poems by {poet.name}; {len(real):,} held-out quatrains, {len(known):,} lines learnt from")
    print(f"told: {f'one of {len(poet.labels)} labels, drawn' if poet.labels else 'nothing'}\n")
    heard = {"model": rhymes_of(poems), "held-out quatrains": rhymes_of(real)}
    _print_rates({"model": poems, "held-out quatrains": real}, heard, known)
    _print_poems(poet, poems)
    failed = [head for head, poem in asked if not is_acrostic(poem, head)]
    whole = sum(has_form(poem) for _, poem in asked)
    print(f"\n{len(asked)} acrostics: {len(failed)} failed{failed or ''}, {whole} have the form of a quatrain")
    rate = heard["model"].heard / heard["held-out quatrains"].heard
    return judge(
        [
            Bar("share of poems with the right form", _share(has_form(poem) for poem in poems), 0.99, least=True),
            Bar("rhyme of lines 2 and 4, of that of real ones", rate, 0.8, least=True),
            Bar("share of poems with a line of the training set", _share(_copies(poems, known)), 0.01),
            Bar("acrostics that failed", len(failed), 0),
        ]
    )


def _share(found: Any) -> float:
    counted = list(found)
    return sum(counted) / len(counted)


def _copies(poems: Sequence[str], known: set[str]) -> list[bool]:
    return [bool(repeated(poem, known)) for poem in poems]


def _print_rates(sets: Mapping[str, Sequence[str]], heard: Mapping[str, Rhymes], known: set[str]) -> None:
    columns = ["of", "right form", "of five", "same final", "rhyme", "with a training line", "different"]
    rows = []
    for name, poems in sets.items():
        of_five = _share(len(lines_of(poem)[0]) == 5 for poem in poems if lines_of(poem))
        shares = [_share(map(has_form, poems)), of_five, heard[name].full, heard[name].heard]
        shares += [_share(_copies(poems, known)), len(set(poems)) / len(poems)]
        rows.append([name, *[f"{share:.1%}" for share in shares]])
    print_table(columns, rows)


def _print_poems(poet: Poet, poems: Sequence[str]) -> None:
    print(f"\nThe first {SHOWN}, unchosen:\n")
    print("\n".join(poems[:SHOWN]))
    print("\nGone on from a first line:\n")
    print("\n".join(poet.write([Wish(prompt=opening) for opening in OPENINGS])))
    print("\nAcrostics:\n")
    print("\n".join(poet.write([Wish(acrostic=heads) for heads in HEADS])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", type=int, default=1_000, help="poems")
    parser.add_argument("--acrostics", type=int, default=200)
    parser.add_argument("--model", default="tang-rnn", help="name or folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
