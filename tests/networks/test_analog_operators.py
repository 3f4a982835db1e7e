"""Tests of curve_lookup, fast_normal, product_table and analog_operators."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import kstest
from torch.nn import functional

from labneuro.errors import CalibrationError, InputError
from labneuro.networks.analog_operators import MODES, AnalogOperators
from labneuro.networks.codebook import Codebook, Curve
from labneuro.networks.curve_lookup import curve_table, look_up
from labneuro.networks.fast_normal import normals


def test_normal_numbers_are_normal_and_repeatable():
    """Kolmogorov-Smirnov on 1e5 numbers; false alarm at a fixed seed: none."""
    torch.manual_seed(1)
    first = normals(400, 250)
    assert kstest(first.numpy().ravel(), "norm").pvalue > 1e-3
    assert abs(float(first.var()) - 1.0) < 0.02
    assert abs(float((first[:, 1:] * first[:, :-1]).mean())) < 0.015
    torch.manual_seed(1)
    assert torch.equal(normals(400, 250), first)
    assert not torch.equal(normals(400, 250), first)


@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 3, 7), (3000, 70)])
def test_look_up_is_interpolation_of_each_columns_unit(shape):
    inputs = np.array([-1.0, 0.0, 0.5, 2.0])
    mean = np.array([[0.0, 1.0, 4.0, 2.0], [5.0, 5.0, 6.0, 9.0]])
    table = curve_table(inputs, mean, 0.0 * mean)
    torch.manual_seed(0)
    value = torch.empty(shape).uniform_(-2, 3)
    found = look_up(table, value).numpy()
    for column in range(shape[-1]):
        # Cells of 3/256 cannot follow a kink exactly.
        wanted = np.interp(value[..., column].numpy(), inputs, mean[column % 2])
        np.testing.assert_allclose(found[..., column], wanted, atol=0.05)


def test_look_up_beyond_the_ends():
    """Held below; above held or in proportion; NaN stays NaN; nothing of nothing."""
    inputs, mean = np.linspace(-2, 4, 60), np.linspace(1, 8, 60)[None]
    held = curve_table(inputs, mean, 0 * mean)
    rising = curve_table(inputs, mean, 0 * mean, upper_slope=True)
    value = torch.tensor([-1e9, 1e9, 8.0, float("nan")])
    np.testing.assert_allclose(look_up(held, value)[:3], [1, 8, 8], rtol=1e-5)
    assert float(look_up(rising, value)[2]) == pytest.approx(16.0, rel=1e-5)
    assert bool(look_up(held, value)[3].isnan())
    assert look_up(held, torch.empty(0, 3)).shape == (0, 3)


def test_answers_deviate_as_measured():
    inputs = np.array([0.0, 1.0])
    table = curve_table(inputs, np.zeros((1, 2)), np.array([[0.5, 0.1]]))
    torch.manual_seed(0)
    for place, spread in ((0.0, 0.5), (0.5, 0.3), (1.0, 0.1)):
        found = look_up(table, torch.full((100, 100), place), noise=True)
        assert float(found.std()) == pytest.approx(spread, rel=0.03)
        assert abs(float(found.mean())) < 0.02


@pytest.mark.parametrize("name", ["softplus", "sigmoid", "gelu"])
def test_activation_has_the_three_modes(codebook, name):
    """Ideal is torch's; bypass has the codebook's value and torch's gradient."""
    ideal = getattr(functional, name)
    value = torch.linspace(-6, 6, 30).view(5, 6)
    answers = {}
    for mode in MODES:
        operators = AnalogOperators(codebook, mode, answer_noise=False)
        asked = value.clone().requires_grad_()
        answers[mode] = getattr(operators, name)(asked)
        if mode == "codebook":
            assert not answers[mode].requires_grad
            continue
        answers[mode].sum().backward()
        wanted = value.clone().requires_grad_()
        ideal(wanted).sum().backward()
        torch.testing.assert_close(asked.grad, wanted.grad)
    assert torch.equal(answers["ideal"].detach(), ideal(value))
    assert torch.equal(answers["bypass"].detach(), answers["codebook"])
    error = (answers["codebook"] - ideal(value)).abs().max()
    assert 1e-3 < float(error) < 0.6


