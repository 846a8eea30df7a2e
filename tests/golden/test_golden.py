"""normlib against PyTorch: outputs, gradients, running statistics, optimizers and training."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from goldens import FOLDER, Case, differences, read, unlike, write

import normlib
from measured import note
from normlib import (
    Attention,
    AvgPool2d,
    Conv2d,
    Dense,
    GlobalAvgPool,
    Layer,
    MaxPool2d,
    Norm,
    Normalize,
    Recurrent,
    core,
    norm,
)
from normlib.layers import normalize as normalize_module

#: Two sums in another order agree to about 1e-15 of their largest term: where terms cancel, that is
#: what is left of them.
RTOL, ATOL = 1e-10, 1e-13
FILES = {path.stem: read(path) for path in sorted(FOLDER.glob("*.json"))}
C, D = 6, 4
RNG = np.random.default_rng(0)


def normalize(name: str, channel_axis: int = 1, **options: object) -> Callable[[], Layer]:
    return lambda: Normalize(norm(name, **options), C, channel_axis=channel_axis)


def dense(name: str) -> Callable[[], Layer]:
    return lambda: Dense(D, C, norm=name, activation="identity", rng=RNG)


def conv(given: str | Norm | None, **options: object) -> Callable[[], Layer]:
    return lambda: Conv2d(2, 4, (3, 2), norm=given, activation="relu", rng=RNG, **options)


#: The layer that must do what PyTorch did, by file and case.
LAYERS: dict[tuple[str, str], Callable[[], Layer]] = {
    ("batch", "dense"): normalize("batch"),
    ("batch", "sequence"): normalize("batch"),
    ("batch", "image"): normalize("batch"),
    ("batch", "tokens"): normalize("batch", channel_axis=-1),
    ("batch", "momentum none"): normalize("batch", momentum=None),
    ("batch", "momentum 0.3"): normalize("batch", momentum=0.3),
    ("batch", "eps 0.5"): normalize("batch", eps=0.5),
    ("batch", "not affine"): normalize("batch", affine=False),
    ("layer", "dense"): normalize("layer"),
    ("layer", "tokens"): normalize("layer", channel_axis=-1),
    ("layer", "image"): normalize("layer"),
    ("layer", "image not affine"): normalize("layer", affine=False),
    ("instance", "image"): normalize("instance"),
    ("instance", "sequence"): normalize("instance"),
    ("instance", "image not affine"): normalize("instance", affine=False),
    ("group", "1 image"): normalize("group", groups=1),
    ("group", "2 image"): normalize("group", groups=2),
    ("group", "3 image"): normalize("group", groups=3),
    ("group", "6 image"): normalize("group", groups=6),
    ("group", "2 dense"): normalize("group", groups=2),
    ("group", "3 sequence"): normalize("group", groups=3),
    ("rms", "dense"): normalize("rms"),
    ("rms", "tokens"): normalize("rms", channel_axis=-1),
    ("rms", "image"): normalize("rms"),
    ("weight", "dense"): dense("weight"),
    ("weight", "tokens"): dense("weight"),
    ("cosine", "cosine_similarity"): dense("cosine"),
    ("cosine", "normalize"): dense("cosine"),
    ("cosine", "tokens"): dense("cosine"),
    ("convolution", "plain"): conv(None),
    ("convolution", "strided"): conv(None, stride=(2, 1), padding=(1, 0)),
    ("convolution", "batch"): conv("batch", padding=1),
    ("convolution", "group"): conv(norm("group", groups=2), stride=2),
    ("convolution", "weight"): conv("weight"),
    ("pooling", "max"): lambda: MaxPool2d(2),
    ("pooling", "max strided"): lambda: MaxPool2d(3, stride=2, padding=1),
    ("pooling", "mean"): lambda: AvgPool2d(2),
    ("pooling", "mean strided"): lambda: AvgPool2d((3, 2), stride=(1, 2), padding=(1, 0)),
    ("pooling", "mean of all"): GlobalAvgPool,
    ("recurrent", "plain"): lambda: Recurrent(D, C, rng=RNG),
    ("recurrent", "layer"): lambda: Recurrent(D, C, norm="layer", rng=RNG),
    ("attention", "plain"): lambda: Attention(D, rng=RNG),
    ("attention", "causal"): lambda: Attention(D, causal=True, rng=RNG),
    ("attention", "cosine"): lambda: Attention(D, qk_norm="cosine", rng=RNG),
}
#: What has a test of its own, below.
OTHERS = ("start", "cross_entropy", "optimizers", "training")


def stored(file: str, name: str) -> Case:
    return FILES[file][0][name]


def follow(layer: Layer, case: Case) -> Case:
    """Run a layer through a stored case, and note what the case notes."""
    for name in layer.params:
        layer.params[name] = case[f"params.{name}"]
    notes: dict[str, list[np.ndarray]] = {}
    for training, x, dy in zip(case["training"], case["x"], case["dy"], strict=True):
        layer.training = training
        y, dx = layer.forward(x), layer.backward(dy)
        found = {"training": training, "x": x, "dy": dy, "y": y, "dx": dx}
        found |= {f"grads.{name}": value for name, value in layer.grads.items()}
        found |= {f"running.{name}": value for name, value in layer.running.items()}
        for key, value in found.items():
            notes.setdefault(key, []).append(np.array(value))
    params = {f"params.{name}": value for name, value in layer.params.items()}
    return params | {key: np.stack(values) for key, values in notes.items()}


def complaints(found: Case, case: Case) -> list[str]:
    said = list(unlike(found, case, RTOL, ATOL))
    for key in case if not said else ():
        old = np.asarray(case[key], float)
        off = np.abs(np.asarray(found[key], float) - old).max(initial=0)
        note("PyTorch", off / max(np.abs(old).max(initial=0), 1e-3))
    return said


@pytest.mark.parametrize(("file", "name"), LAYERS)
def test_layer(file, name):
    """Catches another y, dx, dw, dg, db, running mean, variance or count than PyTorch's."""
    case = stored(file, name)
    assert complaints(follow(LAYERS[file, name](), case), case) == []


