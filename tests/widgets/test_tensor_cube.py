"""The Tensor Cube's Python side: whose sets it shows, what it accepts, sends and says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from traitlets import TraitError
from unpacked import unpack

from normlib import NORMS, Normalize, norm
from normlib.plots.blocks import blocks, sharing, sheet
from normlib.plots.moves import figure
from normlib.widgets import TensorCube
from normlib.widgets.tensor_cube.prepare import configured, example, key_of, methods, places_of

X = example()
N, C, H, W = X.shape
KEYS = list(configured([1, 2, 3, 6]))


def textbook(key: str, kind: str, index: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the set of one value, said axis by axis and without any view."""
    name, _, groups = key.partition(" ")
    channel = 2 if kind == "tokens" else 1
    size = C // int(groups or 1)

    def together(other: tuple[int, ...]) -> bool:
        same = [i == j for i, j in zip(index, other, strict=True)]
        position = all(s for axis, s in enumerate(same) if axis not in (0, channel))
        agree = {
            "N": same[0] and (kind != "tokens" or position),  # a token is a sample
            "G": index[channel] // size == other[channel] // size,
            "c": index[channel] % size == other[channel] % size,
            "S": kind == "tokens" or position,
        }
        return all(ok for letter, ok in agree.items() if letter not in NORMS[name].shares)

    return [other for other in np.ndindex(blocks(X)[kind].values.shape) if together(other)]


