"""Sums over axes, through BLAS.

A sum is a product with a vector of ones, and BLAS computes that several times faster than a ufunc
reduces. So every sum here is a few matrix products, planned once for each shape.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from normlib.checks import Array

#: BLAS adds a column's values one after the other, and float32 loses a digit over 10,000 of them.
#: Blocks of this many are added up first, and then the blocks.
BLOCK = 256


def total(x: Array, axes: tuple[int, ...]) -> Array:
    """Sum `x` over `axes`, keeping them as size 1."""
    if not x.flags.c_contiguous:
        return _in_memory_order(x, axes)
    plan = _plan(x.shape, axes)
    for step in plan.steps:
        x = _sum(x, step)
    return x.reshape(plan.kept)


def inner(x: Array, y: Array, axes: tuple[int, ...]) -> Array:
    """Sum ``x * y`` over `axes`, keeping them as size 1; y may broadcast to x.

    Where the last axes hold most of what is summed, no array of products is made.
    """
    if not (x.flags.c_contiguous and y.flags.c_contiguous):
        return _in_memory_order(x, axes, y)
    plan = _plan(x.shape, axes)
    first = plan.steps[0] if plan.steps else None
    if first is None:
        return total(x * y, axes)
    if first.before == 1 and y.size == y.shape[0] == first.summed <= BLOCK:  # y weighs whole rows
        return _carry_on(np.asarray(y.reshape(-1) @ x.reshape(first.summed, -1)), plan)
    if first.after > 1 or math.prod(y.shape[plan.last :]) != first.summed:
        return total(x * y, axes)
    sums = np.vecdot(
        x.reshape(*x.shape[: plan.last], -1), y.reshape(*y.shape[: plan.last], first.summed)
    )
    return _carry_on(np.asarray(sums), plan)


class Step(NamedTuple):
    """The middle axis of an array seen as (before, summed, after) is to be summed."""

    before: int
    summed: int
    after: int


class _Plan(NamedTuple):
    """How to sum over some axes of some shape."""

    kept: tuple[int, ...]  #: the shape of the result
    last: int  #: where the run of axes begins that stands last
    steps: tuple[Step, ...]  #: one per run of neighbouring summed axes, the longest first


@lru_cache(maxsize=1024)
def _plan(shape: tuple[int, ...], axes: tuple[int, ...]) -> _Plan:
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    wide = [(axis in axes, axis) for axis, size in enumerate(shape) if size > 1]
    groups = [(summed, [axis for _, axis in run]) for summed, run in groupby(wide, lambda w: w[0])]
    sizes = [math.prod(shape[axis] for axis in run) for _, run in groups]
    runs = [i for i, (summed, _) in enumerate(groups) if summed]
    steps = []
    for i in sorted(runs, key=lambda i: (-sizes[i], -i)):
        steps.append(Step(math.prod(sizes[:i]), sizes[i], math.prod(sizes[i + 1 :])))
        sizes[i] = 1
    return _Plan(kept, groups[-1][1][0] if groups else 0, tuple(steps))


def _carry_on(x: Array, plan: _Plan) -> Array:
    """Carry out all steps but the first."""
    for step in plan.steps[1:]:
        x = _sum(x, step)
    return x.reshape(plan.kept)


def _sum(x: Array, step: Step) -> Array:
    """Carry out one step, in blocks where there is much to add."""
    before, count, after = step
    if after == 1:
        return np.asarray(x.reshape(before, count) @ _ones(count, x.dtype))
    if count <= BLOCK:
        shape = (count, after) if before == 1 else (before, count, after)
        return np.asarray(_ones(count, x.dtype) @ x.reshape(shape))
    x = x.reshape(before, count, after)
    whole = count - count % BLOCK
    blocks = _ones(BLOCK, x.dtype) @ x[:, :whole].reshape(before, -1, BLOCK, after)
    sums = _sum(np.ascontiguousarray(blocks), Step(before, whole // BLOCK, after))
    if whole == count:
        return sums
    return sums.reshape(before, after) + _ones(count - whole, x.dtype) @ x[:, whole:]


@lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(count, dtype)
    ones.flags.writeable = False
    return ones


def _in_memory_order(x: Array, axes: tuple[int, ...], y: Array | None = None) -> Array:
    """Sum over an array whose axes stand in another order in memory, as channels-last images do."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    there = tuple(i for i, axis in enumerate(order) if axis in axes)
    x = np.ascontiguousarray(x.transpose(order))
    if y is None:
        sums = total(x, there)
    else:
        sums = inner(x, np.ascontiguousarray(y.transpose(order)), there)
    return sums.transpose(np.argsort(order))
