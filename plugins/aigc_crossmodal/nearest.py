"""The selector ``crossmodal/nearest``: of several candidates, the one nearest to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from aigc_core import Candidate, Request, StepContext, UsageError


def nearest(request: Request, candidates: Sequence[Candidate], context: StepContext) -> int:
    """Return the index of the candidate whose vector is nearest to that of the prompt, or of the input without one.

    Nearness is the cosine in a space of texts and pictures: best-of-N by CLIP, as Ramesh et al. 2021 (DALL-E,
    arXiv 2102.12092), section 2.6. The similarities of all go into the recipe; of equal ones the first is kept.

    Raises:
        UsageError: there is neither prompt nor input, or the embedder does not look at such content.
    """
    asked = request.prompt if request.prompt is not None else request.inputs.get("input")
    if asked is None:
        raise UsageError(
            "crossmodal/nearest keeps what is nearest to a prompt, and there is none",
            hint="give a prompt, or leave --select crossmodal/nearest out",
        )
    embedder = context.embedder(context.options.embedder)
    found = embedder.vectors([candidate.content for candidate in candidates]) @ embedder.vector(asked)
    similarities = [float(similarity) for similarity in found]
    context.record("space_id", embedder.space_id)
    context.record("similarities", [round(similarity, 6) for similarity in similarities])
    return max(range(len(similarities)), key=similarities.__getitem__)
