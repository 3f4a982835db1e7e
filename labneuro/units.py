"""Quantities with units, read into SI floats. pint lives here and nowhere else.

In a file a quantity is text such as ``"0.19 V/um"``; in code it is a float in SI units.
"""

from __future__ import annotations

import math
import re
import reprlib
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)

from labneuro.errors import InputError, UnitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pint

Model = TypeVar("Model", bound=BaseModel)


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    import pint  # noqa: PLC0415  pint takes 0.2 s to import; --help must not pay for it

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


# Strict on purpose: pint alone reads "1,5 V" as 15 V and "1 000 V" as 0 V, and computes
# "9**9**9 V" for hours.
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_FACTOR = r"[^\W\d]+(?:\s*(?:\*\*|\^)\s*-?[0-9](?:\.[0-9])?)?|%|°C"
_PRODUCT = rf"(?:{_FACTOR})(?:\s*[*/·]\s*(?:{_FACTOR}))*"
_UNIT = re.compile(rf"(?:1\s*/\s*)?{_PRODUCT}")
_QUANTITY = re.compile(rf"({_NUMBER})(?:\s*({_PRODUCT})|\s+(1\s*/\s*{_PRODUCT}))?")
_LONGEST = 100  # characters of a quantity


@lru_cache(maxsize=4096)
def _parse_text(text: str, unit: str) -> float:
    import pint  # noqa: PLC0415

    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise UnitError(_no_quantity(text, unit))
    number, own_unit = float(match[1]), match[2] or match[3] or ""
    if unit and not own_unit:
        raise UnitError(f"{text!r} has no unit; write for example '{text} {unit}'")
    try:
        quantity: pint.Quantity[float] = _registry().Quantity(number, own_unit)
        return float(quantity.to(unit).magnitude)
    except pint.DimensionalityError as error:
        raise UnitError(
            f"{text!r} is not a quantity in {unit or 'plain numbers'}: "
            f"{own_unit} is a unit of something else"
        ) from error
    except pint.UndefinedUnitError as error:
        raise UnitError(
            f"{text!r} is not a quantity in {unit or 'plain numbers'}: "
            f"{own_unit} is not a known unit"
        ) from error
    except Exception as error:  # pint raises many kinds: offset, overflow, assertion...
        raise UnitError(_no_quantity(text, unit)) from error


def _no_quantity(text: str, unit: str) -> str:
    example = f"a number and a unit such as '1.5 {unit}'" if unit else "a plain number"
    return f"{shown(text)} is not a quantity; write {example}"


