"""The language of a prompt, told by its script: what a default model is chosen by."""

from __future__ import annotations

import re

_HAN = r"\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = r"\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"

_JAPANESE = re.compile(f"[{_KANA}]")
_CHINESE = re.compile(f"[{_HAN}]")
_KOREAN = re.compile(f"[{_HANGUL}]")
_WORD = re.compile(rf"[^\W\d_{_HAN}{_KANA}{_HANGUL}]+")


def language_of(text: str) -> str:
    """Return ``"zh"``, ``"ja"``, ``"ko"``, or ``"en"`` for everything else.

    A script says no more: whoever writes Latin letters may mean French. A Chinese, Japanese or Korean character counts
    as much as a word of letters, so "a poem about 李白" is English, and "床前明月光 (moonlight)" Chinese. Chinese
    characters beside kana are Japanese.
    """
    kana, han, hangul = (len(script.findall(text)) for script in (_JAPANESE, _CHINESE, _KOREAN))
    if not kana + han + hangul or len(_WORD.findall(text)) > kana + han + hangul:
        return "en"
    if hangul > kana + han:
        return "ko"
    return "ja" if kana else "zh"
