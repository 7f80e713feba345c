"""Texts as numbers and back: byte-level pairs for any text, characters for verse.

Byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909) over bytes (Radford et al. 2019, GPT-2, section 2.2) knows
every text there is: its alphabet is the 256 bytes, so nothing is ever unknown. The work is done by the package
``tokenizers``, and the one file is its ``tokenizer.json``, which transformers reads as well.
"""

from __future__ import annotations

import codecs
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from aigc_core import ModelError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer as Engine

Kind = Literal["bpe", "character"]

#: The file of a model folder that holds its tokenizer.
TOKENIZER = "tokenizer.json"

#: Tokens that stand for no text, by id: what fills up, begins and ends a text.
SPECIALS = ("<pad>", "<s>", "</s>")
SMALLEST, LARGEST = 1024, 8192
ALPHABET = 256 + len(SPECIALS)

#: As many ids as two bytes can tell apart.
MOST = 2**16

#: Bytes of text that byte pairs are counted in; of more, texts are taken from all over.
ENOUGH = 64 * 1024**2
#: Texts, from all over, whose characters say what language all are in.
LOOKED_AT = 1000


class Tokenizer:
    """Turns texts into token ids and back; the same texts always give the same tokenizer.

    Attributes:
        pad, bos, eos: ids of the special tokens.
        kind: ``"bpe"`` or ``"character"``.
        size: how many ids there are, specials included.
        pieces: the UTF-8 bytes that each id stands for; specials stand for none.
    """

    pad, bos, eos = range(len(SPECIALS))

    def __init__(self, engine: Engine, kind: Kind) -> None:
        # A text may well speak of "<s>": only the caller puts specials in.
        engine.encode_special_tokens = True
        self._engine = engine
        self.kind = kind
        self.size: int = engine.get_vocab_size()
        self._ids: Mapping[str, int] = engine.get_vocab()
        as_bytes = _bytes_of_symbols() if kind == "bpe" else None
        self.pieces = [b""] * self.size
        for token, number in self._ids.items():
            if number >= len(SPECIALS):
                self.pieces[number] = bytes(as_bytes[symbol] for symbol in token) if as_bytes else token.encode()

    @classmethod
    def train(cls, texts: Iterable[str], *, kind: Kind, size: int) -> Self:
        """Make a tokenizer of at most `size` ids from texts; few texts may fill fewer.

        Raises:
            UsageError: `size` is too small for the alphabet; a text is no Unicode; there is no text.
        """
        return cls(_trained_pairs(texts, size) if kind == "bpe" else _characters(texts, size), kind)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read ``tokenizer.json``.

        Raises:
            ModelError: it is not one that this class wrote.
        """
        from tokenizers import Tokenizer as Engine

        try:
            kind = _KINDS[json.loads(content)["model"]["type"]]
            tokenizer = cls(Engine.from_str(content.decode()), kind)
        except Exception as error:  # what tokenizers cannot read, it says with a bare Exception
            raise ModelError(f"tokenizer.json cannot be read: {type(error).__name__}: {error}") from error
        if [tokenizer._engine.id_to_token(number) for number in range(len(SPECIALS))] != list(SPECIALS):
            raise ModelError(f"tokenizer.json does not begin with {', '.join(SPECIALS)}; another program made it")
        return tokenizer

    def to_bytes(self) -> bytes:
        """Return ``tokenizer.json``."""
        return self._engine.to_str().encode()

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without specials.

        Raises:
            UsageError: it holds half a surrogate pair, or a character that this tokenizer never saw.
        """
        check_text(text)
        if self.kind == "bpe":
            ids: list[int] = self._engine.encode(text, add_special_tokens=False).ids
            return ids
        return [self._id_of(character) for character in text]

    def encode_all(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the ids of each text, as ``encode`` does, many at once."""
        if self.kind == "character":
            return [np.array(self.encode(text), np.int64) for text in texts]
        for text in texts:
            check_text(text)
        encodings = self._engine.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, np.int64) for encoding in encodings]

    def knows(self, text: str) -> bool:
        """Whether a text can be encoded as far as its characters go."""
        return self.kind == "bpe" or all(character in self._ids for character in text)

    def transformers_config(self) -> bytes:
        """Return ``tokenizer_config.json``, with which transformers' ``AutoTokenizer`` does the same."""
        pad, bos, eos = SPECIALS
        return json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": pad,
                "bos_token": bos,
                "eos_token": eos,
                "padding_side": "left",
                "split_special_tokens": True,
                "clean_up_tokenization_spaces": False,
            },
            indent=2,
        ).encode()

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids: specials dropped, bytes that are no UTF-8 as U+FFFD, an unfinished end held back."""
        return self.decoder().decode(b"".join(self.pieces[number] for number in ids))

    @staticmethod
    def decoder() -> codecs.IncrementalDecoder:
        """Return what turns ``pieces`` into text one by one, and gives a character out when it is whole."""
        return codecs.getincrementaldecoder("utf-8")("replace")

    def _id_of(self, character: str) -> int:
        try:
            return self._ids[character]
        except KeyError:
            raise UsageError(
                f"the character {character!r} (U+{ord(character):04X}) was never seen by this model",
                hint=f"it knows {self.size - len(SPECIALS):,} characters; write the text with others",
            ) from None


def choose_size(texts: Iterable[str]) -> int:
    """Return how many ids suit texts: the power of two nearest to ``2 √bytes``, of 1,024 to 8,192.

    The number of different words grows about as the root of the length of a text (Heaps 1978, Information retrieval,
    section 7.5); with twice the root a token of English, 0.1 to 20 MB of it, is met some hundred times in the mean.
    """
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    power = round(math.log2(2 * math.sqrt(max(size, 1))))
    return min(LARGEST, max(SMALLEST, 1 << power))


def make_tokenizer(texts: Sequence[str], kind: Kind | Literal["auto"], size: int | None) -> Tokenizer:
    """Return a new tokenizer for texts.

    Args:
        kind: ``"auto"`` takes characters where most of the letters are Chinese, and byte pairs elsewhere.
        size: ids at most; None: ``choose_size`` of byte pairs, and every character there is.

    Raises:
        UsageError: see ``Tokenizer.train``.
    """
    some = texts[:: max(1, len(texts) // LOOKED_AT)]
    if kind == "auto":
        letters = [character for text in some for character in text if character.isalpha()]
        chinese = sum("一" <= character <= "鿿" for character in letters)
        kind = "character" if chinese > len(letters) / 2 else "bpe"
    if kind == "character":
        return Tokenizer.train(texts, kind=kind, size=size or MOST)
    mean = sum(len(text.encode("utf-8", "replace")) for text in some) / max(1, len(some))
    every = max(1, int(mean * len(texts) / ENOUGH))
    return Tokenizer.train(texts[::every], kind=kind, size=size or choose_size(texts))


def check_text(text: str) -> None:
    """Raise UsageError where a text is no Unicode: where it holds half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"character {error.start + 1} of the text is half of a surrogate pair (U+{ord(text[error.start]):04X}),"
            " which is no character",
            hint="the text was cut or decoded wrongly; give valid Unicode",
        ) from None


