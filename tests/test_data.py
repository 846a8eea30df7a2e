"""The digits: complete, standardized once, the same every time."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn import datasets

from normlib import fit, load_digits, mlp


def test_every_digit_is_there_once():
    """Catches digits lost or doubled, and labels shuffled apart from their images."""
    data = load_digits()
    pixels, labels = datasets.load_digits(return_X_y=True)
    x = np.concatenate([data.x_train, data.x_test])
    y = np.concatenate([data.y_train, data.y_test])
    assert data.x_train.shape == (1297, 64)
    assert data.x_test.shape == (500, 64)
    # Undo the standardization: pixels are whole numbers from 0 to 16.
    step = np.diff(np.unique(x.round(9))).min()
    back = np.round((x - x.min()) / step)
    ours = sorted(map(tuple, np.column_stack([back, y]).tolist()))
    assert ours == sorted(map(tuple, np.column_stack([pixels, labels]).tolist()))


def test_one_mean_and_one_std_of_the_training_pixels():
    """Catches standardization per pixel, or with the test data's help."""
    data = load_digits()
    assert abs(data.x_train.mean()) < 1e-14
    assert abs(data.x_train.std() - 1) < 1e-14
    assert len(np.unique(data.x_train.round(9))) == 17  # one scale for all pixels
    assert abs(data.x_test.mean()) > 1e-6


def test_images_are_the_same_digits():
    """Catches rows and columns exchanged, or another order."""
    flat, images = load_digits(), load_digits(images=True)
    assert images.x_train.shape == (1297, 1, 8, 8)
    np.testing.assert_array_equal(images.x_test.reshape(500, 64), flat.x_test)
    np.testing.assert_array_equal(images.y_test, flat.y_test)


def test_float32():
    """Catches pixels that are standardized in float32, and an image of another dtype."""
    single, double = load_digits(images=True, dtype=np.float32), load_digits(images=True)
    for part in ("x_train", "x_test"):
        assert getattr(single, part).dtype == np.float32
        assert np.array_equal(getattr(single, part), getattr(double, part).astype(np.float32))
    history = fit(mlp([64, 8, 10], dtype=np.float32), load_digits(dtype="float32"), steps=3)
    assert np.isfinite(history.loss).all()


def test_splits():
    """Catches a split that is not seeded, or not random."""
    np.testing.assert_array_equal(load_digits().x_train, load_digits(split=0).x_train)
    assert not np.array_equal(load_digits().y_test, load_digits(split=1).y_test)
    counts = np.bincount(load_digits().y_test)
    assert counts.min() > 30  # 50 expected of each; sorted data would leave some out


def test_without_scikit_learn(monkeypatch):
    """Catches an import error that leaves the reader alone."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install \"normlib\[book\]\""):
        load_digits()
