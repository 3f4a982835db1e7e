"""Tests of labneuro/networks/analogize.py, analog_layers.py and analog_norm.py."""

import copy

import pytest
import torch
from torch import nn

from labneuro.errors import CalibrationError
from labneuro.networks.analog_layers import (
    AnalogAttention,
    AnalogLinear,
    program,
    scaled_attention,
)
from labneuro.networks.analog_norm import (
    AnalogAddNormalise,
    AnalogLayerNorm,
    TokenBatchNorm,
)
from labneuro.networks.analog_operators import MODES, AnalogOperators
from labneuro.networks.analogize import analogize
from labneuro.networks.codebook import Codebook

NOISE = 0.05
ONLY_WEIGHTS = Codebook({}, {}, NOISE)


def _layer(weight_noise, outputs=40, inputs=60):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(outputs, inputs))
    operators = AnalogOperators(ONLY_WEIGHTS, "codebook", weight_noise)
    return AnalogLinear(operators, weight).eval()


def test_programmed_weights_stay_until_the_next_programming():
    layer, value = _layer("programming"), torch.eye(60)
    first = layer(value)
    assert torch.equal(layer(value), first)
    weight = layer.weight.detach()
    error = (first.T.detach() - weight) / weight.abs().amax(dim=1, keepdim=True)
    assert float(error.std()) == pytest.approx(NOISE, rel=0.05)
    program(layer)
    assert not torch.equal(layer(value), first)
    layer.train()
    assert not torch.equal(layer(value), layer(value))


def test_read_noise_is_that_of_weights_drawn_for_every_vector():
    """Mean and variance against explicit draws of whole weight matrices."""
    layer = _layer("read")
    value = torch.randn(3, 60)
    found = torch.stack([layer(value) for _ in range(3000)]).detach()
    scale = NOISE * layer.weight.detach().abs().amax(dim=1, keepdim=True)
    drawn = torch.stack(
        [
            value @ (layer.weight + scale * torch.randn(40, 60)).T.detach()
            for _ in range(3000)
        ]
    )
    torch.testing.assert_close(found.std(0), drawn.std(0), rtol=0.12, atol=0)
    torch.testing.assert_close(found.mean(0), drawn.mean(0), rtol=0, atol=0.3)
    # Rows of one matrix share nothing: outputs of two vectors are uncorrelated.
    both = torch.corrcoef(found[:, :2, 0].T)[0, 1]
    assert abs(float(both)) < 0.08


def test_without_noise_or_in_ideal_mode_weights_are_exact():
    value = torch.randn(4, 60)
    for noise, mode in (("none", "codebook"), ("programming", "ideal")):
        layer = _layer(noise)
        layer.operators.mode = mode
        assert torch.equal(layer(value), value @ layer.weight.T)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_ideal_attention_is_torchs(codebook, batch_first, bias):
    torch.manual_seed(0)
    source = nn.MultiheadAttention(12, 3, bias=bias, batch_first=batch_first).eval()
    operators = AnalogOperators(codebook, "ideal")
    analog = AnalogAttention(operators, source).eval()
    query, key = torch.randn(4, 5, 12), torch.randn(4, 5, 12)
    padding = torch.zeros(*((4, 5) if batch_first else (5, 4)), dtype=torch.bool)
    padding[1, 3:] = True
    causal = torch.ones(*((5, 5) if batch_first else (4, 4)), dtype=torch.bool).triu(1)
    for options in (
        {},
        {"key_padding_mask": padding},
        {"attn_mask": causal, "average_attn_weights": False},
    ):
        found, wanted = (one(query, key, key, **options) for one in (analog, source))
        torch.testing.assert_close(found[0], wanted[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(found[1], wanted[1], atol=1e-5, rtol=0)
    single = query[0]
    torch.testing.assert_close(
        analog(single, single, single)[0],
        source(single, single, single)[0],
        atol=1e-5,
        rtol=0,
    )


def test_attention_of_sizes_of_its_own(codebook):
    source = nn.MultiheadAttention(12, 3, kdim=5, vdim=7, batch_first=True).eval()
    analog = AnalogAttention(AnalogOperators(codebook, "ideal"), source)
    parts = torch.randn(2, 4, 12), torch.randn(2, 6, 5), torch.randn(2, 6, 7)
    torch.testing.assert_close(analog(*parts)[0], source(*parts)[0])


def test_analog_attention_is_near_but_off(codebook):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 20, 16) for _ in range(3))
    ideal, analog = (
        scaled_attention(AnalogOperators(codebook, mode), query, key, value)
        for mode in MODES[:2]
    )
    for found, wanted in zip(analog, ideal, strict=True):
        share = float((found - wanted).norm() / wanted.norm())
        assert 0.01 < share < 0.5


