"""Texts as token ids: words and pieces of words in any language, as few to a text as there can be.

A bag of tokens needs no trace of where a word began, so words are cut out first, and a piece is the same wherever it
stands. What a tokenizer never met it spells in bytes, so nothing is unknown. The work is done by the package
``tokenizers``; the one file is its ``tokenizer.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from aigc_core import ModelError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer as Engine

#: The file of a model folder that holds its tokenizer.
TOKENIZER = "tokenizer.json"
PAD, UNKNOWN = "<pad>", "<unk>"
#: Tokens that every tokenizer has, in this order: what fills up, what is never given out, and the bytes.
FIXED = (PAD, UNKNOWN, *(f"<0x{byte:02X}>" for byte in range(256)))
#: Letters of the longest piece.
LONGEST_PIECE = 16
#: Tokens that are read of a text. Captions and queries are shorter; of what is longer, this is the beginning.
LONGEST = 64


class Tokenizer:
    """Turns texts into token ids; case and the width of letters make no difference.

    Attributes:
        size: how many ids there are; 0 is padding.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.size: int = engine.get_vocab_size()

    @classmethod
    def of_pieces(cls, pieces: Iterable[str]) -> Self:
        """Make a tokenizer of words and pieces of words, those first that are to be taken where it makes no difference.

        A unigram model (Kudo 2018, Subword regularization, section 3.2) in which all tokens are about equally likely
        takes the fewest.
        """
        from tokenizers import Tokenizer as Engine
        from tokenizers.models import Unigram

        kept = [piece for piece in dict.fromkeys(pieces) if piece not in FIXED]
        # Differences of scores must not add up to a whole token within a text.
        scored = [(piece, -1.0 - place / len(kept) / LONGEST_PIECE) for place, piece in enumerate(kept)]
        fixed = [(token, -2.0) for token in FIXED]
        return cls(_around(Engine(Unigram([*fixed, *scored], unk_id=1, byte_fallback=True))))

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Self:
        """Make a tokenizer of at most `size` ids from texts; few texts may fill fewer.

        Its pieces are those of byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909) over letters.

        Raises:
            UsageError: `size` leaves no room beside the bytes.
        """
        from tokenizers import Tokenizer as Engine
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer

        if size <= len(FIXED):
            raise UsageError(f"a vocabulary of {size} is too small", hint=f"bytes alone need {len(FIXED)}")
        engine = _around(Engine(BPE()))
        room = size - len(FIXED)
        trainer = BpeTrainer(vocab_size=room, limit_alphabet=room, max_token_length=LONGEST_PIECE, show_progress=False)
        engine.train_from_iterator(texts, trainer)
        vocabulary = engine.get_vocab()
        return cls.of_pieces(sorted(vocabulary, key=vocabulary.__getitem__))

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read ``tokenizer.json``.

        Raises:
            ModelError: it is not one that this class wrote.
        """
        from tokenizers import Tokenizer as Engine

        try:
            first = [token for token, _ in json.loads(content)["model"]["vocab"][: len(FIXED)]]
            engine = Engine.from_str(content.decode())
        except Exception as error:  # what tokenizers cannot read, it says with a bare Exception
            raise ModelError(f"{TOKENIZER} cannot be read: {type(error).__name__}: {error}") from error
        if first != list(FIXED):
            raise ModelError(f"{TOKENIZER} does not begin with {PAD}, {UNKNOWN} and the bytes; another program made it")
        return cls(engine)

    def to_bytes(self) -> bytes:
        """Return ``tokenizer.json``."""
        return self._engine.to_str().encode()

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, at most ``LONGEST``.

        Raises:
            UsageError: there is no letter, digit or sign in it, or half a surrogate pair.
        """
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(
                "the text holds half of a surrogate pair, which is no character", hint="give valid Unicode"
            ) from None
        if not (ids := self._ids(text)):
            raise UsageError("the text is empty, and means nothing", hint="say what is looked for")
        return ids

    def encode_all(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the ids of texts ``(N, T)``, T as long as the longest, padded with 0."""
        rows = [self.encode(text) for text in texts]
        padded = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
        for place, row in enumerate(rows):
            padded[place, : len(row)] = row
        return padded

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._engine.encode(text, add_special_tokens=False).ids
        return ids[:LONGEST]


class CheckpointTokenizer(Tokenizer):
    """The tokenizer of a checkpoint, with what it puts around a text; its ids are raised by one, and 0 is padding."""

    @classmethod
    def of(cls, engine: Engine, longest: int) -> Self:
        """Let the tokenizer of a checkpoint read `longest` tokens of a text, and fill nothing up."""
        engine.enable_truncation(longest)
        engine.no_padding()
        return cls(engine)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read ``tokenizer.json``. Raises ModelError where it is none."""
        from tokenizers import Tokenizer as Engine

        try:
            return cls(Engine.from_str(content.decode()))
        except Exception as error:  # a bare one, as above
            raise ModelError(f"{TOKENIZER} cannot be read: {type(error).__name__}: {error}") from error

    def _ids(self, text: str) -> list[int]:
        return [1 + token for token in self._engine.encode(text).ids] if text.strip() else []


def _around(engine: Engine) -> Engine:
    """Let an engine read small letters of one width, word by word, each digit and sign alone."""
    from tokenizers import normalizers, pre_tokenizers

    engine.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]
    )
    return engine
