"""Clean a text that was pasted or fetched from somewhere: HTML, junk characters, Unicode form, whitespace."""

from __future__ import annotations

import html
import re
import unicodedata
from html.parser import HTMLParser
from typing import Literal

from pydantic import BaseModel, Field

from aigc_core import ItemError, StepContext

#: Passes until nothing changes. Two or three are usual; more means text that was escaped over and over.
MAX_PASSES = 16

# Elements of the HTML Living Standard and its obsolete ones. Anything else between angle brackets is the
# user's own: "<cat-toy>" is a textual-inversion token and "<lora:ink:0.8>" names an adapter.
_BLOCKS = """
    address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe legend
    li main menu nav noscript ol optgroup option p pre search section select summary table tbody td textarea
    tfoot th thead title tr ul
"""
_INLINE = """
    a abbr acronym area audio b base bdi bdo big canvas cite code col colgroup data datalist del dfn em
    embed font i img input ins kbd label link map mark marquee math meta meter nobr object output param path
    picture progress q rb rp rt rtc ruby s samp script slot small source span strike strong style sub sup
    svg template time track tt u var video wbr
"""
BLOCKS = frozenset(_BLOCKS.split())
INLINE = frozenset(_INLINE.split())
UNSEEN = frozenset({"script", "style"})

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(r"<![a-zA-Z\[][^>]*>")

_EMOJI = r"\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\ufe0f"
_JOINING = r"\u0600-\u109f\u1780-\u18af"  # Arabic, Indic, Khmer, Mongolian: joiners change how a word is spelt
_JUNK = re.compile(
    # Kept: the joiner of an emoji sequence, joiners inside words of joining scripts, the tags of a flag.
    rf"((?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])"
    rf"|(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])"
    r"|(?<=\U0001f3f4)[\U000e0020-\U000e007e]+\U000e007f)"
    # Dropped: controls that are no whitespace, zero-width and direction marks, tags.
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class CleanOptions(BaseModel, extra="forbid", frozen=True):
    """What is cleaned; everything is, unless turned off."""

    html: bool | Literal["all"] = Field(
        True,
        description="remove HTML tags, comments, scripts and styles, turn &amp; into &; all: other tags, too",
    )
    form: Literal["NFC", "NFKC", "NFD", "NFKD", "none"] = Field(
        # NFKC would turn the ，and ！ of Chinese into the ASCII ones.
        "NFC",
        description="Unicode normal form; NFKC and NFKD also turn full-width characters into plain ones",
    )
    control: bool = Field(True, description="drop control, zero-width and direction characters")
    whitespace: bool | Literal["lines"] = Field(
        True,
        description="turn every run of whitespace into one space; lines: but keep line breaks, and single empty lines",
    )


def clean(text: str, context: StepContext) -> str:
    """Return the text cleaned, so that cleaning it again changes nothing.

    Raises:
        ItemError: it holds a lone surrogate, or is escaped more than 16 times over.
    """
    options: CleanOptions = context.options
    if _SURROGATE.search(text):
        # Half an emoji: what the other half was, nobody knows.
        raise ItemError("a lone surrogate, which is no character")
    for _ in range(MAX_PASSES):
        # One step can lay bare what another one removes: "&lt;b&gt;", a zero-width space within a tag.
        cleaned = _pass(text, options)
        if cleaned == text:
            return cleaned
        text = cleaned
    raise ItemError(f"clean: still markup after {MAX_PASSES} passes", hint='try --pre "clean html=false"')


def _pass(text: str, options: CleanOptions) -> str:
    if options.html and ("<" in text or "&" in text):
        text = _without_html(text, strangers=options.html == "all")
    if options.control:
        # Before normalising, or a zero-width space would keep a letter and its accent apart.
        text = _JUNK.sub(lambda match: match[1] or "", text)
    if options.form != "none":
        text = unicodedata.normalize(options.form, text)
    if options.whitespace == "lines":
        lines = (" ".join(line.split()) for line in text.splitlines())
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    elif options.whitespace:
        text = " ".join(text.split())
    return text


def _without_html(text: str, *, strangers: bool) -> str:
    # Versions of html.parser differ over what is never closed, and some raise over "<![". So declarations are
    # removed here, "<!" that closes nowhere is text, and so is what follows the last ">": "if a <b" is no tag.
    text = _sub_up_to("-->", _COMMENT, text)
    text = _sub_up_to(">", _DECLARATION, text).replace("<!", "&lt;!")
    end = text.rfind(">") + 1
    remover = _Remover(strangers)
    remover.feed(text[:end])
    remover.close()
    if not remover.unseen:
        remover.kept.append(html.unescape(text[end:]))
    return "".join(remover.kept)


def _sub_up_to(last: str, pattern: re.Pattern[str], text: str) -> str:
    # Beyond the last end no match is possible, and looking for one from every start would take quadratic time.
    end = text.rfind(last) + len(last)
    return pattern.sub("", text[:end]) + text[end:] if last in text else text


class _Remover(HTMLParser):
    """Keeps the text of a document; blocks become line breaks, so that words in two paragraphs stay two.

    Args:
        strangers: whether tags are removed, too, that are no HTML.
    """

    def __init__(self, strangers: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._strangers = strangers
        self.kept: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, self.get_starttag_text() or "")
        self.unseen += tag in UNSEEN

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self._tag(tag, f"</{tag}>")
        self.unseen = max(0, self.unseen - (tag in UNSEEN))

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.kept.append(data)

    def _tag(self, tag: str, source: str) -> None:
        if tag in BLOCKS:
            self.handle_data("\n")
        elif tag not in INLINE and not self._strangers:
            self.handle_data(source)