def _transformer(activation):
    layer = nn.TransformerEncoderLayer(
        12, 4, 20, dropout=0.0, activation=activation, batch_first=True
    )
    return nn.Sequential(
        nn.Linear(4, 12),
        nn.TransformerEncoder(layer, 2),
        nn.Linear(12, 3),
        nn.Softmax(-1),
    ).eval()


@pytest.mark.parametrize("gradients", [True, False])
def test_transformer_layers_are_converted_inside(pcu_model, gradients):
    """Also where torch would take its fused path; ideal mode changes nothing."""
    torch.manual_seed(0)
    model = _transformer("gelu")
    value = torch.randn(3, 5, 4)
    wanted = model(value)
    report = analogize(model, pcu_model, mode="ideal")
    kinds = sorted(set(report.replaced.values()))
    assert kinds == [
        "LayerNorm -> AnalogLayerNorm",
        "Linear -> AnalogLinear",
        "MultiheadAttention -> AnalogAttention",
        "Softmax -> AnalogSoftmax",
        "function gelu -> AnalogActivation",
    ]
    assert len(report.replaced) == 2 + 1 + 2 * (2 + 1 + 2 + 1)
    assert report.left == {}
    assert "6 x Linear -> AnalogLinear" in str(report)
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(model(value), wanted, atol=1e-5, rtol=0)
        report.operators.mode = "codebook"
        assert float((model(value) - wanted).detach().abs().max()) > 1e-3


def test_only_the_bypass_reaches_the_first_layer(pcu_model):
    torch.manual_seed(0)
    model = _transformer("gelu")[:3]
    for mode, reached in zip(MODES[1:], (False, True), strict=True):
        network = copy.deepcopy(model)
        analogize(network, pcu_model, mode=mode)
        network(torch.randn(3, 5, 4)).sum().backward()
        assert (network[0].weight.grad is not None) == reached
        assert network[2].weight.grad is not None


class _Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 1)
        self.relu, self.again = nn.ReLU(), nn.Tanh()
        self.shared = nn.Linear(3, 3)
        self.twin = self.shared

    def forward(self, value):
        return torch.softmax(self.twin(self.shared(self.relu(self.conv(value)))), -1)


def test_what_is_left_is_told(pcu_model):
    model = _Own()
    report = analogize(model, pcu_model)
    assert report.left == {"conv": "Conv1d", "relu": "ReLU", "again": "Tanh"}
    assert report.own_code == {"(model)": "_Own"}
    assert "functions called inside are left: _Own" in str(report)
    assert model.shared is model.twin
    changed = analogize(_Own(), pcu_model, rectifier_as_softplus=True)
    assert changed.replaced["relu"] == "ReLU -> AnalogActivation"
    plain = nn.Sequential(_transformer("relu"), nn.Softplus(beta=2))
    left = analogize(plain, pcu_model).left
    assert left["0.1.layers.0.activation"] == "function relu"
    assert left["1"] == "Softplus"


def test_model_of_another_device_is_refused(calibrated):
    with pytest.raises(CalibrationError, match="wanted 'pcu'"):
        analogize(nn.Sequential(nn.Linear(2, 2)), calibrated())


def test_normalisations(codebook):
    """Ideal: torch's own; analog: off by the dividers' or the weights' errors."""
    torch.manual_seed(0)
    value = 3 * torch.randn(4, 5, 12) + 1
    source = nn.LayerNorm(12)
    for mode, least in zip(MODES[:2], (0.0, 1e-3), strict=True):
        operators = AnalogOperators(codebook, mode)
        add = AnalogAddNormalise(AnalogLayerNorm(operators, source))
        error = float((add(value, value) - source(2 * value)).detach().abs().max())
        assert least <= error <= (0.6 if least else 1e-5)
    batch = nn.Sequential(TokenBatchNorm(12))
    batch(value)
    batch.eval()
    batch.requires_grad_(False)
    wanted = batch(value)
    report = analogize(batch, codebook)
    found = batch(value)
    assert report.replaced == {"0": "TokenBatchNorm -> AnalogBatchNorm"}
    assert 1e-3 < float((found - wanted).abs().max()) < 0.6
    assert torch.equal(batch(value), found)
    report.operators.mode = "ideal"
    assert torch.equal(batch(value), wanted)


def test_every_mode_is_known():
    assert MODES == ("ideal", "codebook", "bypass")
