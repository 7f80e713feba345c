from __future__ import annotations

from xml.etree import ElementTree

import pytest

from aigc_core.errors import FileError, UsageError
from aigc_core.provenance import read, write
from aigc_core.provenance.labels import read_xmp, xmp_packet

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
ALGORITHM = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def packet(description: str) -> str:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EXT}">'
        f"{description}</rdf:RDF></x:xmpmeta>"
    )


def test_a_png_says_so_in_the_form_that_the_xmp_standard_asks_for(tmp_path, envelope, digit, chunks):
    path = write(digit, envelope, tmp_path / "a.png")
    (text,) = [body for kind, body in chunks(path) if body.startswith(b"XML:com.adobe.xmp\0")]
    # Keyword, NUL, not compressed, method 0, no language, no translated keyword.
    assert text.startswith(b'XML:com.adobe.xmp\0\0\0\0\0<?xpacket begin="\xef\xbb\xbf"')
    root = ElementTree.fromstring(text[22:].decode())
    assert root.tag == "{adobe:ns:meta/}xmpmeta"
    (description,) = root.findall(f"{{{RDF}}}RDF/{{{RDF}}}Description")
    assert description.get(f"{{{RDF}}}about") == ""
    assert description.findtext(f"{{{EXT}}}DigitalSourceType") == TRAINED


def test_the_label_tells_weights_from_mere_algorithms(tmp_path, recipe, envelope, digit):
    from aigc_core.provenance import seal

    assert read(write(digit, envelope, tmp_path / "a.png")).labels == {"iptc": {"DigitalSourceType": TRAINED}}
    without = seal({**recipe, "model": None}, digit)
    assert read(write(digit, without, tmp_path / "b.png")).labels == {"iptc": {"DigitalSourceType": ALGORITHM}}


def test_no_label_is_written_where_none_is_configured(tmp_path, envelope, digit):
    path = write(digit, envelope, tmp_path / "a.png", labels=())
    assert read(path).labels == {}
    assert b"xmp" not in path.read_bytes()


@pytest.mark.parametrize(
    "description",
    [
        f'<rdf:Description rdf:about=""><e:DigitalSourceType>\n {TRAINED} </e:DigitalSourceType></rdf:Description>',
        f'<rdf:Description rdf:about="" e:DigitalSourceType="{TRAINED}"/>',
        f'<rdf:Description><e:DigitalSourceType rdf:resource="{TRAINED}"/></rdf:Description>',
    ],
)
def test_labels_of_other_programs_are_read_in_all_three_forms(description):
    assert read_xmp(packet(description)) == {"iptc": {"DigitalSourceType": TRAINED}}


def test_foreign_properties_are_left_alone():
    assert read_xmp(packet('<rdf:Description e:Event="x" DigitalSourceType="y"/>')) == {}


def test_entity_bombs_and_broken_xml_are_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(FileError, match="DOCTYPE"):
        read_xmp(bomb + packet('<rdf:Description e:DigitalSourceType="&b;"/>'))
    for broken in ("<x:xmpmeta", "", packet("&b;"), packet("\0")):
        with pytest.raises(FileError, match="cannot be read"):
            read_xmp(broken)


def test_an_unknown_profile_names_the_near_miss(tmp_path, envelope, digit):
    with pytest.raises(UsageError, match="did you mean 'iptc'"):
        write(digit, envelope, tmp_path / "a.png", labels=("itpc",))
    assert not list(tmp_path.iterdir())


def test_packets_round_trip():
    assert read_xmp(xmp_packet(("iptc",), trained=False)) == {"iptc": {"DigitalSourceType": ALGORITHM}}
    assert read_xmp(xmp_packet((), trained=True)) == {}
