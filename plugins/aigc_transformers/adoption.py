"""Which checkpoint is for which component, by what its ``config.json`` says. Imports no transformers."""

from __future__ import annotations

from aigc_core import Adopted, Permissions
from aigc_transformers.checkpoints import MODULES, Checkpoint, look, modules_of

DECODERS = ("ForCausalLM", "LMHeadModel")
ENCODER_DECODERS = ("ForConditionalGeneration", "MTModel", "ForSeq2SeqLM")

#: Encoder-decoders that read something else than text.
NOT_OF_TEXT = (
    "audio",
    "bark",
    "moonshine",
    "musicgen",
    "pix2struct",
    "seamless",
    "speech",
    "vision-encoder-decoder",
    "whisper",
)

#: Files of sentence-transformers, beside those of every checkpoint.
SENTENCE_FILES = (MODULES, "sentence_bert_config.json", "config_sentence_transformers.json")
PART_FILES = ("config.json", "model.safetensors")
CLIP_FILES = ("preprocessor_config.json", "processor_config.json")


def adopt_causal_lm(name: str, allowed: Permissions) -> Adopted | None:
    """Take a language model that goes on from a text."""
    found = look(name, allowed)
    if found is None or not _goes_on(found):
        return None
    found.need_tokenizer()
    return _adopted(found, prompt="optional")


def adopt_seq2seq(name: str, allowed: Permissions) -> Adopted | None:
    """Take a language model that makes a text out of another one."""
    found = look(name, allowed)
    if found is None or not _transforms(found):
        return None
    found.need_tokenizer()
    return _adopted(found, prompt="required")


def adopt_sentence_embedding(name: str, allowed: Permissions) -> Adopted | None:
    """Take a checkpoint of sentence-transformers, or another encoder of text without a head."""
    found = look(name, allowed)
    if found is None or not _encodes_text(found):
        return None
    found.need_tokenizer()
    parts = [module.place for module in modules_of(found.folder) if module.place]
    return _adopted(found, *SENTENCE_FILES, *(f"{part}/{file}" for part in parts for file in PART_FILES))


def adopt_clip(name: str, allowed: Permissions) -> Adopted | None:
    """Take a model that maps texts and pictures into one space."""
    found = look(name, allowed)
    if found is None or not _pairs(found):
        return None
    found.need_tokenizer()
    return _adopted(found, *CLIP_FILES)


def _goes_on(found: Checkpoint) -> bool:
    if (found.folder / MODULES).is_file():
        return False
    return found.in_gguf or (found.architecture.endswith(DECODERS) and not found.config.get("is_encoder_decoder"))


def _transforms(found: Checkpoint) -> bool:
    kind = str(found.config.get("model_type", ""))
    if kind.startswith(NOT_OF_TEXT) or (found.folder / MODULES).is_file():
        return False
    return bool(found.config.get("is_encoder_decoder")) and found.architecture.endswith(ENCODER_DECODERS)


def _encodes_text(found: Checkpoint) -> bool:
    if (found.folder / MODULES).is_file():
        return True
    headless = found.architecture.endswith(("Model", "ForMaskedLM")) and not found.architecture.endswith(DECODERS)
    return headless and not _pairs(found) and not found.config.get("is_encoder_decoder") and _of_text(found)


def _of_text(found: Checkpoint) -> bool:
    return found.has_tokenizer() and "image_size" not in found.config


def _pairs(found: Checkpoint) -> bool:
    return {"text_config", "vision_config"} <= found.config.keys() and found.architecture.endswith("Model")


def _adopted(found: Checkpoint, *more: str, prompt: str = "none") -> Adopted:
    return Adopted(
        folder=found.folder,
        name=found.place.name,
        files=found.files(*more),
        shape=(found.longest,) if found.longest else (),
        prompt=prompt,
        licence=found.licence,
    )
