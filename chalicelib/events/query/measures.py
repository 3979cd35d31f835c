"""What is kept of a stream of values to answer for all of it: bounded, mergeable, and exact up to a stated size.

A summary keeps four numbers. Quantiles keep the numbers themselves up to a bound, then only how many fall into each
step of one per cent. Distinct values are kept as hashes, of which, past a bound, only the smallest.
"""

from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from math import ceil, copysign, log
from typing import Any, Final, Self

from chalicelib.events.query.expression import Number
from chalicelib.events.query.values import number_of, text_of

LARGEST: Final = 1e290
"""Numbers beyond are left out, so that no sum of them can overflow."""


class Measure(ABC):
    """`count` is how many values were taken in; `exact` is False once the answer has become an estimate."""

    count = 0
    exact = True

    @abstractmethod
    def add(self, values: Iterable[Any]) -> None:
        """Takes in present values; those that are not of its kind are passed over."""

    @abstractmethod
    def merge(self, other: Self) -> None: ...


class Summary(Measure):
    def __init__(self) -> None:
        self.total: Number = 0
        self.lowest: Number | None = None
        self.highest: Number | None = None

    def add(self, values: Iterable[Any]) -> None:
        numbers = _numbers(values)
        if numbers:
            self._extend(len(numbers), sum(numbers), min(numbers), max(numbers))

    def merge(self, other: Self) -> None:
        if other.lowest is not None and other.highest is not None:
            self._extend(other.count, other.total, other.lowest, other.highest)

    @property
    def average(self) -> float | None:
        return self.total / self.count if self.count else None

    def _extend(self, count: int, total: Number, lowest: Number, highest: Number) -> None:
        self.count += count
        self.total += total
        self.lowest = lowest if self.lowest is None else min(self.lowest, lowest)
        self.highest = highest if self.highest is None else max(self.highest, highest)


class Quantiles(Measure):
    """Percentiles by nearest rank: exact for up to `bound` numbers, then within one per cent of the number."""

    def __init__(self, bound: int = 100_000) -> None:
        self.bound = bound
        self._numbers = array("d")
        self._steps: Counter[int] = Counter()

    def add(self, values: Iterable[Any]) -> None:
        numbers = _numbers(values)
        self.count += len(numbers)
        self._take(map(float, numbers))

    def merge(self, other: Self) -> None:
        self.count += other.count
        if not other.exact:
            self._spill()
            self._steps.update(other._steps)
        self._take(other._numbers)

    def percentile(self, percent: int) -> float | None:
        """The smallest number that at least so many per cent of all are not above."""
        rank = -(-self.count * percent // 100)
        if self.exact:
            return sorted(self._numbers)[rank - 1] if rank else None
        for step in sorted(self._steps):
            rank -= self._steps[step]
            if rank <= 0:
                return _middle(step)
        return None

    def _take(self, numbers: Iterable[float]) -> None:
        self._numbers.extend(numbers)
        if not self.exact or len(self._numbers) > self.bound:
            self._spill()

    def _spill(self) -> None:
        self.exact = False
        self._steps.update(map(_step, self._numbers))
        self._numbers = array("d")


class Distinct(Measure):
    """How many different values: exact for up to `bound`, then an estimate from the `bound` smallest hashes.

    The smallest k of evenly spread hashes lie the closer together the more there are (the k minimum values sketch);
    the standard error is about 1 / sqrt(bound).
    """

    def __init__(self, bound: int = 10_000) -> None:
        self.bound = bound
        self._hashes: set[int] = set()

    def add(self, values: Iterable[Any]) -> None:
        texts = [text for value in values if (text := text_of(value))]
        self.count += len(texts)
        self._keep(map(_hash, set(texts)))

    def merge(self, other: Self) -> None:
        self.count += other.count
        self.exact = self.exact and other.exact
        self._keep(other._hashes)

    def estimate(self) -> int:
        self._trim()
        if self.exact:
            return len(self._hashes)
        return round((self.bound - 1) * _HASHES / max(self._hashes))

    def _keep(self, hashes: Iterable[int]) -> None:
        self._hashes.update(hashes)
        if len(self._hashes) > 2 * self.bound:
            self._trim()

    def _trim(self) -> None:
        if len(self._hashes) > self.bound:
            self._hashes = set(sorted(self._hashes)[: self.bound])
            self.exact = False


_HASHES: Final = 1 << 64
_GROWTH: Final = log(1.02)  # a step is 2 % wide, so its middle is within 1 % of all in it
_SMALLEST, _LARGEST_STEP = 1e-9, 1e18  # beyond, numbers share the outermost step: the steps stay few


def _numbers(values: Iterable[Any]) -> list[Number]:
    numbers = [number for value in values if (number := value if type(value) is int else number_of(value)) is not None]
    return [number for number in numbers if -LARGEST < number < LARGEST]


def _step(number: float) -> int:
    """The step a number falls into, in the order of the numbers: 0 is zero, negative numbers have negative steps."""
    size = min(abs(number), _LARGEST_STEP)
    if size < _SMALLEST:
        return 0
    return int(copysign(1 + ceil(log(size / _SMALLEST) / _GROWTH), number))


def _middle(step: int) -> float:
    if not step:
        return 0.0
    upper = _SMALLEST * 1.02 ** (abs(step) - 1)
    return copysign(upper * 2 / 2.02, step)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
