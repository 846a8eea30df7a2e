"""What PyTorch computes, stored so that the tests can compare without PyTorch.

    python tests/golden/make.py            compute anew, compare with what is stored, and fail where
                                           something differs
    python tests/golden/make.py --write    store it

A layer's case has one entry per pass on the first axis of `x`, `dy`, `y`, `dx`, `grads.*`,
`running.*` and `training`; its parameters stay the same. Everything is float64.
"""

from __future__ import annotations

import platform
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from goldens import FOLDER, Case, Cases, differences, read, write
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils import parametrizations

C = 6  #: channels, as in tests/cases.py
DENSE, SEQUENCE, IMAGE, TOKENS = (5, C), (2, C, 4), (2, C, 2, 2), (2, 2, C)
#: Between two ways to the same sum the last digits differ, and with them other builds of PyTorch.
RTOL = 1e-12
ONE = (True,)
#: Three batches in training, which move the running statistics, and one in evaluation.
FOUR = (True, True, True, False)


def draw(name: str) -> Callable[..., np.ndarray]:
    """Return a source of numbers of three decimals, which are short in a file."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return lambda *shape: np.round(1.5 * rng.standard_normal(shape) + 0.4, 3)


def follow(
    name: str,
    forward: Callable[..., Tensor],
    shape: Sequence[int],
    params: Mapping[str, Sequence[int]],
    *,
    module: nn.Module | None = None,
    modes: Sequence[bool] = ONE,
) -> Case:
    """Run forward(x, **params) and its gradient once for every mode, and note everything."""
    numbers = draw(name)
    case: Case = {f"params.{key}": numbers(*size) for key, size in params.items()}
    notes: dict[str, list[Any]] = {}
    for training in modes:
        if module is not None:
            module.train(training)
        leaves = {"x": numbers(*shape)} | {key: case[f"params.{key}"] for key in params}
        tensors = {key: torch.tensor(value, requires_grad=True) for key, value in leaves.items()}
        y = forward(**tensors)
        dy = numbers(*y.shape)
        y.backward(torch.tensor(dy))
        found = {"training": training, "x": leaves["x"], "y": y, "dy": dy, "dx": tensors["x"].grad}
        found |= {f"grads.{key}": tensors[key].grad for key in params}
        found |= running(module)
        for key, value in found.items():
            array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
            notes.setdefault(key, []).append(array.copy())
    return case | {key: np.stack(values) for key, values in notes.items()}


def running(module: nn.Module | None) -> dict[str, Tensor]:
    """Return the running statistics under normlib's names."""
    names = {"mean": "running_mean", "var": "running_var", "batches": "num_batches_tracked"}
    buffers = dict(module.named_buffers()) if module is not None else {}
    return {f"running.{own}": buffers[its] for own, its in names.items() if its in buffers}


def apply(module: nn.Module, x: Tensor, **params: Tensor) -> Tensor:
    """Call a module with its weight and bias replaced by g or w, and b."""
    names = {"g": "weight", "b": "bias", "w": "weight"}
    return functional_call(module, {names[key]: value for key, value in params.items()}, (x,))


def on_last_axis(module: nn.Module, x: Tensor, **params: Tensor) -> Tensor:
    """Call a module that wants (N, C) with every position of (N, T, C) as a sample."""
    return apply(module, x.reshape(-1, x.shape[-1]), **params).reshape(x.shape)


# ---- normalizations of activations

AFFINE = {"g": (C,), "b": (C,)}


def batch() -> Iterator[tuple[str, Case]]:
    kinds = {
        "dense": (nn.BatchNorm1d, DENSE, apply),
        "sequence": (nn.BatchNorm1d, SEQUENCE, apply),
        "image": (nn.BatchNorm2d, IMAGE, apply),
        "tokens": (nn.BatchNorm1d, TOKENS, on_last_axis),
    }
    variants: dict[str, tuple[str, dict[str, Any]]] = {
        **{kind: (kind, {}) for kind in kinds},
        "momentum none": ("dense", {"momentum": None}),
        "momentum 0.3": ("dense", {"momentum": 0.3}),
        "eps 0.5": ("dense", {"eps": 0.5}),
        "not affine": ("dense", {"affine": False}),
    }
    for name, (kind, options) in variants.items():
        build, shape, call = kinds[kind]
        module = build(C, dtype=torch.float64, **options)
        params = AFFINE if options.get("affine", True) else {}
        yield name, follow(name, partial(call, module), shape, params, module=module, modes=FOUR)


