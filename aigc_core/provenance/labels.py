"""Labels that say "made by AI" in words other programs know. Each profile is a few XMP properties.

XMP: ISO 16684-1; its RDF form in section 7. In a PNG it stands in an iTXt chunk: XMP specification, part 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from aigc_core.errors import FileError, unknown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

#: https://cv.iptc.org/newscodes/digitalsourcetype/
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to label content.

    Attributes:
        name: as in ``labels = ["iptc"]``.
        prefix: of its XMP properties.
        namespace: that the prefix stands for.
        properties: called with whether trained weights made the content; gives property names and values.
        summary: one line for lists.
    """

    name: str
    prefix: str
    namespace: str
    properties: Callable[[bool], Mapping[str, str]]
    summary: str


def _iptc(trained: bool) -> Mapping[str, str]:
    # IPTC Photo Metadata Standard 2025.1, "Digital Source Type": a URI of the vocabulary, not its short name.
    return {"DigitalSourceType": _SOURCE_TYPES + ("trainedAlgorithmicMedia" if trained else "algorithmicMedia")}


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="iptc",
            prefix="Iptc4xmpExt",
            namespace="http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
            properties=_iptc,
            summary="IPTC DigitalSourceType: made by a trained model, or by an algorithm without one",
        ),
    )
}


def properties(labels: Sequence[str], *, trained: bool) -> dict[str, dict[str, str]]:
    """Return the properties of each label, by profile name.

    Raises:
        UsageError: there is no such profile.
    """
    for name in labels:
        if name not in PROFILES:
            raise unknown("label", name, PROFILES)
    return {name: dict(PROFILES[name].properties(trained)) for name in labels}


def xmp_packet(labels: Sequence[str], *, trained: bool) -> str:
    """Write the labels as one XMP packet. Raises UsageError for an unknown profile."""
    namespaces, elements = "", ""
    for name, values in properties(labels, trained=trained).items():
        profile = PROFILES[name]
        namespaces += f' xmlns:{profile.prefix}="{profile.namespace}"'
        for key, value in values.items():
            elements += f"<{profile.prefix}:{key}>{escape(value)}</{profile.prefix}:{key}>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about=""{namespaces}>{elements}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def read_xmp(packet: str) -> dict[str, dict[str, str]]:
    """Find the labels in an XMP packet, whoever wrote it: properties by profile name.

    Raises:
        FileError: it is no XML, or has a DOCTYPE, the way to entity bombs and outside files.
    """
    # A str has no encoding left to hide a DOCTYPE in, and without one, expat expands only &lt; and its like.
    if "<!DOCTYPE" in packet:
        raise FileError("its XMP packet has a DOCTYPE", hint="no honest program writes one; do not trust this file")
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        root = fromstring(packet)  # noqa: S314 - see above
    except (ParseError, ValueError) as error:
        raise FileError(f"its XMP packet cannot be read: {error}", hint="the file was changed or damaged") from None
    known = {
        f"{{{profile.namespace}}}{key}": (profile.name, key)
        for profile in PROFILES.values()
        for key in profile.properties(True)
    }
    found: dict[str, dict[str, str]] = {}
    for tag, value in _written_properties(root):
        if tag in known:
            name, key = known[tag]
            found.setdefault(name, {})[key] = value
    return found


def _written_properties(root: Element) -> Iterator[tuple[str, str]]:
    """Yield simple properties in the three forms XMP allows: attribute, ``rdf:resource``, element text."""
    for description in root.iter(f"{{{_RDF}}}Description"):
        yield from description.attrib.items()
        for child in description:
            yield child.tag, child.get(f"{{{_RDF}}}resource") or (child.text or "").strip()
