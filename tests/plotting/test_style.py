import subprocess
import sys

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb

from labneuro.errors import InputError
from labneuro.plotting import style


def _luminance(colour):
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_sequence_grows_lighter_but_stays_off_white():
    """Readable in grey, and by the colour-blind, who tell lightness apart."""
    values = [_luminance(colour) for colour in style.sequence(8)]
    assert values == sorted(values)
    assert values[-1] < 0.85
    assert len(style.sequence(1)) == 1


def test_style_leaves_nothing_behind():
    before = dict(mpl.rcParams)
    with style.styled():
        style.new_figure().subplots()
        assert mpl.rcParams["axes.grid"] is True
    assert dict(mpl.rcParams) == before


def test_save_writes_a_picture(tmp_path):
    path = tmp_path / "f.png"
    style.save(style.new_figure(4.0, 3.0), path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[k : k + 4], "big") for k in (16, 20))
    assert (width, height) == (600, 450)


def test_save_refuses_unknown_formats_and_missing_folders(tmp_path):
    figure = style.new_figure()
    with pytest.raises(InputError, match=r"no figure format '\.h5'; allowed are .*png"):
        style.save(figure, tmp_path / "f.h5")
    with pytest.raises(InputError, match="no figure format ''"):
        style.save(figure, tmp_path / "figure")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        style.save(figure, tmp_path / "none" / "f.png")


def test_figures_need_no_pyplot():
    """Importing every figure function neither loads pyplot nor chooses a display."""
    code = (
        "import sys; import labneuro.plotting.catalog, labneuro.plotting.hnno, "
        "labneuro.plotting.networks; "
        "sys.exit('matplotlib.pyplot' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