def spread(module: nn.Module, x: Tensor, **params: Tensor) -> Tensor:
    """Call LayerNorm((C, H, W)), which has a g for every element, with one per channel."""
    wide = {key: value[:, None, None].expand(x.shape[1:]) for key, value in params.items()}
    return apply(module, x, **wide)


def layer() -> Iterator[tuple[str, Case]]:
    build = partial(nn.LayerNorm, dtype=torch.float64)
    for name, module, shape, call, params in [
        ("dense", build(C), DENSE, apply, AFFINE),
        ("tokens", build(C), TOKENS, apply, AFFINE),
        ("image", build(IMAGE[1:]), IMAGE, spread, AFFINE),
        ("image not affine", build(IMAGE[1:], elementwise_affine=False), IMAGE, apply, {}),
    ]:
        yield name, follow(name, partial(call, module), shape, params)


def instance() -> Iterator[tuple[str, Case]]:
    affine = {"affine": True, "dtype": torch.float64}
    for name, module, shape, params in [
        ("image", nn.InstanceNorm2d(C, **affine), IMAGE, AFFINE),
        ("sequence", nn.InstanceNorm1d(C, **affine), SEQUENCE, AFFINE),
        ("image not affine", nn.InstanceNorm2d(C, dtype=torch.float64), IMAGE, {}),
    ]:
        yield name, follow(name, partial(apply, module), shape, params)


def group() -> Iterator[tuple[str, Case]]:
    for groups, shape, kind in [
        (1, IMAGE, "image"),
        (2, IMAGE, "image"),
        (3, IMAGE, "image"),
        (6, IMAGE, "image"),
        (2, DENSE, "dense"),
        (3, SEQUENCE, "sequence"),
    ]:
        name = f"{groups} {kind}"
        module = nn.GroupNorm(groups, C, dtype=torch.float64)
        yield name, follow(name, partial(apply, module), shape, AFFINE)


def shifted(call: Callable[..., Tensor], module: nn.Module) -> Callable[..., Tensor]:
    """Add the b that RMSNorm does not have."""

    def forward(x: Tensor, g: Tensor, b: Tensor) -> Tensor:
        return call(module, x, g=g) + (along(b) if x.ndim == 4 else b)

    return forward


def rms() -> Iterator[tuple[str, Case]]:
    for name, sizes, shape, call in [
        ("dense", C, DENSE, apply),
        ("tokens", C, TOKENS, apply),
        ("image", IMAGE[1:], IMAGE, spread),
    ]:
        module = nn.RMSNorm(sizes, eps=1e-5, dtype=torch.float64)
        yield name, follow(name, shifted(call, module), shape, AFFINE)


# ---- normalizations of weights

D = 4  #: inputs of a dense layer
WEIGHTS = {"w": (C, D), "g": (C,), "b": (C,)}


def weight() -> Iterator[tuple[str, Case]]:
    def forward(x: Tensor, w: Tensor, g: Tensor, b: Tensor) -> Tensor:
        module = parametrizations.weight_norm(nn.Linear(D, C, dtype=torch.float64))
        names = {"original0": g[:, None], "original1": w}
        params = {f"parametrizations.weight.{name}": value for name, value in names.items()}
        return functional_call(module, params | {"bias": b}, (x,))

    for name, shape in [("dense", (5, D)), ("tokens", (2, 3, D))]:
        yield name, follow(name, forward, shape, WEIGHTS)


def start() -> Iterator[tuple[str, Case]]:
    """Where g begins: at the length of each row, so that w stays what it was."""
    w = draw("start")(C, D)
    linear = nn.Linear(D, C, bias=False, dtype=torch.float64)
    linear.weight.data = torch.tensor(w)
    found = dict(parametrizations.weight_norm(linear).named_parameters())
    yield "weight", {"w": w, "g": found["parametrizations.weight.original0"].detach().numpy()[:, 0]}


def cosine() -> Iterator[tuple[str, Case]]:
    def similarity(x: Tensor, w: Tensor, g: Tensor, b: Tensor) -> Tensor:
        return g * functional.cosine_similarity(x[..., None, :], w, dim=-1) + b

    def product(x: Tensor, w: Tensor, g: Tensor, b: Tensor) -> Tensor:
        return g * (functional.normalize(x, dim=-1) @ functional.normalize(w, dim=1).T) + b

    for name, forward, shape in [
        ("cosine_similarity", similarity, (5, D)),
        ("normalize", product, (5, D)),
        ("tokens", similarity, (2, 3, D)),
    ]:
        yield name, follow(name, forward, shape, WEIGHTS)


# ---- images

IN, K = (2, 2, 5, 4), 4  #: images that go into a convolution, and the channels that come out
FILTERS, CHANNELS = {"w": (K, 2, 3, 2)}, {"g": (K,), "b": (K,)}


