"""The LSTM layer that wide networks are trained with in bfloat16."""

from __future__ import annotations

import pytest
import torch

from aigc_text.rnn import wide_lstm
from aigc_text.rnn.networks import Recurrent
from aigc_text.rnn.wide_lstm import _Lstm


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def test_its_gradient_is_that_of_its_outputs():
    shapes = [(4, 2, 3), (20, 3), (20, 5), (20,), (2, 5), (2, 5)]
    given = [numbers(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    assert torch.autograd.gradcheck(_Lstm.apply, given)


def test_it_is_the_layer_of_torch():
    layer = torch.nn.LSTM(3, 5).double()
    inputs, hidden, cell = numbers(4, 2, 3), numbers(2, 5), numbers(2, 5, seed=1)
    weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0 + layer.bias_hh_l0)
    outputs, last_hidden, last_cell = _Lstm.apply(inputs, *weights, hidden, cell)
    wanted, (wanted_hidden, wanted_cell) = layer(inputs, (hidden[None], cell[None]))
    torch.testing.assert_close((outputs, last_hidden, last_cell), (wanted, wanted_hidden[0], wanted_cell[0]))


def losses(tokens, monkeypatch, wide):
    """Return the loss of a network in bfloat16 and its gradients, in one vector."""
    monkeypatch.setattr(wide_lstm, "WIDE", wide)
    torch.manual_seed(0)
    net = Recurrent(50, cell="lstm", layers=2, hidden=32, embedding=16, classes=2, weight_dropout=0.2).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss, state = net(tokens[:, :-1], None, torch.arange(6) % 2, tokens[:, 1:])
    loss.backward()
    return loss.item(), torch.cat([weight.grad.flatten() for weight in net.parameters()]), state


def test_a_wide_network_learns_the_same_in_either_way(monkeypatch):
    tokens = torch.randint(1, 50, (6, 12), generator=torch.Generator().manual_seed(0))
    (loss, gradient, state), (other, wanted, other_state) = (losses(tokens, monkeypatch, wide) for wide in (1, 10**9))
    assert loss == pytest.approx(other, rel=1e-3)
    assert (gradient - wanted).norm() < 0.02 * wanted.norm()
    assert [part.shape for layer in state for part in layer] == [part.shape for layer in other_state for part in layer]


def test_it_is_taken_where_it_pays_alone():
    wide = (wide_lstm.WIDE, 1)
    assert not wide_lstm.pays(*wide)  # float32
    with torch.autocast("cpu", torch.bfloat16):
        assert wide_lstm.pays(*wide)
        assert not wide_lstm.pays(wide_lstm.WIDE - 1, 1)
        with torch.no_grad():
            assert not wide_lstm.pays(*wide)
    with torch.autocast("cpu", torch.float16):
        assert not wide_lstm.pays(*wide)
