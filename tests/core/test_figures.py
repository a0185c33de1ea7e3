import struct
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from PIL import Image

from stages.core import figures
from stages.core.figures import (
    COLOURS,
    DIVERGING,
    LARGE,
    SMALL,
    amount,
    amounts,
    elide,
    figure,
    fit,
    house_style,
    panels,
    percents,
    save,
    wrap,
)
from stages.core.numbers import MINUS, SPACE

UGLY = ["NT$ a $b$", "a$b_c^{2}", "$\\frac{", "^{}$_", "50 % \\alpha"]


def chunks(png: bytes) -> list[bytes]:
    """Return the kinds of the chunks of a PNG file."""
    kinds, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kinds.append(png[place + 4 : place + 8])
        place += length + 12
    return kinds


def drawn(path: Path) -> bytes:
    fig, ax = figure()
    ax.plot([1, 2, 3], [1, 20000, 3_000_000], label="NT$")
    ax.legend()
    ax.set(title="What is seen", xlabel="a$b", ylabel="y", xscale="log")
    save(fig, path)
    return path.read_bytes()


def full_disk(image: Image.Image, path: Path, **kw: object) -> None:
    path.write_bytes(b"half")
    raise OSError("disk full")


# --- bytes --------------------------------------------------------------------------------


def test_the_same_figure_is_the_same_bytes(tmp_path: Path) -> None:
    assert drawn(tmp_path / "a.png") == drawn(tmp_path / "b.png")


def test_a_png_holds_pixels_and_no_date_or_software(tmp_path: Path) -> None:
    png = drawn(tmp_path / "a.png")
    assert set(chunks(png)) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (7.2 * 160, 4.4 * 160)
        assert image.mode == "RGB"
        assert round(image.info["dpi"][0]) == 160


def test_the_users_own_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    with house_style():
        plain = drawn(tmp_path / "a.png")
    own = {"font.size": 30, "axes.grid": False, "lines.linewidth": 9, "text.hinting": "none"}
    with matplotlib.rc_context(own):
        with house_style():
            assert drawn(tmp_path / "b.png") == plain
        _, ax = figure()
        assert ax.xaxis.label.get_fontsize() == figures.NORMAL