def test_every_stored_case_is_compared():
    """Catches a file or case that nobody reads, and a normalization that was forgotten."""
    cases = {(file, name) for file, (held, _) in FILES.items() for name in held}
    assert {(file, name) for file, name in cases if file not in OTHERS} == set(LAYERS)
    assert set(OTHERS) <= set(FILES)
    assert {"batch", "layer", "instance", "group", "rms", "weight", "cosine"} <= set(FILES)
    for file, (_, made_with) in FILES.items():
        assert set(made_with) == {"torch", "numpy", "python"}, file


def test_files_are_small():
    """Catches stored numbers that outgrow what they are for."""
    assert sum(path.stat().st_size for path in FOLDER.glob("*.json")) < 250_000


def test_weight_norm_starts_at_the_lengths():
    """Catches a g that starts at 1, which would change the function that w had."""
    case = stored("start", "weight")
    layer = Dense(D, C, norm="weight", rng=Given(case["w"]), std=1.0)
    assert complaints({name: layer.params[name] for name in "wg"}, case) == []


class Given(np.random.Generator):
    """A generator that draws what it was given."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(np.random.PCG64(0))
        self.drawn = values

    def standard_normal(self, size: object = None, *_: object, **__: object) -> np.ndarray:
        return self.drawn.reshape(size)


@pytest.mark.parametrize("name", ["small", "large"])
def test_softmax_cross_entropy(name):
    """Catches a sum for a mean, and an overflow at large logits."""
    case = stored("cross_entropy", name)
    loss, dlogits = normlib.softmax_cross_entropy(case["logits"], case["labels"])
    assert complaints(case | {"loss": np.array(loss), "dlogits": dlogits}, case) == []


OPTIMIZERS = {
    "sgd": normlib.SGD,
    "momentum": normlib.Momentum,
    "adam": normlib.Adam,
    "adam betas": partial(normlib.Adam, beta1=0.8, beta2=0.95, eps=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    """Catches another default, a missing bias correction, an eps inside Adam's root."""
    case = stored("optimizers", name)
    optimizer, params, after = OPTIMIZERS[name](), case["params"].copy(), []
    for slopes in case["grads"]:
        optimizer.step(params, slopes, 0.1)
        after.append(params.copy())
    assert complaints(case | {"after": np.array(after)}, case) == []


@pytest.mark.parametrize("name", FILES["training"][0])
def test_training(name):
    """Catches parts that are right alone and go together in another order."""
    case, (method, optimizer) = stored("training", name), name.split()
    chosen = None if method == "none" else method
    net = normlib.mlp([D, C, C, 3], norm=chosen, activation="tanh")
    for key in (key for key in net.params if key.endswith(".w")):
        net.params[key] = case[f"params.{key}"]
    x, labels = case["x"], case["labels"]
    history = normlib.fit(
        net,
        normlib.Data(x[0], labels[0], x[0], labels[0]),
        steps=len(x),
        lr=0.05,
        optimizer=optimizer,
        weight_decay=0.01,
        batches=zip(x, labels, strict=True),
    )
    found = {"losses": history.loss, "logits": net.evaluate(x[0])}
    assert complaints(case | found, case) == []


