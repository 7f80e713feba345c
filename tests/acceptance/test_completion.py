"""Completion in the shell, by the protocol that the script of ``aigc --install-completion`` speaks."""

from __future__ import annotations

import pytest

CASES = {
    "aigc generate --modality ": {"image"},
    "aigc generate -m digits-": {"digits-gan", "digits-vae", "digits-ae"},
    "aigc models show digits-g": {"digits-gan"},
    "aigc generators show image/": {"image/gan", "image/vae", "image/autoencoder"},
    "aigc generate --post resi": {"resize"},
    "aigc generate --pre cle": {"clean"},
    "aigc plugins check proc": {"processors"},
}


@pytest.mark.parametrize("line", CASES)
def test_completes_without_torch(aigc, imported, line):
    words = {"_AIGC_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    offered = aigc(env=words)
    assert set(offered.out.split()) >= CASES[line]
    assert offered.err == ""
    roots = {module.partition(".")[0] for module in imported(env=words)}
    assert "torch" not in roots


def test_weightless_generators_are_offered_as_models(aigc, site):
    site.install(
        "acme",
        """
        from aigc_core import GeneratorSpec, hookimpl

        @hookimpl
        def aigc_generators():
            return [GeneratorSpec("acme/static", "image", "nowhere:Static", needs_model=False)]
        """,
    )
    aigc.install(site.path)
    words = {"_AIGC_COMPLETE": "complete_bash", "COMP_WORDS": "aigc generate -m ac", "COMP_CWORD": "3"}
    assert aigc(env=words).out.split() == ["acme/static"]


def test_broken_plugin_says_nothing_into_the_shell(aigc, site):
    site.install("sick", "print('hello')\nraise RuntimeError('ill')\n")
    aigc.install(site.path)
    words = {"_AIGC_COMPLETE": "complete_bash", "COMP_WORDS": "aigc generate --modality i", "COMP_CWORD": "3"}
    ran = aigc(env=words)
    assert ran.out.split() == ["image"]
    assert "sick" not in ran.err
