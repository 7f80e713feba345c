"""Which language a text is in: from its script where that tells, else by py3langid.

Lui & Baldwin 2011 (Cross-domain feature selection for language identification): naive Bayes over n-grams of bytes.
py3langid is their langid.py, kept; its model lies in the package, and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

from aigc_core import UsageError

_HAN = re.compile(r"[\u3005\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3040-\u30ff\uff66-\uff9f]")
_LETTER = re.compile(r"[^\W\d_]")
_BY_SCRIPT = {
    "ko": re.compile(r"[\u1100-\u11ff\uac00-\ud7af]"),
    "el": re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
}
# A character of these says as much as several letters: "她说 hello" is Chinese.
_DENSE, _WEIGHT = frozenset({"zh", "ja", "ko"}), 3
# Japanese is written with kana throughout; a の in a Chinese shop sign does not make it Japanese.
_SHARE_OF_KANA = 0.1

_LATIN = "ca cs da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl sv tr vi"
_OTHERS = "ar be bg fa hi mk mr ne ru sr uk ur"
#: Languages that share a script with others.
MODELLED = frozenset(f"{_LATIN} {_OTHERS}".split())
#: All that can be told apart.
LANGUAGES = tuple(sorted({"zh", "ja", *_BY_SCRIPT, *MODELLED}))

#: A text is in a language unless another is likelier by so much, in nats. Of 2,000 example sentences of WordNet, 34
#: characters long in the mean, 97 % are English by this measure, 92 % where the likeliest language decides alone;
#: of single sentences in German, Spanish, Italian, Polish, Portuguese and Czech, 4 to 9 % are taken for English.
MARGIN = 3.0


def is_in(text: str, languages: Collection[str]) -> bool | None:
    """Say whether a text is in one of some `LANGUAGES`; None where it has no letters.

    Raises:
        UsageError: only py3langid can tell, and it is not installed.
    """
    if not _LETTER.search(text):
        return None
    told = _by_script(text)
    if told is not None:
        return told in languages
    wanted = MODELLED.intersection(languages)
    if not wanted:
        return False
    likely: dict[str, float] = dict(_identifier().rank(text))
    return max(likely[each] for each in wanted) >= max(likely.values()) - MARGIN


def _by_script(text: str) -> str | None:
    """Return the language that most of a text's letters belong to, or None where several are written with them."""
    counts = {language: len(letters.findall(text)) for language, letters in _BY_SCRIPT.items()}
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    counts["ja" if kana > _SHARE_OF_KANA * (han + kana) else "zh"] = han + kana
    others = len(_LETTER.findall(text)) - sum(counts.values())
    weights = {language: count * (_WEIGHT if language in _DENSE else 1) for language, count in counts.items()}
    most = max(weights, key=lambda language: weights[language])
    return most if weights[most] > others else None


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise UsageError(
            "language: telling languages of one script apart needs py3langid", hint="pip install 'aigc-core[text]'"
        ) from error
    # An identifier of its own: the functions of the module share one, which anybody may have set otherwise.
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(MODELLED))
    return identifier
