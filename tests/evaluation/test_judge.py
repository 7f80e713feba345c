"""Another model that a metric asks for its opinion."""

from __future__ import annotations

import pytest

from aigc_core import Order, Pipeline, UsageError
from aigc_core.evaluation.evidence import Gathered


@pytest.fixture
def evidence() -> Gathered:
    pipeline = Pipeline()
    return Gathered(pipeline, pipeline.plan(Order("image", model="digits-gan")))


def test_another_model_comes_with_its_weights_and_their_hash(evidence):
    judge = evidence.judge("digits-vae")
    assert judge.name == "digits-vae" and callable(judge.component.log_likelihood)
    assert len(judge.sha256) == 64 and judge.sha256 != evidence.plan.model.sha256
    assert evidence.judge("digits-vae").component is judge.component, "it is loaded once"
    assert not hasattr(evidence.component, "log_likelihood"), "the model itself stays who it is"


@pytest.mark.parametrize("name", ["digits-vea", "digits-cnn"])
def test_who_is_no_generator_cannot_judge(evidence, name):
    with pytest.raises(UsageError):
        evidence.judge(name)