def test_no_global_setting_is_left_changed(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    drawn(tmp_path / "a.png")
    panels(2, 2, (1, 1), "Title", keys=[("a", "red")])
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_not_used() -> None:
    assert "pyplot" not in Path(figures.__file__).read_text()


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    old = drawn(tmp_path / "a.png")
    fig, _ = figure()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(Image.Image, "save", full_disk)
        save(fig, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


# --- text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", UGLY)
def test_text_is_never_mathematics(tmp_path: Path, text: str) -> None:
    fig, ax = figure()
    ax.plot([0, 1], [0, 1], label=text)
    ax.set(title=text, xlabel=text, ylabel=text, xticks=[0, 1])
    ax.set_xticks([0, 1], [text, text])
    ax.text(0.5, 0.5, text)
    ax.legend()
    save(fig, tmp_path / "a.png")  # with mathematics on, `$\frac{` raises
    found = [artist for artist in fig.findobj(Text) if artist.get_text() == text]
    assert len(found) >= 7
    assert not any(artist.get_parse_math() for artist in found)


def test_a_dollar_sign_leaves_ink(tmp_path: Path) -> None:
    """Read as mathematics, the two dollar signs would vanish."""
    ink = []
    for number, text in enumerate(["$NT$", "NT"]):
        fig, ax = figure(2, 1)
        ax.set_axis_off()
        ax.text(0, 0.5, text)
        save(fig, tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as image:
            ink.append(int((np.asarray(image) < 128).sum()))
    assert ink[0] > 1.5 * ink[1]


def test_a_letter_without_a_glyph_is_drawn_without_a_warning(tmp_path: Path) -> None:
    fig, ax = figure()
    ax.set_xlabel("信用額度")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(fig, tmp_path / "a.png")


def test_a_long_title_is_broken_and_set_at_the_left(tmp_path: Path) -> None:
    fig, ax = figure()
    title = "word " * 40
    ax.set_title(title.strip())
    save(fig, tmp_path / "a.png")
    assert ax.get_title(loc="center") == ""
    shown = ax.get_title(loc="left")
    assert shown.split() == title.split()
    assert shown.count("\n") >= 1
    box = ax._left_title.get_window_extent()
    assert box.x1 <= fig.bbox.x1


def test_a_common_title_is_broken_too(tmp_path: Path) -> None:
    fig, _ = figure(5, 3)
    fig.suptitle("word " * 40)
    save(fig, tmp_path / "a.png")
    assert "\n" in fig.get_suptitle()


def test_log_axes_have_plain_numbers(tmp_path: Path) -> None:
    fig, ax = figure()
    ax.plot([1, 10, 1e6], [1, 2, 3])
    ax.set_xscale("log")
    save(fig, tmp_path / "a.png")
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert "1M" in labels
    assert not any("$" in label for label in labels)


def test_elide_keeps_both_ends() -> None:
    assert elide("short") == "short"
    long = elide("a_very_long_name_of_a_column_sep", 16)
    assert len(long) <= 16
    assert long.startswith("a_very")
    assert long.endswith("sep")
    assert "…" in long
    assert elide("two\nlines\tand\x00more") == "two lines and more"


@pytest.mark.parametrize("text", ["", "word", "two words and more of them", "x" * 300, "a b " * 90])
@pytest.mark.parametrize("lines", [1, 2, 3])
def test_fit_stays_in_its_room(text: str, lines: int) -> None:
    fitted = fit(text, 2.0, lines)
    assert fitted.count("\n") < lines
    assert all(len(line) <= 2.0 * 72 / (0.56 * SMALL) for line in fitted.split("\n"))


def test_fit_leaves_no_last_word_alone() -> None:
    first, second = fit("Payment status in August 2005 (months late)", 2.6, 2).split("\n")
    assert abs(len(first) - len(second)) < 10


def test_wrap_keeps_breaks_that_are_there() -> None:
    assert wrap("a\nb " + "c" * 100, 1) == "a\nb " + "c" * 100


# --- numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (-3, "-3"),
        (0.25, "0.25"),
        (1234, "1234"),
        (2005, "2005"),
        (12_345, "12.3k"),
        (50_000, "50k"),
        (9_999.7, "10k"),
        (999_999, "1M"),
        (1_200_000, "1.2M"),
        (-1_200_000, "-1.2M"),
        (3e9, "3B"),
        (4e12, "4T"),
        (0.001, "0.001"),
        (1e-5, "1e-5"),
        (2.5e20, "2.5e20"),
        (float("nan"), ""),
        (float("inf"), ""),
    ],
)
def test_an_amount_is_short(value: float, text: str) -> None:
    assert amount(value) == text.replace("-", MINUS)


def test_amounts_are_told_apart_by_as_few_digits_as_it_takes() -> None:
    assert amounts([0, 2500, 5000, 10_000]) == ["0", "2.5k", "5k", "10k"]
    assert amounts([1_000_000, 1_000_001]) == ["1M", "1.000001M"]
    assert amounts([0.1 + 0.2]) == ["0.3"]
    assert amounts([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_an_amount_is_near_its_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for value in rng.normal(size=200) * 10.0 ** rng.integers(-8, 18, 200):
        text = amount(value).replace(MINUS, "-")
        scale = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
        read = float(text.rstrip("kMBT")) * scale
        assert read == pytest.approx(value, rel=0.006)


def test_percents() -> None:
    assert percents([0, 0.1, 0.25]) == [f"0{SPACE}%", f"10{SPACE}%", f"25{SPACE}%"]


def test_ticks_of_noise_beside_the_step_are_zero() -> None:
    assert figures.Amounts().format_ticks([1e-17, 0.5, 1.0]) == ["0", "0.5", "1"]
    assert figures.Amounts().format_ticks([]) == []
    assert figures.Amounts()(50_000) == "50k"


# --- colours and panels ---------------------------------------------------------------------


def linear(colour: str) -> np.ndarray:
    channels = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


# Viénot, Brettel and Mollon (1999): how a dichromat sees linear RGB.
PROTAN = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
DEUTAN = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])


@pytest.mark.parametrize("sight", [np.eye(3), PROTAN, DEUTAN], ids=["full", "protan", "deutan"])
def test_the_classes_are_told_apart_by_every_colour_vision(sight: np.ndarray) -> None:
    negative, positive = (sight @ linear(c) for c in (figures.NEGATIVE, figures.POSITIVE))
    assert np.linalg.norm(negative - positive) > 0.3
    low, high = (sight @ linear(matplotlib.colors.to_hex(DIVERGING(x))) for x in (0.15, 0.85))
    assert np.linalg.norm(low - high) > 0.3


def test_text_has_contrast() -> None:
    for colour in (figures.INK, figures.MUTED):
        luminance = float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))
        assert 1.05 / (luminance + 0.05) >= 7  # WCAG 2.2, level AAA
    assert len(set(COLOURS)) == 8