def parse(value: object, unit: str) -> float:
    """Read a quantity as a float in `unit`.

    Parameters
    ----------
    value : str or float
        Text such as ``"0.19 V/um"``. A bare number is accepted only where `unit` is
        dimensionless (``""``).
    unit : str
        The SI unit of the result, such as ``"V/m"``.

    Returns
    -------
    float
        The value in `unit`.

    Raises
    ------
    UnitError
        If the text is no quantity, has another dimension or is not finite.

    Examples
    --------
    >>> parse("0.19 V/um", "V/m")
    190000.0
    >>> parse("100 us", "s")
    0.0001
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnitError(
            f"{shown(value)} is not a quantity in {unit or 'plain numbers'}"
        )
    if isinstance(value, str):
        number = round_off_noise(_parse_text(value.strip(), unit))
    elif unit:
        text = shown(value)
        raise UnitError(f"{text} has no unit; write for example '{text} {unit}'")
    else:
        number = _to_float(value)
    if not math.isfinite(number):
        raise UnitError(f"{shown(value)} is not a finite quantity")
    return number


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond the floats
        return math.inf


def round_off_noise(value: float) -> float:
    """Return `value` at 15 digits, so that ``0.1 ms`` is 0.0001 s to the last bit.

    Examples
    --------
    >>> round_off_noise(0.00010000000000000002)
    0.0001
    """
    return float(f"{value:.15g}")


def check_unit(unit: str) -> None:
    """Raise unless `unit` is a unit that can be converted.

    Raises
    ------
    UnitError
        If the unit is unknown.
    """
    if unit and not (len(unit) <= _LONGEST and _UNIT.fullmatch(unit)):
        raise UnitError(f"{shown(unit)} is not a known unit")
    try:
        _registry().Unit(unit)
    except Exception as error:
        raise UnitError(f"{shown(unit)} is not a known unit") from error


def show(value: float, unit: str, digits: int = 4) -> str:
    """Write an SI value with a handy prefix, such as ``3.8 V`` or ``100 us``.

    Examples
    --------
    >>> show(1e-4, "s")
    '100 us'
    >>> show(190000.0, "V/m")
    '0.19 V/um'
    """
    if unit == "V/m":
        return f"{value * 1e-6:.{digits}g} V/um"
    if not unit or value == 0 or not math.isfinite(value):
        return f"{value:.{digits}g} {unit}".strip()
    if unit == "s" and abs(value) >= _LONG:
        return f"{value / 60:.{digits}g} min"
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor * (1 - 0.5 * 10.0**-digits):
            return f"{value / factor:.{digits}g} {prefix}{unit}"
    factor, prefix = _PREFIXES[-1]
    return f"{value / factor:.{digits}g} {prefix}{unit}"


_LONG = 600.0  # s: minutes from here on
_PREFIXES = (
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
    (1e-12, "p"),
)


_FROM_FILE = {"units are required": True}


def _reader(unit: str) -> BeforeValidator:
    """Read text with a unit; in code, but never in a file, a float is in SI."""

    def read(value: object, info: ValidationInfo) -> float:
        in_code = info.context is not _FROM_FILE
        if in_code and isinstance(value, int | float) and not isinstance(value, bool):
            return _to_float(value)
        return parse(value, unit)

    return BeforeValidator(read)


def _writer(unit: str) -> PlainSerializer:
    return PlainSerializer(lambda value: f"{value!r} {unit}".strip(), when_used="json")


Volt = Annotated[float, _reader("V"), _writer("V")]
Ampere = Annotated[float, _reader("A"), _writer("A")]
Watt = Annotated[float, _reader("W"), _writer("W")]
Coulomb = Annotated[float, _reader("C"), _writer("C")]
VoltSecond = Annotated[float, _reader("V*s"), _writer("V*s")]
Ohm = Annotated[float, _reader("ohm"), _writer("ohm")]
Siemens = Annotated[float, _reader("S"), _writer("S")]
Kelvin = Annotated[float, _reader("K"), _writer("K")]
Second = Annotated[float, _reader("s"), _writer("s")]
Metre = Annotated[float, _reader("m"), _writer("m")]
VoltPerSecond = Annotated[float, _reader("V/s"), _writer("V/s")]
VoltPerMetre = Annotated[float, _reader("V/m"), _writer("V/m")]
Hertz = Annotated[float, _reader("Hz"), _writer("Hz")]


class InputModel(BaseModel):
    """Base of everything that a user writes: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def validate_input(
    model: type[Model], content: object, where: str, error: type[InputError]
) -> Model:
    """Build `model` from file content; any fault becomes one line.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        What the content should be.
    content : object
        What was read from the file.
    where : str
        The file, for the message.
    error : type of InputError
        The error to raise.

    Returns
    -------
    Model
        The validated object.

    Raises
    ------
    InputError
        Of the kind asked for, naming the file, the key, the value and what is allowed.
    """
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise error(f"{where}: expected keys and values, found {kind}")
    try:
        return model.model_validate(content, context=_FROM_FILE)
    except ValidationError as caught:
        raise error(f"{where}: {_first_fault(caught, model)}") from caught


def _first_fault(caught: ValidationError, model: type[BaseModel]) -> str:
    faults = caught.errors(include_url=False)
    faults.sort(key=lambda fault: fault["type"] != "extra_forbidden")  # misspelt keys
    key = ".".join(str(part) for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return (f"{key}: " if key else "") + _describe(faults[0], model) + more


def _describe(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        known = ", ".join(_known_keys(model, fault["loc"]))
        return "unknown key" + (f"; known keys are {known}" if known else "")
    if fault["type"] == "missing":
        return "this key is missing"
    message = str(fault["msg"]).removeprefix("Value error, ")
    own_words = fault["type"] == "value_error"  # of a validator: it named the value
    value = shown(fault["input"])
    return message if own_words or value in message else f"{message}, not {value}"


def _known_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    for part in place[:-1]:
        field = model.model_fields.get(str(part))
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        inner = [kind for kind in kinds if _is_model(kind)]
        if not inner:
            return []  # inside a list or a dictionary
        model = inner[0]
    return sorted(model.model_fields)


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def shown(value: object) -> str:
    """Return a value as a message shows it: one line, bounded in time and size.

    Examples
    --------
    >>> shown("state map")
    "'state map'"
    """
    try:
        text = _SHORTENER.repr(value)
    except ValueError:  # Python refuses to write an integer of thousands of digits
        return f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


_SHORTENER = reprlib.Repr()
_SHORTENER.maxlevel = 2
_SHORTENER.maxstring = _SHORTENER.maxother = 60
