"""Turn a user's own torch model into one of analog layers, in one call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from labneuro.networks.analog_layers import (
    AnalogActivation,
    AnalogAttention,
    AnalogLinear,
    AnalogSoftmax,
)
from labneuro.networks.analog_norm import (
    AnalogBatchNorm,
    AnalogLayerNorm,
    TokenBatchNorm,
)
from labneuro.networks.analog_operators import AnalogOperators
from labneuro.networks.codebook import Codebook, codebook_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from labneuro.calibration import CalibratedModel
    from labneuro.networks.analog_operators import Mode, WeightNoise

_TORCH = "torch.nn.modules"
_HARMLESS = (nn.Dropout, nn.Identity, nn.Flatten, nn.Unflatten)
_ENCODER_LAYERS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


@dataclass(frozen=True)
class AnalogReport:
    """What :func:`analogize` did.

    Attributes
    ----------
    operators : AnalogOperators
        Shared by all analog layers; its `mode` may be changed.
    replaced : dict of str to str
        Name in the model -> "what it was -> what it is".
    left : dict of str to str
        Name in the model -> kind, of layers that compute and were left digital.
    own_code : dict of str to str
        Name -> kind of modules that are not torch's: functions which their ``forward``
        calls (such as ``torch.softmax``) stay as they are.
    """

    operators: AnalogOperators
    replaced: dict[str, str]
    left: dict[str, str]
    own_code: dict[str, str]

    def __str__(self) -> str:
        """Return counts by kind, a line each."""
        lines = [
            f"replaced: {n} x {k}" for k, n in Counter(self.replaced.values()).items()
        ]
        lines += [f"left: {n} x {k}" for k, n in Counter(self.left.values()).items()]
        if self.own_code:
            kinds = ", ".join(sorted(set(self.own_code.values())))
            lines.append(f"functions called inside are left: {kinds}")
        return "\n".join(lines)


def analogize(
    model: nn.Module,
    calibrated: CalibratedModel | Codebook,
    *,
    mode: Mode = "bypass",
    weight_noise: WeightNoise = "programming",
    answer_noise: bool = True,
    rectifier_as_softplus: bool = False,
) -> AnalogReport:
    """Replace the layers of a model, in place, by analog ones.

    Linear layers, softmax, softplus, GELU, sigmoid, layer normalisation and multi-head
    attention are replaced, also inside torch's transformer layers, whose activation
    function and fused path are taken care of. Parameters are the model's own, except in
    attention, whose fused projection is split in three: make an optimiser after this.

    Parameters
    ----------
    model : Module
        Any model; not itself a single layer that would be replaced.
    calibrated : CalibratedModel or Codebook
        Of device model ``"pcu"``, with the tables of the operators that the model uses.
    mode : str
        ``"ideal"``, ``"codebook"`` or ``"bypass"``.
    weight_noise : str
        ``"none"``, ``"programming"`` or ``"read"``.
    answer_noise : bool
        Whether single answers deviate from the measured mean.
    rectifier_as_softplus : bool
        Replace ReLU by softplus as well, as the paper does before training.

    Returns
    -------
    AnalogReport
        What was replaced and what was left.

    Raises
    ------
    CalibrationError
        If the calibrated model is of another device or its codebook is damaged.
    InputError
        If a mode is not known.
    """
    codebook = (
        calibrated if isinstance(calibrated, Codebook) else codebook_of(calibrated)
    )
    operators = AnalogOperators(codebook, mode, weight_noise, answer_noise)
    conversion = _Conversion(operators, rectifier_as_softplus=rectifier_as_softplus)
    conversion.walk(model, "")
    return AnalogReport(
        operators, conversion.replaced, conversion.left, conversion.own_code
    )


class _Conversion:
    """The walk through a model."""

    def __init__(
        self, operators: AnalogOperators, *, rectifier_as_softplus: bool
    ) -> None:
        self._operators = operators
        self._rectifier = rectifier_as_softplus
        self.replaced: dict[str, str] = {}
        self.left: dict[str, str] = {}
        self.own_code: dict[str, str] = {}
        # A module that the model uses twice stays one module.
        self._known: dict[nn.Module, nn.Module] = {}

    def walk(self, module: nn.Module, name: str) -> None:
        """Replace the children of a module, theirs, and so on."""
        kind = type(module)
        # `named_children` would leave out the second name of a shared child.
        own: dict[str, nn.Module | None] = vars(module)["_modules"]
        children = [(key, child) for key, child in own.items() if child is not None]
        if not kind.__module__.startswith(_TORCH):
            self.own_code[name or "(model)"] = kind.__name__
        elif not children and not isinstance(module, _HARMLESS):
            self.left[name or "(model)"] = kind.__name__
        for label, child in children:
            path = f"{name}.{label}" if name else label
            other = self._known.get(child) or self._replacement(child)
            if other is None:
                self.walk(child, path)
                continue
            self._known[child] = other.train(child.training)
            setattr(module, label, other)
            self.replaced[path] = f"{type(child).__name__} -> {type(other).__name__}"
        if isinstance(module, _ENCODER_LAYERS):
            self._activation_function(module, name)
        if isinstance(module, nn.TransformerEncoder):
            module.enable_nested_tensor = False

    def _replacement(self, module: nn.Module) -> nn.Module | None:
        make = _LAYERS.get(type(module))
        if isinstance(module, nn.ReLU) and self._rectifier:
            return AnalogActivation(self._operators, "softplus")
        return None if make is None else make(self._operators, module)

    def _activation_function(
        self,
        layer: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer,
        name: str,
    ) -> None:
        """Replace the function that a transformer layer calls in its middle."""
        if isinstance(layer, nn.TransformerEncoderLayer):
            layer.activation_relu_or_gelu = (
                0  # the fused path would pass the codebook by
            )
        function = layer.activation
        kinds: dict[object, str] = {
            functional.gelu: "gelu",
            functional.softplus: "softplus",
            functional.sigmoid: "sigmoid",
        }
        if self._rectifier:
            kinds[functional.relu] = "softplus"
        path = f"{name}.activation" if name else "activation"
        if isinstance(function, nn.Module):
            return
        label = getattr(function, "__name__", "function")
        if function not in kinds:
            self.left[path] = f"function {label}"
            return
        layer.activation = AnalogActivation(self._operators, kinds[function])
        self.replaced[path] = f"function {label} -> AnalogActivation"


def _linear(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.Linear)  # noqa: S101  narrows the type
    return AnalogLinear(operators, source.weight, source.bias)


def _attention(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.MultiheadAttention)  # noqa: S101  narrows the type
    if source.bias_k is not None or source.add_zero_attn:
        return None
    return AnalogAttention(operators, source)


def _softmax(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.Softmax)  # noqa: S101  narrows the type
    return AnalogSoftmax(operators, -1 if source.dim is None else source.dim)


def _layer_norm(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.LayerNorm)  # noqa: S101  narrows the type
    return AnalogLayerNorm(operators, source)


def _batch_norm(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.BatchNorm1d)  # noqa: S101  narrows the type
    tracked = source.running_var is not None
    return AnalogBatchNorm(operators, source) if tracked else None


def _softplus(operators: AnalogOperators, source: nn.Module) -> nn.Module | None:
    assert isinstance(source, nn.Softplus)  # noqa: S101  narrows the type
    return AnalogActivation(operators, "softplus") if source.beta == 1 else None


_LAYERS: dict[type, Callable[[AnalogOperators, nn.Module], nn.Module | None]] = {
    nn.Linear: _linear,
    nn.modules.linear.NonDynamicallyQuantizableLinear: _linear,
    nn.MultiheadAttention: _attention,
    nn.Softmax: _softmax,
    nn.LayerNorm: _layer_norm,
    nn.Softplus: _softplus,
    TokenBatchNorm: _batch_norm,
    nn.GELU: lambda operators, _: AnalogActivation(operators, "gelu"),
    nn.Sigmoid: lambda operators, _: AnalogActivation(operators, "sigmoid"),
}