class TestSharing:
    @pytest.mark.parametrize("kind", list(blocks(X)))
    @pytest.mark.parametrize("key", KEYS)
    def test_sets_and_numbers_are_the_textbooks_and_the_layers(self, key: str, kind: str) -> None:
        """Catches an axis too many or too few, and numbers of another set than the one shown."""
        block = blocks(X)[kind]
        chosen = configured([1, 2, 3, 6])[key]
        found = sharing(chosen, block)
        shape, values = block.values.shape, block.values
        for index in [(0,) * values.ndim, (2, 1, 2, 1)[: values.ndim], (3, 5, 1, 1)[: values.ndim]]:
            k = int(np.ravel_multi_index(index, shape))
            wanted = textbook(key, kind, index)
            own_set = (found.sets == found.sets[k]).reshape(shape)
            assert [tuple(map(int, row)) for row in np.argwhere(own_set)] == wanted
            assert found.count == len(wanted)
            own = np.array([values[other] for other in wanted])
            mu = own.mean() if chosen.center else 0.0
            sigma = np.sqrt(((own - mu) ** 2).mean() + 1e-5) if chosen.scale != "one" else 1.0
            got = found.mu[found.sets[k]], found.sigma[found.sets[k]], found.x_hat[k]
            # A handful of sums in float64; 1e-12 leaves a thousandfold.
            np.testing.assert_allclose(
                got, [mu, sigma, (values[index] - mu) / sigma], rtol=1e-12, atol=1e-12
            )
            where = eval(found.slices[found.sets[k]], {"a": values})
            np.testing.assert_array_equal(np.ravel(where), own)
        layer = Normalize(chosen, C, channel_axis=block.channel_axis)
        if found.refused:
            assert found.count == 1
            with pytest.raises(ValueError, match="needs more than one") as refused:
                layer.forward(values)
            assert str(refused.value) == found.refused
        else:
            np.testing.assert_array_equal(layer.forward(values).ravel(), found.x_hat)

    def test_the_textbook_above_tells_methods_apart(self) -> None:
        """Catches a reference that gives every method the same set."""
        index = (1, 1, 1, 1)
        sizes = [len(textbook(key, "image", index)) for key in ("batch", "layer", "instance")]
        assert sizes == [24, 36, 6]
        assert len(textbook("layer", "tokens", index[:3])) == 6

    def test_every_value_keeps_its_number_in_every_kind(self) -> None:
        """Catches tokens whose channels were reshaped instead of moved."""
        for block in blocks(X).values():
            np.testing.assert_array_equal(block.values.ravel(), X.ravel()[block.cells])
        tokens = blocks(X)["tokens"].values
        assert tokens[2, 3, 4] == X[2, 4, 1, 1]

    def test_no_two_cells_lie_upon_each_other(self) -> None:
        """Catches a picture in which one value hides another, also with odd numbers of samples."""
        for x in (X, X[:3], X[:1], X[:, :, :1, :1]):
            for block in blocks(x).values():
                away = np.maximum(
                    np.abs(block.x[:, None] - block.x), np.abs(block.y[:, None] - block.y)
                )
                np.fill_diagonal(away, 9)
                assert away.min() > 0.99
                assert block.x.min() == block.y.min() == 0

    def test_the_picture_colours_the_set_alone(self) -> None:
        """Catches a mask in another order than the cells."""
        from matplotlib.colors import to_hex
        from matplotlib.figure import Figure

        block = blocks(X)["tokens"]
        found = sharing(NORMS["layer"], block)
        ax = Figure().subplots()
        sheet(ax, block, found.sets == found.sets[40], tone="#123456", chosen=40)
        places = [p.get_xy() for p in ax.patches if to_hex(p.get_facecolor()) == "#123456"]
        assert {y for _, y in places} == {block.y[40]}
        assert len(places) == found.count


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"a": [1.0]}, TypeError, "a must be a NumPy array; got list"),
            ({"a": np.ones((2, 3))}, ValueError, r"a must have shape \(N, C, H, W\); got \(2, 3\)"),
            ({"a": np.ones((0, 1, 1, 1))}, ValueError, "a must hold at least one value"),
            ({"a": np.ones((5, 6, 3, 3))}, ValueError, "at most 256 values; got shape"),
            ({"a": np.full((1, 2, 1, 1), np.nan)}, ValueError, "a must be finite; got nan"),
            ({"method": "weight"}, ValueError, "method must be one of .*; got 'weight'"),
            ({"kind": "video"}, ValueError, "kind must be one of .*; got 'video'"),
            ({"groups": 4}, ValueError, r"groups=4 for 6 channels. Pass one of \[1, 2, 3, 6\]"),
            ({"cell": (0, 6, 0, 0)}, ValueError, r"cell must be an index .*; got \(0, 6, 0, 0\)"),
            ({"cell": (0, 0)}, ValueError, r"cell must be an index .*; got \(0, 0\)"),
        ],
    )
    def test_bad_ones_are_refused(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Catches a cube that fails in the page, where nobody reads the error."""
        with pytest.raises(error, match=message):
            TensorCube(**arguments)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("method", "cosine"), ("kind", "video"), ("shown", "z"), ("groups", 5)],
    )
    def test_a_kernel_cannot_choose_what_is_not_there(self, name: str, value: Any) -> None:
        """Catches a state that the page cannot draw; the cube stays as it was."""
        cube = TensorCube()
        before = getattr(cube, name)
        with pytest.raises((ValueError, TraitError), match="must"):
            setattr(cube, name, value)
        assert getattr(cube, name) == before

    def test_it_has_every_method_that_acts_on_activations(self) -> None:
        """Catches a menu of its own beside NORMS."""
        names = [method["name"] for method in TensorCube().meta["methods"]]
        assert names == [name for name, row in NORMS.items() if row.acts_on == "pre-activation"]
        assert list(methods()) == names

    def test_a_value_that_the_kind_does_not_have_gives_way_to_one_of_its_channel(self) -> None:
        """Catches an index beyond a dense layer's values."""
        cube = TensorCube(cell=(2, 4, 2, 1))
        cube.kind = "dense"
        assert np.unravel_index(cube.place, (N, C)) == (2, 4)
        places = places_of(blocks(X)["dense"], X.shape)
        assert places.min() == 0
        assert places.max() == N * C - 1
        cube.cell = 10_000
        assert cube.cell == X.size - 1


class TestState:
    def test_what_it_sends_is_what_normlib_computes(self) -> None:
        """Catches arrays under another's name, and less than their digits."""
        cube = TensorCube()
        where = cube.meta["arrays"]
        for name, block in blocks(X).items():
            for key, chosen in configured([1, 2, 3, 6]).items():
                found = sharing(chosen, block)
                got = {
                    part: unpack(cube.data, where[f"{part} {name} {key}"])
                    for part in ("sets", "mu", "sigma", "x_hat")
                }
                np.testing.assert_array_equal(got["sets"], found.sets)
                for part in ("mu", "sigma", "x_hat"):
                    np.testing.assert_array_equal(got[part], getattr(found, part))
                told = cube.meta["sharings"][f"{name} {key}"]
                assert told["count"] == found.count
                assert list(told["slices"]) == list(found.slices)
                assert told["refused"] == found.refused

    def test_group_norm_meets_layer_and_instance_norm_at_its_ends(self) -> None:
        """Catches G as the number of channels in a group, as some texts have it."""
        told = TensorCube().meta["sharings"]
        assert "Layer norm" in told["image group 1"]["same"]
        assert "Instance norm" in told["image group 6"]["same"]
        assert told["image group 2"]["same"] == told["image group 3"]["same"] == []
        assert told["image group 3"]["slices"][0] == "a[0, 0:2, :, :]"


class TestWords:
    def test_the_description_has_the_set_and_its_numbers(self) -> None:
        """Catches words that lag behind the state."""
        cube = TensorCube(method="layer")
        cube.method, cube.groups, cube.kind = "group", 3, "sequence"
        found, k = cube.sharing(), cube.place
        assert found.count == 12
        text = cube.describe()
        assert "Group norm (G = 3), sequence of shape (4, 6, 6)" in text
        for number in (found.mu[found.sets[k]], found.sigma[found.sets[k]], found.x_hat[k]):
            assert figure(float(number)) in text
        assert found.slices[found.sets[k]] in text
        assert "refuses" not in text
        cube.kind, cube.method = "dense", "instance"
        assert "normlib refuses: instance normalization needs more" in cube.describe()

    def test_its_repr_is_its_state(self) -> None:
        """Catches a repr with arrays in it."""
        wanted = "TensorCube(cell=43, groups=2, kind='image', method='rms', shown='a')"
        assert repr(TensorCube(method="rms", cell=(1, 1, 0, 1))) == wanted

    def test_keys_and_configurations_agree(self) -> None:
        """Catches a method that is shown under another one's key."""
        assert key_of("batch", 3) == "batch"
        assert configured([1, 3])[key_of("group", 3)] == norm("group", groups=3)
