"""One column of two tables, read so that its values can be compared whatever their types."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]

# A text that is a number or a code: 007 is no 7.
_LEADING_ZERO = r"^-?0\d"


@dataclass(frozen=True, eq=False)
class Pair:
    """A column of base and of head, in one representation.

    Attributes:
        name: the head's name of it.
        base: shape (rows of base,): the values, or positions in `levels`; 0 where missing.
        head: shape (rows of head,).
        base_known: where base has a value.
        head_known: where head has a value.
        levels: the texts that positions stand for; None where the values are numbers.
    """

    name: str
    base: Values
    head: Values
    base_known: Mask
    head_known: Mask
    levels: tuple[str, ...] | None

    def equal(self, of_base: Ints, of_head: Ints) -> Mask:
        """Return where the rows `of_base` equal the rows `of_head`; two missing values do."""
        known = self.base_known[of_base], self.head_known[of_head]
        same = self.base[of_base] == self.head[of_head]
        return np.asarray((same & known[0] & known[1]) | ~(known[0] | known[1]))

    @cached_property
    def codes(self) -> tuple[Ints, Ints]:
        """The values of base and of head as 0, 1, ... in their order; -1 where missing."""
        codes, _ = self._coded
        return codes[: len(self.base)], codes[len(self.base) :]

    @cached_property
    def distinct(self) -> Values:
        """The different values, in the order of `codes`."""
        return self._coded[1]

    @cached_property
    def _coded(self) -> tuple[Ints, Values]:
        # by hash and not by order: a million rows of few values take no sorting
        both = np.concatenate([self.base, self.head])
        codes, found = pd.factorize(both, sort=True)
        known = np.concatenate([self.base_known, self.head_known])
        return np.where(known, codes, -1), found

    @cached_property
    def counts(self) -> tuple[Ints, Ints]:
        """How often each of `distinct` stands in base and in head."""
        size = len(self.distinct)
        first, second = (
            np.bincount(codes[codes >= 0], minlength=size).astype(np.int64) for codes in self.codes
        )
        return first, second

    def spelt(self, code: int) -> str:
        """Return the value with this code as text: 1 and not 1.0."""
        value = self.distinct[code]
        if self.levels is not None:
            return self.levels[int(value)]
        return str(int(value)) if float(value).is_integer() else str(float(value))


def pair(name: str, base: pd.Series, head: pd.Series) -> Pair:
    """Read a column of both tables: as numbers or times where both can be, else as texts."""
    base, head = _plain(base), _plain(head)
    known = np.asarray(base.notna(), dtype=bool), np.asarray(head.notna(), dtype=bool)
    for read, is_so in ((_numbers, _is_number), (_times, _is_time)):
        if is_so(base) or is_so(head):
            first, second = read(base), read(head)
            if first is not None and second is not None:
                return Pair(name, *_alike(first, second, base, head), *known, None)
    both = pd.concat([texts(base), texts(head)], ignore_index=True)
    codes, found = pd.factorize(both, sort=True)
    codes = np.where(codes < 0, 0, codes).astype(np.int64)
    return Pair(name, codes[: len(base)], codes[len(base) :], *known, tuple(map(str, found)))


def _plain(series: pd.Series) -> pd.Series:
    """Return a category as what its categories are."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.astype(series.cat.categories.dtype)
    return series


def _is_number(series: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(series.dtype)


def _is_time(series: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(series.dtype)


def _alike(
    first: Values, second: Values, base: pd.Series, head: pd.Series
) -> tuple[Values, Values]:
    """Return both as whole numbers or both as floats, with the digits that both can hold."""
    if first.dtype == second.dtype == np.int64:
        return first, second
    if "float32" in (str(base.dtype).lower(), str(head.dtype).lower()):
        first, second = (side.astype(np.float32).astype(np.float64) for side in (first, second))
    return first.astype(np.float64), second.astype(np.float64)


def _numbers(series: pd.Series) -> Values | None:
    """Return numbers, 0 where missing; None where there is something that is none."""
    if _is_time(series):
        return None
    if not _is_number(series):
        known = series.dropna().astype("str")
        if not len(known) or known.str.contains(_LEADING_ZERO).any():
            return None
        parsed = pd.to_numeric(series.astype(object), errors="coerce")
        if (parsed.isna() & series.notna()).any():
            return None
        series = parsed
    if pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return np.asarray(series.to_numpy(dtype=np.int64, na_value=0))
    floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(floats), 0.0, floats)


def _times(series: pd.Series) -> Values | None:
    """Return nanoseconds since 1970, 0 where missing; None where there is no time."""
    if _is_number(series):
        return None
    if not _is_time(series):
        parsed = pd.to_datetime(series, errors="coerce", format="ISO8601", utc=True)
        if series.isna().all() or (parsed.isna() & series.notna()).any():
            return None
        series = parsed
    elif series.dt.tz is None:
        series = series.dt.tz_localize("UTC")
    times = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    return np.where(np.isnat(times), 0, times.astype(np.int64))


def texts(series: pd.Series) -> pd.Series:
    """Return texts, as a person spells them: 1 and not 1.0; missing stays missing."""
    known = series.dropna()
    if pd.api.types.is_float_dtype(known.dtype):
        spelt = [str(int(v)) if float(v).is_integer() else str(v) for v in known]
        known = pd.Series(spelt, index=known.index, dtype="str")
    return known.astype("str").reindex(series.index)
