"""How long it takes until something happens: whole processes, from nothing to their end.

    python benchmarks/startup.py [--aigc PATH] [--llm PATH] [-n RUNS]

``llm`` (https://llm.datasette.io) is the peer: a command line of the same kind, with plugins. Without ``--llm`` it is
installed into a venv of its own, which needs the network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from measuring import Bar, Time, judge, medians, print_table, progress, time_process, versions

HEAVY = ("torch", "transformers", "numpy", "PIL", "aigc_image", "aigc_processors", "aigc_filters")

#: Writes the names of all imported modules into a file when the program ends.
TELL_MODULES = """
import atexit, os, sys

def tell():
    with open(os.environ["IMPORTED"], "w") as file:
        file.write("\\n".join(sys.modules))

atexit.register(tell)
"""


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        llm = arguments.llm or _install_llm(home / "llm")
        environment = _environment(home)
        python, aigc = sys.executable, str(arguments.aigc)
        generate = [aigc, "generate", "--modality", "image", "-n", "16", "--seed", "7", "-o", str(home / "pictures")]
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "aigc --help": [aigc, "--help"],
            "llm --help": [str(llm), "--help"],
            "aigc models list": [aigc, "models", "list"],
            "python -c 'import torch'": [python, "-c", "import torch"],
            "aigc generate --modality image -n 16": generate,
        }
        taken = medians(
            {name: lambda command=command: time_process(command, environment) for name, command in commands.items()},
            arguments.runs,
        )
        helped = _modules([aigc, "--help"], home, environment)
        listed = _modules([aigc, "models", "list"], home, environment)
        llm_version = subprocess.run([llm, "--version"], env=environment, capture_output=True, text=True, check=True)

    print(f"{versions('aigc-core', 'torch', 'typer', 'rich', 'pydantic')}; {llm_version.stdout.strip()}")
    print(f"Medians of {arguments.runs} runs each, taken in turn; whole processes.\n")
    print_table(["command", "CPU", "clock"], [[name, _ms(time.cpu), _ms(time.wall)] for name, time in taken.items()])
    return judge(_bars(taken, helped, listed))


def _bars(taken: dict[str, Time], helped: set[str], listed: set[str]) -> list[Bar]:
    ours, theirs = taken["aigc --help"], taken["llm --help"]
    made, torch = taken["aigc generate --modality image -n 16"], taken["python -c 'import torch'"]
    return [
        Bar("`aigc --help` / `llm --help`, CPU", ours.cpu / theirs.cpu, 0.5),
        Bar("`aigc --help` / `llm --help`, clock", ours.wall / theirs.wall, 0.5),
        Bar("`aigc generate` - `import torch`, CPU", made.cpu - torch.cpu, 1.5, " s"),
        Bar("`aigc generate` - `import torch`, clock", made.wall - torch.wall, 1.5, " s"),
        Bar("modules imported by `aigc --help`", len(helped), 400),
        Bar(f"of them {', '.join(HEAVY[:4])} or of plugins", _heavy(helped, HEAVY), 0),
        Bar("modules of torch imported by `aigc models list`", _heavy(listed, HEAVY[:1]), 0),
    ]


def _heavy(modules: set[str], names: tuple[str, ...]) -> int:
    return sum(module.partition(".")[0] in names for module in modules)


def _modules(command: list[str], home: Path, environment: dict[str, str]) -> set[str]:
    hook = home / "hook"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(TELL_MODULES)
    listing = home / "imported"
    time_process(command, {**environment, "PYTHONPATH": str(hook), "IMPORTED": str(listing)})
    return set(listing.read_text().splitlines())


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the caller's settings, plugins and paths; one thread, so that CPU time means something."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "LLM_USER_PATH": str(home / "llm-data"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }


def _install_llm(folder: Path) -> Path:
    progress("installing llm …")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "llm"]
    subprocess.run(pip, check=True)
    return folder / "bin" / "llm"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    beside = Path(sys.executable).with_name("aigc")
    parser.add_argument("--aigc", type=Path, default=beside, help="the program; default: beside this Python")
    parser.add_argument("--llm", type=Path, help="an llm program; default: installed into a venv of its own")
    parser.add_argument("-n", dest="runs", type=int, default=11, help="runs of each command")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
