"""A plot of a run file as arrays with names, units and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labneuro.data.layout import ERRORS_SUFFIX, Plot
from labneuro.data.opening import read_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    import h5py
    import xarray as xr
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PlotData:
    """A plot as a run left it.

    Parameters
    ----------
    name, title : str
        Its name in the file, and what stands above it.
    signal_name : str
        Name of the quantity that is drawn.
    signal : ndarray
        Its values; NaN where nothing was measured.
    errors : ndarray or None
        Standard errors of the signal, of its shape.
    axes : dict of str to ndarray, each of one dimension
        By name, in the order of the signal's dimensions.
    auxiliary : dict of str to ndarray
        The other columns of the signal's shape.
    units, long_names : dict of str to str
        Unit and label of the signal, the axes and the auxiliary columns.
    scale : mapping of str to str
        ``"log"`` or ``"linear"`` by name.
    """

    name: str
    title: str
    signal_name: str
    signal: NDArray[Any]
    errors: NDArray[Any] | None
    axes: dict[str, NDArray[Any]]
    auxiliary: dict[str, NDArray[Any]]
    units: dict[str, str]
    long_names: dict[str, str]
    scale: Mapping[str, str]

    def label(self, name: str) -> str:
        """Return the label of an axis: the quantity and its unit in brackets."""
        unit = self.units[name]
        return f"{self.long_names[name]} ({unit})" if unit else self.long_names[name]

    def to_xarray(self) -> xr.Dataset:
        """Return the plot as a data set with named coordinates."""
        import xarray as xr  # noqa: PLC0415  takes 0.6 s, and few callers want it

        columns = {self.signal_name: self.signal, **self.auxiliary}
        data = xr.Dataset(
            {name: (tuple(self.axes), array) for name, array in columns.items()},
            coords=self.axes,
            attrs={"title": self.title},
        )
        for name, unit in self.units.items():
            data[name].attrs.update(units=unit, long_name=self.long_names[name])
        if self.errors is not None:
            errors = data[self.signal_name].copy(data=self.errors)
            errors.attrs["long_name"] = f"standard error of {errors.long_name}"
            data[self.signal_name + ERRORS_SUFFIX] = errors
        return data


def read_plot(group: h5py.Group, plot: Plot) -> PlotData:
    """Read a plot.

    Parameters
    ----------
    group : h5py.Group
        The NXdata group of the plot.
    plot : Plot
        Its layout.
    """
    others = (*plot.auxiliary, *plot.further)
    axes = [axis.column for axis in plot.axes]
    errors = plot.error_column
    return PlotData(
        name=plot.name,
        title=plot.title,
        signal_name=plot.signal.name,
        signal=read_array(group[plot.signal.name]),
        errors=None if errors is None else read_array(group[errors.name]),
        axes={axis.column.name: axis.values for axis in plot.axes},
        auxiliary={column.name: read_array(group[column.name]) for column in others},
        units={column.name: column.unit for column in (plot.signal, *axes, *others)},
        long_names={
            column.name: column.long_name for column in (plot.signal, *axes, *others)
        },
        scale=plot.scale,
    )
