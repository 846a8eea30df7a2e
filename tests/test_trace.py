"""Traces: frozen, and the same after a file, a pickle or a copy."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import normlib
from normlib import Recorder, Trace, fit, mlp


def through_a_file(trace, tmp_path):
    trace.save(tmp_path / "run.npz")
    return Trace.load(tmp_path / "run.npz")


AGAIN = {
    "file": through_a_file,
    "pickle": lambda trace, tmp_path: pickle.loads(pickle.dumps(trace)),
    "deepcopy": lambda trace, tmp_path: copy.deepcopy(trace),
}


@pytest.fixture(params=[None, "batch", "cosine"])
def trace(request, digits):
    return fit(mlp([64, 8, 6, 10], norm=request.param), digits, steps=8, record=Recorder()).trace


@pytest.mark.parametrize("again", AGAIN)
def test_round_trip(trace, again, tmp_path):
    """Catches a field, a dtype or a signal lost on the way, and z stored twice where it is a."""
    other = AGAIN[again](trace, tmp_path)
    assert other.layers == trace.layers
    assert other.info == trace.info
    assert list(other.signals) == list(trace.signals)
    pairs = [(other.steps, trace.steps), (other.loss, trace.loss)]
    for name, signal in trace.signals.items():
        pairs += zip(vars(other.signals[name]).values(), vars(signal).values(), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    for a in trace.signals:
        for b in trace.signals:
            same = trace.signals[a] is trace.signals[b]
            assert (other.signals[a] is other.signals[b]) == same


def test_file_has_the_name_it_was_given(trace, tmp_path):
    """Catches a name that NumPy lengthens by .npz, so that load does not find it."""
    for name in ("run", "run.trace"):
        trace.save(tmp_path / name)
        trace.save(str(tmp_path / name))
        assert Trace.load(str(tmp_path / name)).layers == trace.layers


def test_no_pickle_in_the_file(trace, tmp_path):
    """Catches a file that could run code when it is loaded."""
    trace.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "Ufiub" for name in file.files)


class Trap:
    """Breaks the test when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was executed",)


def other_files(folder):
    (folder / "text").write_text("hello")
    (folder / "empty").touch()
    np.save(folder / "array.npy", np.ones(3))
    np.savez(folder / "other.npz", loss=np.ones(3))
    (folder / "pickle").write_bytes(pickle.dumps(Trap()))
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    return sorted(folder.iterdir())


def test_other_files_are_refused(tmp_path):
    """Catches a pickle that is executed, and an error that does not name the file."""
    for path in other_files(tmp_path):
        with pytest.raises(ValueError, match=f"got .*{path.name}.* Pass one that Trace.save"):
            Trace.load(path)
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nowhere.npz")


def test_cannot_be_changed(trace):
    """Catches a figure that changes the data of the next one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.loss = None
    with pytest.raises(TypeError):
        trace.signals["a"] = None
    with pytest.raises(TypeError):
        trace.info["norm"] = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.signals["z"].mean = None


def test_shapes(trace):
    """Catches axes in another order than documented."""
    frames, layers, units = len(trace.steps), len(trace.layers), 8
    assert (frames, layers) == (8, 2)
    for signal in trace.signals.values():
        assert {name: value.shape for name, value in vars(signal).items()} == {
            "counts": (frames, layers, 64),
            "edges": (65,),
            "mean": (frames, layers),
            "std": (frames, layers),
            "quantiles": (frames, layers, 5),
            "extremes": (frames, layers, 2),
            "saturated": (frames, layers),
            "unit_mean": (frames, layers, units),
            "spread": (frames, layers),
            "shown": (layers,),
        }


@pytest.mark.parametrize("norm", [None, "batch", normlib.norm("group", groups=2)])
def test_info_describes_the_run(norm, digits):
    """Catches a legend that names another method than the one that ran."""
    net = mlp([64, 8, 10], norm=norm, activation="tanh")
    info = fit(net, digits, steps=2, record=Recorder()).trace.info
    assert info["activation"] == "tanh"
    assert info["norm"] == getattr(norm, "name", norm or "none")
    assert info["label"]
