"""A ``text/rnn`` model as transformers knows models: ``AutoModelForCausalLM``, ``generate()``, ``pipeline()``.

Importing this module is all there is to it: the folder of a model is loaded as it is::

    import aigc_text.rnn.huggingface
    from transformers import pipeline

    write = pipeline("text-generation", "path/to/model")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.generic import ModelOutput

from aigc_text.rnn.networks import Recurrent, State


class RnnForCausalLMConfig(PreTrainedConfig):
    """What ``config.json`` says: the arguments of ``Recurrent``, by the names that transformers gives them."""

    model_type = "aigc_rnn"

    def __init__(
        self,
        *,
        vocab_size: int = 259,
        cell: str = "lstm",
        num_hidden_layers: int = 1,
        hidden_size: int = 384,
        embedding_size: int = 256,
        labels: Sequence[str] = (),
        vector: int = 0,
        dropout: float = 0.0,
        weight_dropout: float = 0.0,
        **others: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.cell = cell
        self.num_hidden_layers = num_hidden_layers
        self.hidden_size = hidden_size
        self.embedding_size = embedding_size
        self.labels = list(labels)
        self.vector = vector
        self.dropout = dropout
        self.weight_dropout = weight_dropout
        super().__init__(**others)


class Carried:
    """The state after a token, as ``generate()`` carries it to the next one and beam search reorders it."""

    def __init__(self, layers: State) -> None:
        self.layers = layers

    def reorder_cache(self, beams: Tensor) -> None:
        """Let each row go on from the row that `beams` names."""
        self.layers = tuple(tuple(part.index_select(0, beams) for part in layer) for layer in self.layers)


@dataclass
class RnnOutput(ModelOutput):
    """What ``forward`` returns; ``generate()`` hands ``state`` back to it."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    state: Carried | None = None


class RnnForCausalLM(PreTrainedModel, GenerationMixin):
    """The network of ``text/rnn`` under transformers' names; weights are those of the model folder, as they are."""

    config_class = RnnForCausalLMConfig
    base_model_prefix = "rnn"

    def __init__(self, config: RnnForCausalLMConfig) -> None:
        super().__init__(config)
        self.rnn = Recurrent(
            config.vocab_size,
            cell=cast(Any, config.cell),
            layers=config.num_hidden_layers,
            hidden=config.hidden_size,
            embedding=config.embedding_size,
            classes=len(config.labels),
            vector=config.vector,
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
        )
        self.post_init()  # type: ignore[no-untyped-call]

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # what is carried is `state`, not keys and values

    def _init_weights(self, module: nn.Module) -> None:
        """Leave the weights: the network has made its own."""

    def get_input_embeddings(self) -> nn.Module:
        return self.rnn.embed

    def prepare_inputs_for_generation(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Leave out what a tokenizer may give along and no token of ours has."""
        kwargs.pop("token_type_ids", None)
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(*args, **kwargs)  # type: ignore[misc]
        return inputs

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        state: Carried | None = None,
        condition: Tensor | None = None,
        **unused: Any,
    ) -> RnnOutput:
        """Return logits ``(B, T, V)`` and the state after the last token of each text.

        Args:
            input_ids: ``(B, T)``.
            attention_mask: 0 where a token is padding, on either side; looked at where no state is given.
            labels: tokens ``(B, T)``, -100 for those that do not count; gives a loss.
            condition: labels ``(B,)`` or vectors ``(B, D)``, for a model that is conditioned by any.
        """
        padded = attention_mask is not None and state is None and not bool(attention_mask.bool().all())
        if padded:
            logits, layers = self._read_padded(input_ids, cast(Tensor, attention_mask).bool(), condition)
        else:
            logits, layers = self.rnn(input_ids, state.layers if state else None, condition)
        loss = None
        if labels is not None:
            loss = cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        return RnnOutput(loss, logits, Carried(layers))

    def _read_padded(self, tokens: Tensor, real: Tensor, condition: Tensor | None) -> tuple[Tensor, State]:
        """Read texts of several lengths: their tokens moved to the left and packed, so that none reads padding."""
        lengths = real.sum(dim=1)
        order = real.int().argsort(dim=1, descending=True, stable=True)  # real tokens first, as they stood
        code = self.rnn.code(condition)
        inputs = self.rnn.inputs(tokens.gather(1, order), code)  # (T, B, E)
        packed: Any = pack_padded_sequence(inputs, lengths.cpu(), enforce_sorted=False)
        after = []
        for layer, before in zip(self.rnn.layers, self.rnn.begun(len(tokens), code), strict=True):
            parts = tuple(part[None] for part in before)
            packed, last = layer(packed, parts if len(parts) > 1 else parts[0])
            after.append(tuple(part[0] for part in (last if isinstance(last, tuple) else (last,))))
        outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=tokens.shape[1])
        back = order.argsort(dim=1)[..., None].expand_as(outputs)
        return self.rnn.logits(outputs.gather(1, back)), tuple(after)


AutoConfig.register(RnnForCausalLMConfig.model_type, RnnForCausalLMConfig, exist_ok=True)
AutoModelForCausalLM.register(RnnForCausalLMConfig, RnnForCausalLM, exist_ok=True)
AutoTokenizer.register(RnnForCausalLMConfig, fast_tokenizer_class=PreTrainedTokenizerFast, exist_ok=True)
