"""The recurrent network: state, conditions, dropout, and one token at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from aigc_text.cross_entropy import linear_cross_entropy
from aigc_text.rnn import stepping
from aigc_text.rnn.networks import Recurrent
from aigc_text.rnn.stepping import Packed, Stepper

SIZES = {"layers": 2, "hidden": 12, "embedding": 8}


def network(cell="lstm", **settings):
    torch.manual_seed(0)
    return Recurrent(30, cell=cell, **{**SIZES, **settings})


@pytest.fixture
def tokens():
    return torch.randint(1, 30, (3, 9), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_text_read_in_parts_is_the_text(cell, tokens):
    net = network(cell).eval()
    whole, after = net(tokens)
    first, state = net(tokens[:, :4])
    second, state = net(tokens[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, after)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_text_read_token_by_token_is_the_text(cell, tokens):
    net, state, read = network(cell).eval(), None, []
    with torch.no_grad():
        for place in range(tokens.shape[1]):
            logits, state = net(tokens[:, place : place + 1], state)
            read.append(logits)
    whole, after = net(tokens)
    torch.testing.assert_close(torch.cat(read, dim=1), whole.detach())
    torch.testing.assert_close(state, tuple(tuple(part.detach() for part in layer) for layer in after))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_layers_are_those_of_torch(cell, tokens):
    net = network(cell, embedding=12).eval()
    whole = (torch.nn.LSTM if cell == "lstm" else torch.nn.GRU)(12, 12, 2, batch_first=True)
    for place, layer in enumerate(net.layers):
        for name, weight in layer.named_parameters():
            getattr(whole, name.replace("l0", f"l{place}")).data.copy_(weight.data)
    outputs, _ = whole(net.embed(tokens))
    torch.testing.assert_close(net(tokens)[0], outputs @ net.embed.weight.T + net.bias)


def test_the_embedding_is_kept_once_and_learns_from_both_ends(tokens):
    net = network()
    assert [name for name, weight in net.state_dict().items() if len(weight) == 30] == ["bias", "embed.weight"]
    loss, _ = net(tokens[:, :-1], targets=tokens[:, 1:])
    loss.backward()
    unread = sorted(set(range(30)) - set(tokens.flatten().tolist()))
    assert net.embed.weight.grad[unread].abs().sum() > 0  # as what might have followed


def test_an_lstm_forgets_nothing_at_first():
    layer = network().layers[0]
    forget = (layer.bias_ih_l0 + layer.bias_hh_l0)[12:24]
    assert forget.detach().mean() == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("settings", [{"embedding": 8}, {"embedding": 12}])
def test_the_loss_is_the_cross_entropy_of_what_is_no_padding(tokens, settings):
    net = network(**settings)
    tokens[0, 5:] = 0
    loss, _ = net(tokens[:, :-1], targets=tokens[:, 1:])
    loss.backward()
    got = {name: weight.grad.clone() for name, weight in net.named_parameters()}
    net.zero_grad()
    wanted = cross_entropy(net(tokens[:, :-1])[0].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0)
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(got, {name: weight.grad for name, weight in net.named_parameters()})


def test_a_loss_is_taken_in_parts_of_rows(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    inputs, weight = (torch.randn(count, 5, generator=generator).requires_grad_() for count in (23, 7))
    bias, targets = torch.zeros(7, requires_grad=True), torch.arange(23) % 7
    found = []
    for rows in (100, 4):
        monkeypatch.setattr("aigc_text.cross_entropy.ROWS", rows)
        loss = linear_cross_entropy(inputs, weight, bias, targets)
        found.append((loss, *torch.autograd.grad(3 * loss, (inputs, weight, bias))))
    torch.testing.assert_close(*found)


def test_a_loss_in_bfloat16_is_near_that_in_float32(tokens):
    net = network()
    exact, _ = net(tokens[:, :-1], targets=tokens[:, 1:])
    with torch.autocast("cpu", torch.bfloat16):
        rough, _ = net(tokens[:, :-1], targets=tokens[:, 1:])
    rough.backward()
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.01)
    assert all(weight.grad.isfinite().all() for weight in net.parameters())


@pytest.mark.parametrize("kind, values", [("classes", torch.tensor([0, 1, 1])), ("vector", torch.eye(3))])
def test_a_condition_is_seen_at_the_start_and_at_every_token(kind, values, tokens):
    net = network(**{kind: 3}).eval()
    whole, _ = net(tokens, None, values)
    other, _ = net(tokens, None, values.flip(0))
    assert not torch.allclose(whole[0, 0], other[0, 0])
    _, state = net(tokens[:, :4], None, values)
    carried, _ = net(tokens[:, 4:], state, values.flip(0))
    assert not torch.allclose(carried[0], whole[0, 4:])


def test_locked_dropout_leaves_the_same_numbers_out_at_every_token():
    net = network(dropout=0.5).train()
    left = net.locked(torch.ones(7, 3, 12))
    assert torch.equal(left, left[:1].expand_as(left))
    assert set(left.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(left[0, 0], left[0, 1])  # each text its own
    assert torch.equal(net.eval().locked(torch.ones(7, 3, 12)), torch.ones(7, 3, 12))


def test_weight_dropout_is_another_network_at_each_step_of_training_alone(tokens):
    net = network(weight_dropout=0.5).train()
    once, again = net(tokens)[0], net(tokens)[0]
    torch.testing.assert_close(once[:, 0], again[:, 0])  # before the first token nothing goes from step to step
    assert not torch.allclose(once[:, -1], again[:, -1])
    net.eval()
    assert torch.equal(net(tokens)[0], net(tokens)[0])
    assert torch.equal(net(tokens)[0], network().eval()(tokens)[0])


@pytest.mark.parametrize("kind, condition", [({}, None), ({"classes": 2}, torch.tensor([1, 0, 1]))])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("embedding", [8, 12])
def test_step_by_step_is_the_network(cell, embedding, kind, condition, tokens):
    net = network(cell, embedding=embedding, **kind).eval()
    wanted, _ = net(tokens, None, condition)
    stepper = Stepper(net)
    with torch.inference_mode():
        state, code = stepper.begun(condition, stepper.size_for(3))
        for place in range(tokens.shape[1]):
            filled = torch.cat([tokens[:, place], torch.zeros(len(state[0][0]) - 3, dtype=torch.long)])
            outputs, state = stepper.read(filled, state, code)
            torch.testing.assert_close(stepper.logits(outputs)[:3], wanted[:, place])


def test_a_row_comes_out_the_same_among_any_number_of_rows():
    net = network(hidden=96, embedding=40).eval()
    stepper = Stepper(net)
    assert stepping.ROWS in stepper.sizes
    texts = np.random.default_rng(0).integers(3, 30, (64, 5))
    with torch.inference_mode():
        found = []
        for size in stepper.sizes:
            state, _ = stepper.begun(None, size)
            for read in torch.from_numpy(texts[:size]).T:
                outputs, state = stepper.read(read, state, None)
            found.append(stepper.logits(outputs)[0])
    assert all(torch.equal(logits, found[0]) for logits in found)


def test_numbers_of_rows_that_change_a_row_are_never_taken(monkeypatch):
    multiply = Packed.__call__
    monkeypatch.setattr(Packed, "__call__", lambda self, inputs: multiply(self, inputs) + len(inputs) % 7)
    stepper = Stepper(network("gru"))
    assert stepper.sizes == (2, 16)  # 16 and 2 leave the same when divided by 7
    assert [stepper.size_for(count) for count in (1, 2, 3, 16, 40)] == [2, 2, 16, 16, 16]


def test_where_torch_has_no_onednn_it_multiplies_all_the_same(monkeypatch):
    net = network().eval()
    quick = Stepper(net)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = Stepper(net)
    with torch.inference_mode():
        state, _ = quick.begun(None, 16)
        read = torch.arange(16)
        torch.testing.assert_close(
            quick.logits(quick.read(read, state, None)[0]), plain.logits(plain.read(read, state, None)[0])
        )
