"""What is learnt from: texts each alone, and texts as one stream."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import DataShape, UsageError
from aigc_text.corpus import Documents, Rows, Windows
from aigc_text.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["abcdefghij"], kind="character", size=13)


def rows(tokenizer, texts, **how):
    return Rows.encode(texts, tokenizer, begin=True, **how)


@pytest.fixture(scope="module")
def documents(tokenizer) -> Documents:
    texts = ["abcdefghij"[: 1 + number % 10] for number in range(100)]
    return Documents(rows(tokenizer, texts), DataShape((12,)), np.arange(100) % 3)


def test_a_document_begins_and_ends_and_is_padded_to_the_longest_of_its_batch(tokenizer):
    documents = Documents(rows(tokenizer, ["ab", "c", "abcde"]), DataShape((7,)), None)
    a, b, c = (tokenizer.encode(each)[0] for each in "abc")
    batch = documents.batch(np.array([1, 0]))
    assert batch.data.tolist() == [[1, c, 2, 0], [1, a, b, 2]]
    assert batch.condition is None
    assert len(documents) == 3


def test_labels_and_vectors_stay_with_their_texts(documents, tokenizer):
    assert documents.batch(np.array([4, 9, 2])).condition.tolist() == [1, 0, 2]
    vectors = np.eye(2, dtype=np.float32)
    told = Documents(rows(tokenizer, ["a", "b"]), DataShape((3,), vector=2), vectors)
    assert told.batch(np.array([1, 0])).condition.tolist() == [[0, 1], [1, 0]]


def test_an_epoch_of_documents_shows_each_once_in_batches_of_about_one_length(documents):
    order = documents.order(seed=7, batch=5)
    epoch = order.indices(0, 100)
    assert sorted(epoch) == list(range(100))
    lengths = (epoch % 10).reshape(20, 5)
    assert (np.ptp(lengths, axis=1) <= 1).all()
    assert (np.diff(lengths[:, 0]) < 0).any()  # the batches themselves are shuffled


def test_the_order_of_documents_depends_on_seed_and_place_alone(documents):
    whole = documents.order(7, 5).indices(0, 230)
    fresh = documents.order(7, 5)
    parts = [fresh.indices(start, 23) for start in range(0, 230, 23)]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert documents.order(7, 5).indices(95, 10).tolist() == whole[95:105].tolist()
    assert whole[:100].tolist() != whole[100:200].tolist()
    assert whole.tolist() != documents.order(8, 5).indices(0, 230).tolist()


def test_fewer_documents_than_a_batch_are_repeated(tokenizer):
    few = Documents(rows(tokenizer, ["a", "b", "c"]), DataShape((3,)), None)
    found = few.order(0, 8).indices(0, 16)
    assert set(found[:8]) == set(found[8:]) == {0, 1, 2}


def test_texts_are_cut_where_asked(tokenizer):
    whole = rows(tokenizer, ["abcde", "a"])
    cut = whole.cut(4)
    assert whole.longest == 7
    assert [cut.tokens[start:end].tolist() for start, end in zip(cut.starts, cut.starts[1:], strict=False)] == [
        [1, *tokenizer.encode("abc")],
        [1, *tokenizer.encode("a"), 2],
    ]
    assert rows(tokenizer, ["abcde", "a"], longest=4).padded([0, 1]).tolist() == cut.padded([0, 1]).tolist()


def test_two_bytes_a_token_are_enough_or_it_is_said():
    many = Tokenizer.train(["".join(chr(0x10000 + number) for number in range(70_000))], kind="character", size=80_000)
    with pytest.raises(UsageError, match="too large"):
        Rows.encode(["x"], many)


@pytest.fixture(scope="module")
def windows(tokenizer) -> Windows:
    texts = ["abcdefghij"[: 1 + number % 10] for number in range(40)]
    return Windows(rows(tokenizer, texts), 6, DataShape((12,)))


def test_a_window_ends_with_the_token_that_the_next_one_begins_with(windows):
    order = windows.order(seed=3, batch=4)
    steps = len(windows) // 4
    before = windows.batch(order.indices(0, 4)).data
    assert before.shape == (4, 7)
    for step in range(1, steps):
        after = windows.batch(order.indices(4 * step, 4)).data
        assert before[:, -1].tolist() == after[:, 0].tolist()
        before = after


def test_an_epoch_of_a_stream_shows_each_window_once_and_the_next_other_ones(windows):
    count = len(windows)
    batch = next(size for size in range(2, count) if count % size == 0)
    order = windows.order(3, batch)
    first, second = order.indices(0, count), order.indices(count, count)
    assert sorted(first % count) == sorted(second % count) == list(range(count))
    assert first[0] // count != second[0] // count
    assert windows.batch(first).data.tolist() != windows.batch(second).data.tolist()


def test_texts_of_a_stream_are_shuffled_whole(windows, tokenizer):
    order = windows.order(3, 1)
    read = np.concatenate([windows.batch(order.indices(step, 1)).data[0, :-1] for step in range(len(windows))])
    found = {tokenizer.decode(part) for part in np.split(read, np.flatnonzero(read == tokenizer.bos))[1:-1]}
    assert found == {"abcdefghij"[:length] for length in range(1, 11)}


def test_the_order_of_a_stream_depends_on_seed_and_place_alone(windows, tokenizer):
    whole = windows.order(3, 4).indices(0, 120)
    fresh = windows.order(3, 4)
    assert np.concatenate([fresh.indices(start, 4) for start in range(0, 120, 4)]).tolist() == whole.tolist()
    assert whole.tolist() != windows.order(4, 4).indices(0, 120).tolist()
    again = Windows(windows._rows, 6, DataShape((12,)))
    assert again.batch(whole[100:104]).data.tolist() == windows.batch(whole[100:104]).data.tolist()


def test_a_stream_can_be_gone_through_in_order(windows, tokenizer):
    read = windows.batch(np.arange(3)).data
    assert read[0, 0] == tokenizer.bos
    assert read[:-1, -1].tolist() == read[1:, 0].tolist()


def test_a_single_short_text_is_a_stream(tokenizer):
    one = Windows(rows(tokenizer, ["abc"]), 16, DataShape((5,)))
    assert len(one) == 1
    assert one.batch(one.order(0, 4).indices(0, 4)).data.shape == (4, 17)


def test_what_is_too_much_for_the_memory_is_read_from_disk_the_same(windows, documents, tokenizer, monkeypatch):
    order, texts = windows.order(3, 4), ["abcdefghij"[: 1 + number % 10] for number in range(100)]
    before = {start: windows.batch(order.indices(start, 4)).data.tolist() for start in (0, 40, 400)}
    monkeypatch.setattr("aigc_text.corpus.IN_MEMORY", 64)
    monkeypatch.setattr("aigc_text.corpus.AT_ONCE", 7)
    on_disk = rows(tokenizer, texts)
    assert isinstance(on_disk.tokens, np.memmap)
    again = Documents(on_disk, DataShape((12,)), None)
    assert again.batch(np.arange(100)).data.tolist() == documents.batch(np.arange(100)).data.tolist()
    stream = Windows(rows(tokenizer, texts[:40]), 6, DataShape((12,)))
    assert {start: stream.batch(order.indices(start, 4)).data.tolist() for start in before} == before
