"""What whitening promises, for each way to do it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from normlib import Whitening, decorrelate, decorrelate_backward, load_digits, whiten
from strategies import LAYOUTS, laid_out
from textbook_whitening import (
    METHODS,
    covariance,
    full_rank,
    isotropic,
    of_condition,
    papers_recurrence,
)

METHOD = pytest.mark.parametrize("method", METHODS)
MANY = {"iterations": 60}  # enough for Newton–Schulz to arrive; the others have none


@METHOD
@pytest.mark.parametrize("eps", [0.0, 0.5])
def test_covariance_afterwards(method, eps, rng):
    """Catches a missing or doubled eps, a 1/(n-1), a mean left in, and the square of the root."""
    x = full_rank(rng, 40, 5)
    y, _ = decorrelate(x, method, eps=eps, **MANY)
    lam = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-13)  # rounding
    after = covariance(y)
    np.testing.assert_allclose(np.linalg.eigvalsh(after), lam / (lam + eps), atol=1e-12)
    if eps == 0:
        np.testing.assert_allclose(after, np.eye(5), atol=1e-12)


@METHOD
def test_result_holds_what_was_measured(method, rng):
    """Catches fields that belong to another convention than the matrix."""
    x = full_rank(rng, 40, 5)
    found = whiten(x, method, eps=0.1, **MANY)
    assert (found.method, found.eps) == (method, 0.1)
    np.testing.assert_allclose(found.mean, x.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(x.T, bias=True), atol=1e-12)
    values = np.linalg.eigvalsh(found.covariance)[::-1]
    np.testing.assert_allclose(found.eigenvalues, values, atol=1e-12)
    a = found.covariance + 0.1 * np.eye(5)
    np.testing.assert_allclose(found.matrix @ found.matrix.T @ a, np.eye(5), atol=1e-12)
    np.testing.assert_array_equal(found.transform(x), (x - found.mean) @ found.matrix)
    np.testing.assert_allclose(
        found.transform(x), decorrelate(x, method, eps=0.1, **MANY)[0], atol=1e-12
    )


@METHOD
def test_what_counts_as_rank(method):
    """Catches another limit than the one that is documented: (d + sqrt(n)) u, times the norm."""
    limit = 2.0**-50  # (2 + sqrt(4)) * 2**-52, for a covariance of norm 1
    signs = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    found = whiten(signs * [1, np.sqrt(1.1 * limit)], method, eps=0, **MANY)
    np.testing.assert_allclose(found.covariance, np.diag([1, 1.1 * limit]), atol=1e-30)
    for variance in (limit, limit / 2):
        with pytest.raises(ValueError, match=r"full rank.*got (rank 1 of 2|a pivot of .*e-16)"):
            whiten(signs * [1, np.sqrt(variance)], method, eps=0)


@METHOD
def test_defaults(method, rng):
    """Catches another eps, or another number of iterations, than the signature promises."""
    x = 1e3 * of_condition(rng, 1e12, d=3)  # where eps and the 21st iteration make a difference
    told = {"eps": 1e-5, "iterations": 20}
    found, expected = whiten(x, method), whiten(x, method, **told)
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(decorrelate(x, method)[0], decorrelate(x, method, **told)[0])


@METHOD
def test_inverse_undoes_transform(method, rng):
    """Catches an inverse of another method, or without the mean; for new data too."""
    found = whiten(full_rank(rng, 40, 5), method, iterations=5)
    x = rng.standard_normal((3, 5))
    np.testing.assert_allclose(found.inverse(found.transform(x)), x, atol=1e-12)
    np.testing.assert_allclose(found.transform(found.inverse(x)), x, atol=1e-12)


@METHOD
def test_moving_x_changes_nothing(method, rng):
    """Catches a second moment in place of the covariance."""
    x = full_rank(rng, 40, 5)
    shift = rng.standard_normal(5)
    y, moved = decorrelate(x, method, eps=0.1)[0], decorrelate(x + shift, method, eps=0.1)[0]
    np.testing.assert_allclose(moved, y, atol=1e-12)


def test_pca_goes_by_variance(rng):
    """Catches directions in rising order, or not along the variance at all."""
    x = full_rank(rng, 40, 5)
    found = whiten(x, "pca", eps=0.0)
    directions = found.matrix * np.sqrt(found.eigenvalues)
    np.testing.assert_allclose(directions.T @ directions, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(
        directions.T @ found.covariance @ directions, np.diag(found.eigenvalues), atol=1e-11
    )
    assert (np.diff(found.eigenvalues) < 0).all()


def test_pca_signs_are_a_rule(rng):
    """Catches signs that LAPACK chose: they would differ between machines."""
    x = full_rank(rng, 40, 5)
    w = whiten(x, "pca").matrix
    assert (w[np.abs(w).argmax(axis=0), np.arange(5)] > 0).all()
    np.testing.assert_allclose(whiten(-x, "pca").matrix, w, atol=1e-12)


@pytest.mark.parametrize("shape", [(40, 5), (400, 5), (12, 10)])
def test_pca_is_scikit_learns(shape, rng):
    """Catches a convention that a reader would not expect: theirs divides by n - 1, ours by n."""
    x = full_rank(rng, *shape)
    peer = PCA(whiten=True).fit(x)
    found = whiten(x, "pca", eps=0)
    n = len(x)
    np.testing.assert_allclose(found.eigenvalues * n / (n - 1), peer.explained_variance_)
    y, theirs = found.transform(x), peer.transform(x) * np.sqrt(n / (n - 1))
    signs = np.sign((y * theirs).sum(axis=0))
    np.testing.assert_allclose(y, theirs * signs, atol=1e-9)  # condition 100, squared by both


def distance(y, x):
    return ((y - (x - x.mean(axis=0))) ** 2).sum()


def test_zca_is_closest_to_the_input(rng):
    """Catches a symmetric-looking root that is not the one: every rotation of it is farther."""
    x = full_rank(rng, 40, 4)
    found = whiten(x, "zca", eps=0)
    np.testing.assert_allclose(found.matrix, found.matrix.T, atol=1e-14)
    assert (np.linalg.eigvalsh(found.matrix) > 0).all()
    y = found.transform(x)
    for size in (1e-3, 0.1, 1.0, 10.0):
        turn, _ = np.linalg.qr(np.eye(4) + size * rng.standard_normal((4, 4)))
        turn *= np.sign(np.diag(turn))  # towards 1 where size is small
        assert distance(y @ turn, x) > distance(y, x)
    for method in ("pca", "cholesky"):
        assert distance(decorrelate(x, method, eps=0)[0], x) > distance(y, x)


def test_zca_turns_with_its_input(rng):
    """Catches a root tied to the axes: turning x turns y, and nothing else."""
    x = full_rank(rng, 40, 4)
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    np.testing.assert_allclose(
        decorrelate(x @ turn, "zca")[0], decorrelate(x, "zca")[0] @ turn, atol=1e-12
    )


def test_cholesky_goes_from_feature_to_feature(rng):
    """Catches a lower triangle, signs, and outputs that look at later features."""
    x = full_rank(rng, 40, 4)
    w = whiten(x, "cholesky", eps=0).matrix
    np.testing.assert_array_equal(w, np.triu(w))
    assert (np.diag(w) > 0).all()
    changed = x.copy()
    changed[:, 2] = rng.standard_normal(40)
    y, other = (decorrelate(z, "cholesky", eps=0)[0] for z in (x, changed))
    np.testing.assert_allclose(other[:, :2], y[:, :2], atol=1e-12)
    assert np.abs(other[:, 2:] - y[:, 2:]).max() > 0.1


@pytest.mark.parametrize("iterations", [1, 3, 5])
def test_newton_schulz_is_the_papers_at_first(iterations, rng):
    """Catches another normalization than the trace, or an iteration more or less."""
    x = full_rank(rng, 40, 4)
    found = whiten(x, "newton_schulz", eps=0.1, iterations=iterations)
    a = found.covariance + 0.1 * np.eye(4)
    np.testing.assert_allclose(found.matrix, papers_recurrence(a, iterations), atol=1e-13)


@pytest.mark.parametrize("iterations", [20, 200])
def test_newton_schulz_stays_where_the_paper_explodes(iterations, rng):
    """Catches the uncoupled recurrence: at condition 1000 it does not survive 15 iterations."""
    x = of_condition(rng, 1000)
    zca = whiten(x, "zca", eps=0).matrix
    found = whiten(x, "newton_schulz", eps=0, iterations=iterations)
    # The condition takes three digits from the covariance, and the root gives back half of them.
    np.testing.assert_allclose(found.matrix, zca, rtol=0, atol=1e-12 * np.abs(zca).max())
    uncoupled = papers_recurrence(found.covariance, 15)
    assert np.abs(uncoupled - zca).max() > 10 * np.abs(zca).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@METHOD
def test_the_digits_lack_three_directions(method, dtype):
    """Catches NaN from the root of -1e-15, and noise blown up where there is no variance."""
    x = load_digits().x_train.astype(dtype)
    with pytest.raises(ValueError, match="full rank"):
        whiten(x, method, eps=0)
    y, cache = decorrelate(x, method, eps=1e-3, iterations=40)
    assert y.dtype == dtype
    lam = np.linalg.eigvalsh(np.cov(x.T.astype(float), bias=True))
    variances = np.linalg.eigvalsh(np.cov(y.T.astype(float), bias=True))
    # float32 knows an eigenvalue to 1e-6 of the largest, 10; eps is a hundred times that.
    np.testing.assert_allclose(
        variances, np.maximum(lam, 0) / (lam + 1e-3), atol=1e-9 if dtype is np.float64 else 0.02
    )
    if method != "pca":
        assert np.isfinite(decorrelate_backward(y, cache)).all()


def test_the_digits_have_rank_61():
    """Catches a limit that takes rounding for variance, or variance for rounding."""
    with pytest.raises(ValueError, match="rank 61 of 64"):
        whiten(load_digits().x_train, "zca", eps=0)


@METHOD
@pytest.mark.parametrize("n", [1, 2, 4])
def test_fewer_samples_than_features(method, n, rng):
    """Catches a result made of the rounding in directions that no sample has."""
    x = full_rank(rng, n, 4)
    with pytest.raises(ValueError, match="more samples than features"):
        whiten(x, method, eps=0)
    y, _ = decorrelate(x, method, eps=0.1, **MANY)
    lam = np.maximum(np.linalg.eigvalsh(np.cov(x.T, bias=True)), 0)
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance(y)), lam / (lam + 0.1), atol=1e-12)


@METHOD
@given(st.data())
def test_any_shape(method, data):
    """Catches shapes that break it: one sample, one feature, constant features."""
    n, d = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 6))
    eps = data.draw(st.sampled_from([1e-5, 0.1, 10.0]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.standard_normal((n, d))
    x[:, data.draw(st.integers(0, d - 1))] = 3.0
    y, cache = decorrelate(x, method, eps=eps, **MANY)
    lam = np.maximum(np.linalg.eigvalsh(covariance(x)), 0)
    # 1e-9: an eps of 1e-5 lets rounding of 1e-15 weigh 1e-10.
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance(y)), lam / (lam + eps), atol=1e-9)
    if method != "pca":  # where n <= d + 1, it has equal eigenvalues
        dx = decorrelate_backward(rng.standard_normal((n, d)), cache)
        np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-9)


@METHOD
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout(method, layout, rng):
    """Catches code that assumes contiguous or writable arrays, and inputs changed in place."""
    x, dy = (laid_out(full_rank(rng, 9, 3), layout) for _ in range(2))
    before, dbefore = x.copy(order="C"), dy.copy(order="C")
    y, cache = decorrelate(x, method, eps=0.1)
    expected, same = decorrelate(before, method, eps=0.1)
    np.testing.assert_allclose(y, expected, atol=1e-12)  # BLAS may add in another order
    if layout != "broadcast":  # nine times the same sample: all eigenvalues are 0
        np.testing.assert_allclose(
            decorrelate_backward(dy, cache), decorrelate_backward(dbefore, same), atol=1e-12
        )
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dy, dbefore)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@METHOD
def test_dtype_is_kept(method, dtype, rng):
    """Catches a float64 constant that doubles the memory of a float32 net."""
    x = full_rank(rng, 9, 3).astype(dtype)
    y, cache = decorrelate(x, method)
    found = whiten(x, method)
    for array in (
        y,
        decorrelate_backward(x, cache),
        found.matrix,
        found.mean,
        found.covariance,
        found.inverse_matrix,
        found.eigenvalues,
        found.transform(x),
        found.inverse(y),
    ):
        assert array.dtype == dtype


@METHOD
@pytest.mark.parametrize("eps", [0.0, 1e-5])
def test_float32_far_from_zero(method, eps, rng):
    """Catches a mean that is only exact to its own last digit: at 10,000 that is 0.001."""
    x = (1e4 + full_rank(rng, 500, 4)).astype(np.float32)
    y, _ = decorrelate(x, method, eps=eps, **MANY)
    exact, _ = decorrelate(x.astype(float), method, eps=eps, **MANY)
    # 6e-8 a rounding, times a condition of 30 or so, and a few of them.
    np.testing.assert_allclose(y, exact, atol=2e-5)


@METHOD
def test_eps_that_vanishes_in_float32_is_zero(method):
    """Catches a division by the zero that 1e-60 becomes."""
    x = np.ones((9, 3), np.float32)
    with pytest.raises(ValueError, match="full rank"):
        whiten(x, method, eps=1e-60)


@METHOD
def test_rounding_that_outweighs_eps(method, rng):
    """Catches NaN where eps is smaller than the noise of a singular covariance."""
    x = (1e3 * full_rank(rng, 5, 8)).astype(np.float32)
    if method in ("cholesky", "newton_schulz"):  # nothing can be clipped there
        with pytest.raises(ValueError, match="rounding makes indefinite, with eps=1e-06"):
            whiten(x, method, eps=1e-6)
    else:
        assert np.isfinite(decorrelate(x, method, eps=1e-6)[0]).all()


def test_isotropic_data_stay_as_they_are():
    """Catches directions without a rule: where all variances are 1, ZCA and Cholesky do nothing."""
    x = isotropic()
    for method in ("zca", "cholesky"):
        np.testing.assert_allclose(decorrelate(x, method, eps=0)[0], x, atol=1e-14)


def test_results_print_shapes_travel_and_cannot_be_changed(rng):
    """Catches a notebook cell of numbers, and a Whitening that a worker process cannot get."""
    found = whiten(full_rank(rng, 9, 3), "zca")
    assert "matrix: (3, 3)" in repr(found)
    assert "array" not in repr(found) + repr(decorrelate(np.eye(3))[1])
    copy = pickle.loads(pickle.dumps(found))
    assert isinstance(copy, Whitening)
    np.testing.assert_array_equal(copy.matrix, found.matrix)
    with pytest.raises(AttributeError):
        found.eps = 0.0
