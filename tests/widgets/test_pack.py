"""Arrays come back as they were sent, whichever way they were packed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from unpacked import unpack

from normlib.widgets.pack import Packer, pack


class TestPack:
    @given(
        st.sampled_from([np.float64, np.float32, np.int32, np.uint8]).flatmap(
            lambda kind: hnp.arrays(kind, hnp.array_shapes(max_dims=3, max_side=4))
        )
    )
    def test_arrays_come_back_to_the_last_bit(self, values: np.ndarray) -> None:
        """Catches a lost digit, a wrong offset, and NaN or infinity that do not survive."""
        where, data = pack({"first": np.ones(3, np.uint8), "second": values})
        back = unpack(data, where["second"])
        assert back.dtype == values.dtype
        assert back.shape == values.shape
        assert back.tobytes() == values.tobytes()

    @pytest.mark.parametrize("change", [lambda x: x.T, lambda x: x[::-1, ::2]])
    def test_any_layout_of_memory_will_do(self, change: Any) -> None:
        """Catches bytes sent in the order of memory instead of that of the indices."""
        values = change(np.arange(12.0).reshape(3, 4))
        where, data = pack({"x": values})
        assert unpack(data, where["x"]).tolist() == values.tolist()

    def test_other_byte_orders_are_turned(self) -> None:
        """Catches numbers read back to front."""
        values = np.array([1.5, -2.0], dtype=">f8")
        where, data = pack({"x": values})
        assert unpack(data, where["x"]).tolist() == [1.5, -2.0]

    @pytest.mark.parametrize("values", [np.arange(3), np.array([True]), [1.0], np.float64(1)])
    def test_what_a_page_cannot_read_is_refused(self, values: Any) -> None:
        """Catches int64 sent as something that JavaScript has no array for."""
        with pytest.raises(TypeError, match="x must be an array of float64, float32, int32 or"):
            pack({"x": values})


class TestPacker:
    @given(
        hnp.arrays(
            np.float32,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
            elements=st.floats(-(2.0**100), 2.0**100, width=32),
        )
    )
    def test_floats_come_back_exactly(self, values: np.ndarray) -> None:
        packer = Packer()
        packer.levels(np.ones((1, 1, 3)))  # so that the offset is not 0
        where = packer.floats(values)
        back = unpack(packer.finish(), where)
        assert back.tobytes() == values.tobytes()

    @given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)))
    def test_levels_come_back_exactly(self, values: np.ndarray) -> None:
        packer = Packer()
        where = packer.levels(values)
        assert np.array_equal(unpack(packer.finish(), where), values)

    @pytest.mark.parametrize("form", range(4))
    def test_each_form_is_used_where_it_is_shortest(self, form: int) -> None:
        # Catches a form that is written but never read, or the reverse.
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (9, 3, 40)).astype(np.uint8)
        if form & 1:
            noise = np.cumsum(noise % 3, axis=2, dtype=np.uint8)
        if form & 2:
            noise = np.broadcast_to(noise[:1], noise.shape) + np.arange(9, dtype=np.uint8)[
                :, None, None
            ] * (noise[:1] % 2)
        packer = Packer()
        where = packer.levels(noise)
        assert np.array_equal(unpack(packer.finish(), where), noise)
        if form in (0, 1):
            assert where["kind"] == f"u1{form}"
        else:
            assert where["kind"] in ("u12", "u13")

    def test_what_float32_cannot_hold_is_cut_and_not_infinite(self) -> None:
        packer = Packer()
        where = packer.floats(np.array([[1e300], [-1e300]]))
        assert np.isfinite(unpack(packer.finish(), where)).all()