_KINDS: Mapping[str, Kind] = {"BPE": "bpe", "WordLevel": "character"}


def _trained_pairs(texts: Iterable[str], size: int) -> Engine:
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models, pre_tokenizers, trainers

    if size < ALPHABET:
        raise UsageError(f"a vocabulary of {size} is too small", hint=f"bytes alone need {ALPHABET}")
    engine = Engine(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    engine.train_from_iterator(_checked(texts), trainer)
    engine.post_processor = _begun()
    return engine


def _characters(texts: Iterable[str], size: int) -> Engine:
    """Return an engine whose tokens are all characters of `texts`, the frequent ones first."""
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Engine

    counts: Counter[str] = Counter()
    for text in _checked(texts):
        counts.update(text)
    if len(counts) + len(SPECIALS) > size:
        raise UsageError(
            f"the texts have {len(counts):,} different characters, more than a vocabulary of {size:,} can hold",
            hint=f"take one of {len(counts) + len(SPECIALS)}, leave out texts with rare ones, or tokenise by bpe",
        )
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    vocabulary = {token: number for number, token in enumerate([*SPECIALS, *ranked])}
    engine = Engine(models.WordLevel(vocabulary, unk_token=""))
    engine.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    engine.decoder = decoders.Fuse()
    engine.add_special_tokens(list(SPECIALS))
    engine.post_processor = _begun()
    return engine


def _begun() -> Any:
    """Return what lets transformers begin each text as our models expect it; ``encode`` itself adds nothing."""
    from tokenizers.processors import TemplateProcessing

    bos = SPECIALS[Tokenizer.bos]
    return TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, Tokenizer.bos)])


def _checked(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        check_text(text)
        yield text


def _bytes_of_symbols() -> dict[str, int]:
    """Return the byte that each symbol of a byte-level token stands for.

    Printable bytes stand for themselves; the others, in order, are written from U+0100 on: GPT-2's
    ``bytes_to_unicode``.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(hidden)}
