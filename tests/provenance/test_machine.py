from __future__ import annotations

import subprocess
import sys
import textwrap

from aigc_core.provenance import environment
from aigc_core.provenance.machine import _cpu
from aigc_core.version import __version__

X86 = """\
processor : 0
vendor_id : GenuineIntel
model name : Intel(R) Xeon(R) Platinum 8481C
flags : fpu sse2 avx avx2 avx512f

processor : 1
vendor_id : Other
"""
ARM = "processor : 0\nFeatures : fp asimd sve\nCPU implementer : 0x41\nCPU part : 0xd40\n"


def test_it_names_versions_and_cpu_and_nothing_of_the_user():
    found = environment()
    assert found["aigc-core"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"numpy", "pillow", "system", "machine", "cpu", "simd"} <= set(found)
    assert environment() is found


def test_cpus_are_told_apart_by_class():
    assert _cpu(X86) == {"cpu": "GenuineIntel Intel(R) Xeon(R) Platinum 8481C", "simd": "avx512f"}
    assert _cpu(ARM) == {"cpu": "0x41 0xd40", "simd": "sve"}
    assert _cpu("")["simd"] == "unknown"
    assert _cpu("")["cpu"]


def test_a_machine_that_says_little_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr("aigc_core.provenance.machine._CPUINFO", tmp_path / "missing")
    monkeypatch.setattr("aigc_core.provenance.machine.PACKAGES", ("no-such-package", "pillow"))
    found = environment.__wrapped__()
    assert "no-such-package" not in found
    assert found["pillow"]
    assert found["simd"] == "unknown"


def test_importing_provenance_and_asking_for_the_environment_imports_nothing_heavy():
    script = """
        import sys
        from aigc_core.provenance import canonical, environment, seal
        seal({"prompt": "七"}, "text")
        heavy = {"torch", "numpy", "PIL", "pydantic", "xml.etree.ElementTree"} & set(sys.modules)
        sys.exit(f"imported: {heavy}" if heavy else 0)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