# ---- what must not pass


def twisted(change: Callable[..., tuple]) -> Callable[..., tuple]:
    """Return `measure` with something wrong about its variance."""

    def measure(view, axes, *, eps, statistics, **options):
        cache = core.measure(view, axes, eps=eps, statistics=statistics, **options)
        if statistics is not None:
            return cache
        var, eps = change(cache.var, cache.count, eps)
        wrong = core.measure(view, axes, eps=eps, statistics=(cache.mu, var), **options)
        return replace(wrong, constant=False)

    return measure


WRONG_VARIANCE = {
    "variance off by one": lambda var, count, eps: (var * count / (count - 1), eps),
    "eps outside the root": lambda var, count, eps: ((np.sqrt(var) + eps) ** 2, 0.0),
    "no eps": lambda var, count, eps: (var, 0.0),
}


def test_the_twist_itself_changes_nothing(monkeypatch):
    """Catches a stand-in that is rejected for a reason of its own."""
    right = twisted(lambda var, count, eps: (var, eps))
    monkeypatch.setattr(normalize_module, "measure", right)
    case = stored("batch", "image")
    assert complaints(follow(LAYERS["batch", "image"](), case), case) == []


@pytest.mark.parametrize("wrong", WRONG_VARIANCE)
@pytest.mark.parametrize("file", ["batch", "layer", "instance", "group"])
def test_a_wrong_variance_is_found(file, wrong, monkeypatch):
    """Catches a comparison so loose that a small mistake in sigma passes."""
    monkeypatch.setattr(normalize_module, "measure", twisted(WRONG_VARIANCE[wrong]))
    name = "2 image" if file == "group" else "image"
    case = stored(file, name)
    said = complaints(follow(LAYERS[file, name](), case), case)
    assert any(line.startswith("y is") for line in said)
    assert any(line.startswith("dx is") for line in said)


@pytest.mark.parametrize("momentum", [0.9, 0.11, None])
def test_a_wrong_momentum_is_found(momentum):
    """Catches running statistics that are stored and not compared: Keras weighs the old value."""
    case = stored("batch", "image")
    said = complaints(follow(normalize("batch", momentum=momentum)(), case), case)
    assert {line.split()[0] for line in said} >= {"running.mean", "running.var", "y"}


def test_another_number_of_groups_is_found():
    """Catches groups of that many channels, where that many groups are meant."""
    case = stored("group", "2 image")
    assert complaints(follow(LAYERS["group", "3 image"](), case), case)


@pytest.mark.parametrize("key", stored("batch", "dense"))
def test_one_wrong_number_is_found(key):
    """Catches an array that is passed over."""
    case = stored("batch", "dense")
    wrong = case[key].astype(float)
    wrong.flat[-1] += 1e-9 * max(1, abs(wrong.flat[-1]))
    (line,) = complaints(case | {key: wrong}, case)
    assert line.startswith(f"{key} is ")


def test_missing_and_misshapen_arrays_are_found():
    """Catches a zip that ends early, and shapes that broadcast."""
    case = stored("layer", "dense")
    less = dict(itertools.islice(case.items(), len(case) - 1))
    assert len(complaints(less, case)) == 1
    assert complaints(case | {"y": case["y"][:, :1]}, case) == [
        "y has shape (1, 1, 6), not (1, 5, 6)"
    ]


def test_a_missing_case_is_found():
    """Catches a file that shrinks, or grows, when it is made anew."""
    cases = FILES["layer"][0]
    assert differences(cases, cases, RTOL) == []
    less = {name: case for name, case in cases.items() if name != "tokens"}
    assert differences(less, cases, RTOL) == ["tokens: there is no such case"]
    assert differences(cases, less, RTOL) == ["tokens: there is no such case"]


def test_stored_values_come_back(tmp_path, rng):
    """Catches a file that loses digits, shapes or truth values."""
    case = {"x": rng.standard_normal((2, 3)), "training": np.array([True, False]), "n": np.array(3)}
    write(tmp_path / "file.json", {"one": case, "two": case}, {"torch": "0"})
    cases, made_with = read(tmp_path / "file.json")
    assert made_with == {"torch": "0"}
    for found in cases.values():
        assert list(unlike(found, case, rtol=1e-13, atol=0)) == []
        assert found["training"].dtype == bool