def convolution() -> Iterator[tuple[str, Case]]:
    """Convolutions whose kernel, steps and padding differ along the two axes."""
    plain = {"bias": False, "dtype": torch.float64}
    for name, options, norm, modes in [
        ("plain", {}, None, ONE),
        ("strided", {"stride": (2, 1), "padding": (1, 0)}, None, ONE),
        ("batch", {"padding": 1}, nn.BatchNorm2d(K, dtype=torch.float64), (True, False)),
        ("group", {"stride": 2}, nn.GroupNorm(2, K, dtype=torch.float64), ONE),
    ]:
        conv = nn.Conv2d(2, K, (3, 2), **plain, **options)
        rest = CHANNELS if norm else {"c": (K,)}

        def forward(x: Tensor, w: Tensor, conv=conv, norm=norm, **rest: Tensor) -> Tensor:
            a = apply(conv, x, w=w)
            return functional.relu(apply(norm, a, **rest) if norm else a + along(rest["c"]))

        yield name, follow(name, forward, IN, FILTERS | rest, module=norm, modes=modes)

    def weighed(x: Tensor, w: Tensor, g: Tensor, b: Tensor) -> Tensor:
        conv = parametrizations.weight_norm(nn.Conv2d(2, K, (3, 2), dtype=torch.float64))
        names = {"original0": g[:, None, None, None], "original1": w}
        params = {f"parametrizations.weight.{name}": value for name, value in names.items()}
        return functional.relu(functional_call(conv, params | {"bias": b}, (x,)))

    yield "weight", follow("weight", weighed, IN, FILTERS | CHANNELS)


def along(values: Tensor) -> Tensor:
    """Give one value to each channel of an image."""
    return values[:, None, None]


def pooling() -> Iterator[tuple[str, Case]]:
    for name, module in [
        ("max", nn.MaxPool2d(2)),
        ("max strided", nn.MaxPool2d(3, stride=2, padding=1)),
        ("mean", nn.AvgPool2d(2)),
        ("mean strided", nn.AvgPool2d((3, 2), stride=(1, 2), padding=(1, 0))),
    ]:
        yield name, follow(name, partial(apply, module), IN, {})
    name, everywhere = "mean of all", nn.AdaptiveAvgPool2d(1)
    yield name, follow(name, lambda x: everywhere(x).flatten(1), IN, {})


# ---- sequences


def recurrent() -> Iterator[tuple[str, Case]]:
    """RNNCell from step to step; and the same by hand, with a layer normalization inside."""
    cell = nn.RNNCell(D, C, dtype=torch.float64)

    def plain(before: Tensor, x: Tensor, w: Tensor, c: Tensor) -> Tensor:
        own = {"weight_ih": w[:, :D], "weight_hh": w[:, D:], "bias_ih": c, "bias_hh": 0 * c}
        return functional_call(cell, own, (x, before))

    def normalized(before: Tensor, x: Tensor, w: Tensor, g: Tensor, b: Tensor) -> Tensor:
        a = functional.linear(torch.cat([x, before], dim=1), w)
        return torch.tanh(functional.layer_norm(a, (C,), g, b))

    def unroll(step: Callable[..., Tensor], x: Tensor, **params: Tensor) -> Tensor:
        h = [torch.zeros(len(x), C, dtype=x.dtype)]
        for t in range(x.shape[1]):
            h.append(step(h[-1], x[:, t], **params))
        return torch.stack(h[1:], dim=1)

    params = {"w": (C, D + C)}
    for name, step, rest in [("plain", plain, {"c": (C,)}), ("layer", normalized, AFFINE)]:
        yield name, follow(name, partial(unroll, step), (2, 3, D), params | rest)


def attention() -> Iterator[tuple[str, Case]]:
    attend = functional.scaled_dot_product_attention

    def look(x: Tensor, *, causal: bool = False, qk: bool = False, **params: Tensor) -> Tensor:
        q, k, v = (functional.linear(x, params[f"{name}.w"]) for name in "qkv")
        if qk:
            q, k = (functional.normalize(values, dim=-1) for values in (q, k))
            q = params["g"] * q
        y = attend(q, k, v, is_causal=causal, scale=1.0 if qk else None)
        return functional.linear(y, params["output.w"])

    weights = {f"{name}.w": (D, D) for name in ("q", "k", "v", "output")}
    for name, options, params in [
        ("plain", {}, weights),
        ("causal", {"causal": True}, weights),
        ("cosine", {"qk": True}, weights | {"g": (1,)}),
    ]:
        yield name, follow(name, partial(look, **options), (2, 3, D), params)