def test_product_is_the_sum_of_measured_products(codebook):
    """The factors against a bilinear look-up of every single product."""
    torch.manual_seed(0)
    first, second = torch.randn(6, 5), torch.randn(5, 4)
    operators = AnalogOperators(codebook, "codebook", answer_noise=False)
    found = operators.product(first, second)
    surface = codebook.surface("multiplier")
    ratio = surface.mean / (surface.first[:, None] * surface.second)
    x, y = (
        np.clip(5.0 * np.abs(part) / np.abs(part).max(), 0.5, 5.0)
        for part in (first.numpy(), second.numpy())
    )
    wanted = np.zeros((6, 4))
    for k in range(5):
        unit = RegularGridInterpolator((surface.first, surface.second), ratio[k % 3])
        grid = np.stack(np.meshgrid(x[:, k], y[k], indexing="ij"), axis=-1)
        wanted += first.numpy()[:, k, None] * second.numpy()[k] * unit(grid)
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.01)
    assert float((found - first @ second).abs().max()) > 0.02


def test_noise_of_a_product_adds_variances(codebook):
    torch.manual_seed(0)
    first, second = torch.rand(2, 30) + 1, torch.rand(30, 2) + 1
    quiet = AnalogOperators(codebook, "codebook", answer_noise=False)
    loud = AnalogOperators(codebook, "codebook")
    mean = quiet.product(first, second)
    found = torch.stack([loud.product(first, second) for _ in range(800)]) - mean
    wanted = 0.01 * (first.square() @ second.square()).sqrt()
    torch.testing.assert_close(found.std(dim=0), wanted, rtol=0.1, atol=0.0)


def test_softmax_and_division(codebook):
    torch.manual_seed(0)
    operators = AnalogOperators(codebook, "codebook", answer_noise=False)
    logits = torch.randn(4, 6, 5)
    along = operators.softmax(logits, 1)
    torch.testing.assert_close(along.sum(1), torch.ones(4, 5), atol=0.2, rtol=0)
    turned = operators.softmax(logits.transpose(1, 2), -1).transpose(1, 2)
    torch.testing.assert_close(along, turned)
    divided = operators.divide(logits, torch.full((4, 6, 1), 0.5))
    share = divided / (2 * logits)
    assert 0.8 < float(share.min()) <= float(share.max()) < 1.25
    assert float(share.std()) > 0.005


def test_wrong_words_are_told():
    empty = Codebook({}, {}, 0.0)
    with pytest.raises(InputError, match="mode: 'digital'; allowed are ideal, code"):
        AnalogOperators(empty, "digital")  # type: ignore[arg-type]  # the fault
    with pytest.raises(InputError, match="weight_noise: 'all'; allowed: none"):
        AnalogOperators(empty, "ideal", "all")  # type: ignore[arg-type]  # as above
    with pytest.raises(CalibrationError, match="no table 'codebook_softmax'"):
        AnalogOperators(empty, "codebook").softmax(torch.zeros(2))


def test_gelu_is_the_measured_one_or_made_of_its_parts(codebook):
    """Both are near x sigmoid(1.702 x); only the measured one follows its table."""
    x = np.linspace(-4.0, 4.0, 65)
    flat = Curve(x, np.full((1, 65), 0.25), np.zeros((1, 65)))
    without = {n: c for n, c in codebook.curves.items() if n != "gelu"}
    value = torch.linspace(-3, 3, 40)
    ideal = value * torch.sigmoid(1.702 * value)
    found = {}
    for name, curves in (
        ("measured", codebook.curves),
        ("parts", without),
        ("flat", without | {"gelu": flat}),
    ):
        own = Codebook(curves, codebook.surfaces, 0.0)
        operators = AnalogOperators(own, "codebook", answer_noise=False)
        found[name] = operators.gelu(value)
    torch.testing.assert_close(found["flat"], torch.full((40,), 0.25))
    for name in ("measured", "parts"):
        assert float((found[name] - ideal).abs().mean()) < 0.15
    assert not torch.equal(found["measured"], found["parts"])
