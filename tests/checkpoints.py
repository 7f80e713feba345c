"""Tiny checkpoints, made by transformers' own classes and saved by ``save_pretrained``: no path is a mocked one."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROVERBS = """A stitch in time saves nine.
A rolling stone gathers no moss.
Actions speak louder than words.
All that glitters is not gold.
Better late than never.
Birds of a feather flock together.
Do not put all your eggs in one basket.
Every cloud has a silver lining.
Fortune favours the bold.
Honesty is the best policy.
Many hands make light work.
No man is an island.
Practice makes perfect.
The early bird catches the worm.
The pen is mightier than the sword.
When in Rome, do as the Romans do.
床前明月光,疑是地上霜。
举头望明月,低头思故乡。
""".splitlines()


def make_tokenizer(kind: str = "causal") -> Any:
    """Train a byte-level BPE of 400 tokens; encoders end each text, as T5 does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<pad>", "<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    trained.train_from_iterator(PROVERBS, trainer)
    if kind == "seq2seq":
        trained.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    if kind == "encoder":
        trained.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
#: Weights far from zero, so that a network without training has opinions, too.
STRONG = 0.4


def _llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=400,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=96,
            initializer_range=STRONG,
            tie_word_embeddings=False,
            **SPECIAL,
        )
    )


def _gpt2() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=400, n_positions=64, n_embd=32, n_layer=2, n_head=4, initializer_range=STRONG, **SPECIAL
    )
    return GPT2LMHeadModel(config)


def _t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=400,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        initializer_factor=2.0,
        pad_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=0,
    )
    config.task_specific_params = {"summarization": {"prefix": "summarize: ", "max_length": 12, "num_beams": 3}}
    return T5ForConditionalGeneration(config)


def _bart() -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=400,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        init_std=STRONG,
        forced_eos_token_id=2,
        decoder_start_token_id=2,
        **SPECIAL,
    )
    return BartForConditionalGeneration(config)


def _bert() -> Any:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=48,
        initializer_range=STRONG,
        pad_token_id=0,
    )
    return BertModel(config)


def _clip() -> Any:
    from transformers import CLIPConfig, CLIPModel

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**sizes, **SPECIAL, "vocab_size": 400, "max_position_embeddings": 32}
    vision = {**sizes, "image_size": 32, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))


def _vit() -> Any:
    from transformers import ViTConfig, ViTModel

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return ViTModel(ViTConfig(**sizes, image_size=32, patch_size=8))


def _resnet() -> Any:
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"))


def _prepare(name: str) -> Any:
    """Return what prepares pictures for a network that looks at some."""
    from transformers import CLIPImageProcessorPil, ConvNextImageProcessorPil, ViTImageProcessorPil

    sides = {"height": 32, "width": 32}
    if name == "vit":
        return ViTImageProcessorPil(size=sides)
    if name == "resnet":
        return ConvNextImageProcessorPil(size={"shortest_edge": 32})
    return CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=sides)


LOOKS = ("clip", "vit", "resnet")

MADE: dict[str, tuple[Callable[[], Any], str | None]] = {
    "llama": (_llama, "causal"),
    "gpt2": (_gpt2, "causal"),
    "t5": (_t5, "seq2seq"),
    "bart": (_bart, "encoder"),
    "bert": (_bert, "encoder"),
    "clip": (_clip, "encoder"),
    "vit": (_vit, None),
    "resnet": (_resnet, None),
}


def save(folder: Path, name: str) -> Path:
    """Make the checkpoint `name` and save it in `folder`."""
    import torch

    build, kind = MADE[name]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(2)
        build().eval().save_pretrained(folder)
        if kind:
            make_tokenizer(kind).save_pretrained(folder)
        if name in LOOKS:
            _prepare(name).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny checkpoint, which nobody may change."""
    root = tmp_path_factory.mktemp("checkpoints")

    def folder(name: str) -> Path:
        return root / name if (root / name).is_dir() else save(root / name, name)

    return folder


@pytest.fixture
def copied(made: Callable[[str], Path]) -> Callable[..., Path]:
    """Copy a tiny checkpoint into the working folder, to break it; keywords change its ``config.json``."""

    def copy(name: str, to: str | None = None, **changes: Any) -> Path:
        folder = Path(shutil.copytree(made(name), Path.cwd() / (to or name)))
        if changes:
            change(folder / "config.json", **changes)
        return folder

    return copy


def change(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None takes one out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content.update(changes)
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}), encoding="utf-8")
