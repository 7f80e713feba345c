"""What the plugin costs to import: nothing, until something is made."""

from __future__ import annotations

import subprocess
import sys

import pytest

WRITE = """
import sys
from pathlib import Path
from aigc_core import Condition, Item, Noise
from aigc_core.models import open_folder
from aigc_text.rnn.generator import Rnn
from aigc_text.rnn.options import RnnOptions

component = Rnn.from_model(open_folder(Path(sys.argv[1])))
item = Item(None, {}, Condition(), RnnOptions(max_tokens=4, top_p=0.9, acrostic="春"), Noise(0, "generate/0"))
assert next(iter(component.generate([item]))).content.startswith("春")
"""


@pytest.mark.parametrize(
    "program, heavy",
    [
        ("import aigc_text; aigc_text.aigc_generators()", {"torch", "tokenizers", "transformers", "numpy"}),
        ("import aigc_text.rnn.options", {"torch", "tokenizers", "transformers", "numpy"}),
        ("import aigc_text.tokenizer", {"torch", "tokenizers", "transformers"}),
        (WRITE, {"transformers"}),
    ],
    ids=["the plugin", "options", "the tokenizer", "a text"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program, heavy, poet):
    tell = f"{program}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", tell, str(poet.model.folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not heavy & set(found.stdout.split())
