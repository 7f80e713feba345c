"""What ``text/rnn`` leaves to transformers: beam search, and no run of tokens twice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from aigc_core import Noise
from aigc_text.rnn.huggingface import RnnForCausalLM, RnnForCausalLMConfig
from aigc_text.rnn.model import LanguageModel
from aigc_text.rnn.options import RnnOptions
from aigc_text.rnn.writing import Text
from aigc_text.sampling import Warper
from aigc_text.streaming import Stream
from aigc_text.tokenizer import Tokenizer


class Warping(LogitsProcessor):
    """Our options as a processor of transformers' logits."""

    def __init__(self, warper: Warper) -> None:
        self._warper = warper

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        written = torch.zeros(scores.shape, dtype=torch.bool).scatter_(1, input_ids, True)
        return self._warper(scores, written)


class Gumbel(LogitsProcessor):
    """Adds the noise of each text's own stream, so that the largest logit is a draw; the last processor of all.

    transformers' own sampling draws from one generator for all texts.
    """

    def __init__(self, noises: list[Noise]) -> None:
        self._noises = noises

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        noise = torch.stack([torch.from_numpy(noise.gumbel(scores.shape[1])) for noise in self._noises])
        return scores + noise


class Stopping(StoppingCriteria):
    """Ends a text at its stop strings, as ``Stream`` finds them."""

    def __init__(self, tokenizer: Tokenizer, options: RnnOptions, prompt: int) -> None:
        self._tokenizer, self._options, self._prompt = tokenizer, options, prompt

    def __call__(self, input_ids: Tensor, scores: Any, **others: Any) -> Tensor:
        ended = []
        for row in input_ids.tolist():
            stream = Stream(self._tokenizer, self._options.stops, self._options.max_tokens)
            for token in row[self._prompt :]:
                stream.take(token)
            ended.append(stream.ended)
        return torch.tensor(ended)


class Searcher:
    """Writes texts through ``generate()``.

    Args:
        component: whose network and tokenizer are used.
    """

    def __init__(self, component: LanguageModel) -> None:
        config = RnnForCausalLMConfig(**component.transformers_config())
        with torch.random.fork_rng(devices=[]):  # its weights start out random, and are not kept
            self._model = RnnForCausalLM(config).train(False)
        self._model.rnn = component.rnn
        self._tokenizer = component.tokenizer

    @torch.inference_mode()
    def write(self, text: Text, options: RnnOptions) -> None:
        """Write a text to its end; its stream and score are those of the tokens found.

        Beam search looks for the likeliest text and draws nothing; else what the warpers leave is drawn from by noise.
        """
        drawn = options.beams == 1 and text.warper.temperature > 0
        processors = [Warping(text.warper), *([Gumbel([text.noise])] if drawn else [])]
        prompt = torch.tensor([list(text.prompt)])
        written = self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            condition=None if text.condition is None else text.condition[None],
            logits_processor=LogitsProcessorList(processors),
            stopping_criteria=StoppingCriteriaList([Stopping(self._tokenizer, options, prompt.shape[1])]),
            do_sample=False,
            num_beams=options.beams,
            no_repeat_ngram_size=options.no_repeat_ngram,
            max_new_tokens=options.max_tokens,
            min_new_tokens=options.min_tokens,
            suppress_tokens=[Tokenizer.pad, Tokenizer.bos],
            pad_token_id=Tokenizer.pad,
            eos_token_id=Tokenizer.eos,
        )
        for token in written[0, prompt.shape[1] :].tolist():
            if not text.stream.ended:
                text.stream.take(token)
                text.tokens.append(token)
        text.log_p = self._log_p(prompt, text)

    def _log_p(self, prompt: Tensor, text: Text) -> float:
        tokens = torch.cat([prompt, torch.tensor([text.tokens])], dim=1)
        condition = None if text.condition is None else text.condition[None]
        logits, _ = self._model.rnn(tokens[:, :-1], None, condition)
        each = logits[0, prompt.shape[1] - 1 :].log_softmax(dim=1).gather(1, torch.tensor(text.tokens)[:, None])
        return float(each.sum())