# ---- losses, optimizers, training


def cross_entropy() -> Iterator[tuple[str, Case]]:
    for name, size in [("small", 1.0), ("large", 300.0)]:
        logits, labels = size * draw(name)(7, 4), np.array([0, 1, 2, 3, 3, 1, 0])
        tensor = torch.tensor(logits, requires_grad=True)
        loss = functional.cross_entropy(tensor, torch.tensor(labels))
        loss.backward()
        found = {"loss": loss.detach().numpy(), "dlogits": tensor.grad.numpy()}
        yield name, {"logits": logits, "labels": labels, **found}


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adam": torch.optim.Adam,
    "adam betas": partial(torch.optim.Adam, betas=(0.8, 0.95), eps=1e-3),
}


def optimizers() -> Iterator[tuple[str, Case]]:
    for name, build in OPTIMIZERS.items():
        numbers = draw(name)
        params, slopes = numbers(C), numbers(5, C)
        tensor = torch.tensor(params, requires_grad=True)
        optimizer = build([tensor], lr=0.1)
        after = []
        for slope in slopes:
            tensor.grad = torch.tensor(slope)
            optimizer.step()
            after.append(tensor.detach().numpy().copy())
        yield name, {"params": params, "grads": slopes, "after": np.stack(after)}


NETS: dict[str, Callable[[int], nn.Module | None]] = {
    "none": lambda width: None,
    "batch": partial(nn.BatchNorm1d, dtype=torch.float64),
    "layer": partial(nn.LayerNorm, dtype=torch.float64),
}


def training() -> Iterator[tuple[str, Case]]:
    """Some steps of a whole network, with weight decay on everything, and its logits then."""
    widths, steps, count = (D, C, C, 3), 6, 8
    for norm, optimizer in [
        ("none", "sgd"),
        ("batch", "sgd"),
        ("batch", "momentum"),
        ("batch", "adam"),
        ("layer", "adam"),
    ]:
        name = f"{norm} {optimizer}"
        numbers, case, modules = draw(name), {}, []
        for index, sizes in enumerate(pairwise(widths), start=1):
            last = index == len(widths) - 1
            at = "output" if last else f"layer {index}"
            between = None if last else NETS[norm](sizes[1])
            linear = nn.Linear(*sizes, bias=between is None, dtype=torch.float64)
            linear.weight.data = torch.tensor(numbers(*linear.weight.shape))
            case[f"params.{at}.w"] = linear.weight.detach().numpy().copy()
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
            activation = None if last else nn.Tanh()
            modules += [part for part in (linear, between, activation) if part is not None]
        net = nn.Sequential(*modules)
        x, labels = numbers(steps, count, D), np.arange(steps * count).reshape(steps, count) % 3
        mover = OPTIMIZERS[optimizer](net.parameters(), lr=0.05, weight_decay=0.01)
        losses = []
        for own, right in zip(torch.tensor(x), torch.tensor(labels), strict=True):
            mover.zero_grad()
            loss = functional.cross_entropy(net(own), right)
            loss.backward()
            mover.step()
            losses.append(loss.item())
        logits = net.eval()(torch.tensor(x[0])).detach().numpy()
        found = {"losses": np.array(losses), "logits": logits}
        yield name, case | {"x": x, "labels": labels} | found


FILES = [
    batch,
    layer,
    instance,
    group,
    rms,
    weight,
    start,
    cosine,
    convolution,
    pooling,
    recurrent,
    attention,
    cross_entropy,
    optimizers,
    training,
]


def main(arguments: list[str]) -> int:
    """Compare, or store."""
    torch.set_num_threads(1)
    made_with = {"torch": torch.__version__, "numpy": np.__version__}
    made_with["python"] = platform.python_version()
    failed = False
    for source in FILES:
        path = FOLDER / f"{source.__name__}.json"
        cases: Cases = dict(source())
        if arguments == ["--write"]:
            write(path, cases, made_with)
            print(f"{path.name}: {len(cases)} cases, {path.stat().st_size / 1000:.0f} kB")
            continue
        before, by = read(path) if path.exists() else ({}, {})
        found = differences(cases, before, RTOL)
        print(f"{path.name}: {len(cases)} cases, stored by {by.get('torch', 'nobody')}", end="; ")
        print(f"differences: {len(found)}" if found else "the same")
        for line in found:
            print(f"  {line}")
        failed = failed or bool(found)
    if failed:
        print(f"PyTorch {torch.__version__} computes something else than what is stored.")
        print("If the new values are right, store them: make golden WRITE=1")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
