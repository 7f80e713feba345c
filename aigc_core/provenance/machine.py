"""With what an artifact was made: versions and class of CPU. Decides whether IDENTICAL may be expected."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from aigc_core.version import __version__

#: Packages whose version can change the bytes that come out.
PACKAGES = ("torch", "numpy", "pillow")

_CPUINFO = Path("/proc/cpuinfo")


@cache
def environment() -> Mapping[str, str]:
    """Return versions and CPU class of this process: no clock, host name or path.

    Imports none of the packages. Keys: ``python``, ``aigc-core``, those of `PACKAGES` that are installed,
    ``system``, ``machine``, ``cpu`` (vendor and model) and ``simd`` (the widest vector instructions).
    """
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "aigc-core": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found |= {"system": platform.system(), "machine": platform.machine()}
    return MappingProxyType(found | _cpu(_cpuinfo()))


def _cpuinfo() -> str:
    try:
        return _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpu(cpuinfo: str) -> dict[str, str]:
    """Read vendor, model and vector instructions of the first CPU; x86 and Arm spell them differently."""
    first: dict[str, str] = {}
    for line in cpuinfo.partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        first.setdefault(key.strip(), value.strip())
    vendor = first.get("vendor_id") or first.get("CPU implementer", "")
    model = first.get("model name") or first.get("CPU part", "")
    flags = set((first.get("flags") or first.get("Features", "")).split())
    simd = next((name for name in ("avx512f", "avx2", "avx", "sve", "asimd") if name in flags), "unknown")
    return {"cpu": f"{vendor} {model}".strip() or platform.processor() or "unknown", "simd": simd}
