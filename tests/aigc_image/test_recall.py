"""What a prompt is taken for."""

from collections import Counter

import numpy as np
import torch

from aigc_core import Batch, Noise
from aigc_image.recall import Familiar, Recall

KNOWN = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2, 0.0], [0.0, 1.0, 0.1], [0.1, 0.0, 1.0]]), dim=1)


def familiar(pictures, vectors):
    seen = Familiar()
    for start in range(0, len(pictures), 2):  # in batches, as data come
        seen.watch(Batch(pictures[start : start + 2], vectors[start : start + 2]))
    return seen.vectors()


def drawn(recall, vector, sharpness, count=300):
    rows = [recall.draw(vector, sharpness, Noise(seed, "told")) for seed in range(count)]
    return Counter(int((KNOWN.numpy() @ row).argmax()) for row in rows)


def test_of_each_picture_the_vector_that_is_its_own_is_kept_once():
    pictures = torch.arange(2.0).repeat_interleave(3)[:, None, None, None].expand(6, 1, 2, 2)
    vectors = KNOWN[[0, 1, 0, 2, 2, 1]]
    kept = familiar(pictures, vectors)
    assert kept.dtype == torch.int8
    assert torch.allclose(torch.nn.functional.normalize(kept.float(), dim=1), KNOWN[[0, 2]], atol=0.01)
    same = familiar(pictures, KNOWN[[0, 0, 1, 0, 0, 2]])
    assert len(same) == 1, "two pictures of one thing"


def test_what_is_known_is_taken_for_itself():
    recall = Recall(familiar(torch.arange(3.0)[:, None, None, None], KNOWN))
    for place, vector in enumerate(KNOWN):
        assert drawn(recall, vector.numpy(), 100) == {place: 300}
        assert np.allclose(recall.draw(vector.numpy(), 100, Noise(0, "told")), vector, atol=0.01)


def test_between_two_the_likelihood_is_that_of_the_similarities():
    recall = Recall(familiar(torch.arange(3.0)[:, None, None, None], KNOWN))
    vector = torch.nn.functional.normalize(KNOWN[0] * 0.6 + KNOWN[1] * 0.4, dim=0).numpy()
    expected = torch.softmax(5 * (KNOWN @ torch.from_numpy(vector)), dim=0).numpy()
    found = drawn(recall, vector, 5, count=3000)
    assert np.allclose([found[place] / 3000 for place in range(3)], expected, atol=0.03)
    assert set(drawn(recall, vector, 1000)) == {0}


def test_one_seed_recalls_one_thing():
    recall = Recall(familiar(torch.arange(3.0)[:, None, None, None], KNOWN))
    vector = np.full(3, 3**-0.5, np.float32)
    first, again = (recall.draw(vector, 1, Noise(4, "told")) for _ in range(2))
    assert np.array_equal(first, again)
