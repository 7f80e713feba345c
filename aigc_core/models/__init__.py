"""Model folders: find, verify, load, save.

A model is a folder: ``aigc.json`` (its `Manifest`), ``model.safetensors``, ``README.md`` (the card),
``samples.png`` or ``samples.txt``, ``metrics.json``, and what else its component needs, such as a tokenizer. The
sha256 of ``aigc.json`` identifies the model, because ``aigc.json`` holds the sha256 of every other file that decides
what the model makes. Nothing here ever unpickles.
"""

from aigc_core.models.finding import Models
from aigc_core.models.folder import MANIFEST, WEIGHTS, Model, open_folder, save_model
from aigc_core.models.manifest import Manifest, Required

__all__ = ["MANIFEST", "WEIGHTS", "Manifest", "Model", "Models", "Required", "open_folder", "save_model"]