@pytest.mark.parametrize(("count", "columns"), [(1, 4), (2, 4), (5, 4), (9, 3)])
def test_panels_are_as_large_as_asked(tmp_path: Path, count: int, columns: int) -> None:
    note = "A note that says what is drawn. " * 9
    fig, axes = panels(count, columns, (2.0, 1.0), "T" * 30 + " $title$" * 20, note, [("a", "red")])
    assert len(axes) == len(fig.axes) == count
    width, height = fig.get_size_inches()
    for ax in axes:
        box = ax.get_position()
        assert box.width * width == pytest.approx(2.0)
        assert box.height * height == pytest.approx(1.0)
        assert box.x0 >= 0
        assert box.x1 <= 1
    save(fig, tmp_path / "a.png")
    # The heading stands inside the figure, above every panel.
    head = [*fig.texts, fig.legends[0]]
    for artist in head:
        extent = artist.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= fig.bbox.x1
        assert extent.y1 <= fig.bbox.y1
        assert extent.y0 >= axes[0].get_window_extent().y1


def test_axes_added_later_can_be_dressed(tmp_path: Path) -> None:
    fig, _ = figure(layout=None)
    later = fig.add_axes((0.1, 0.1, 0.2, 0.2))
    later.plot([0, 50_000], [0, 1])
    figures.dress(later)
    save(fig, tmp_path / "a.png")
    assert "40k" in [label.get_text() for label in later.get_xticklabels()]


def test_no_text_is_smaller_than_small(tmp_path: Path) -> None:
    fig, axes = figure(6, 4, nrows=2, ncols=2)
    for ax in axes.flat:
        ax.scatter([1, 2], [3, 4], label="x")
        ax.set(title="T", xlabel="x", ylabel="y")
        ax.legend()
        assert any(isinstance(artist, PathCollection) for artist in ax.collections)
    save(fig, tmp_path / "a.png")
    sizes = {t.get_fontsize() for t in fig.findobj(Text) if t.get_text()}
    assert min(sizes) >= SMALL
    assert max(sizes) <= LARGE


def test_the_pixels_are_those_that_were_drawn(tmp_path: Path) -> None:
    fig, ax = figure(1, 1, layout=None)
    ax.set_axis_off()
    ax.set_position((0, 0, 1, 1))
    ax.axvspan(0, 1, color=figures.POSITIVE)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    save(fig, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixel = image.getpixel((80, 80))
    assert pixel == tuple(round(255 * c) for c in matplotlib.colors.to_rgb(figures.POSITIVE))
