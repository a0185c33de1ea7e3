"""Texts as a few numbers: the words or letters they hold, in their first components."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = npt.NDArray[np.float64]


class TextComponents(TransformerMixin, BaseEstimator):
    """Latent semantic analysis of one column: n-grams, counted, then their first components.

    Always as many numbers as `components`: those that train's texts do not fill are 0, as is
    every one of a missing or empty text.

    Args:
        vectorizer: ``tfidf`` weighs the n-grams of train by their rarity and keeps them in
            the model; ``hashing`` keeps none, learns no weights, and lets some collide.
        analyzer: ``word``, or ``char_wb``: letters within words.
        ngram_range: the shortest and the longest n-gram.
        max_features: how many different n-grams, or hashes.
        components: how many numbers.
        random_state: the seed of the randomised decomposition.

    Attributes:
        vectorizer_: fitted; None where train's texts hold nothing.
        svd_: the fitted TruncatedSVD; None there too.
    """

    def __init__(
        self,
        vectorizer: str,
        analyzer: str,
        ngram_range: list[int],
        max_features: int,
        components: int,
        random_state: int,
    ) -> None:
        self.vectorizer = vectorizer
        self.analyzer = analyzer
        self.ngram_range = ngram_range
        self.max_features = max_features
        self.components = components
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> "TextComponents":
        """Learn n-grams and components from the texts in the first column of `X`."""
        validate_data(self, X, skip_check_array=True)
        self.vectorizer_ = self.svd_ = None
        vectorizer = self._vectorizer()
        try:
            counts = vectorizer.fit_transform(_texts(X))
        except ValueError:  # no text holds a word
            return self
        rank = min(self.components, *counts.shape)
        if counts.nnz:
            svd = TruncatedSVD(rank, algorithm="randomized", random_state=self.random_state)
            with np.errstate(invalid="ignore", divide="ignore"):  # shares of no variance
                self.svd_ = svd.fit(counts)
            self.vectorizer_ = vectorizer
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the components, shape (rows, components)."""
        check_is_fitted(self, "n_features_in_")
        found = np.zeros((len(X), self.components))
        if self.svd_ is not None and self.vectorizer_ is not None:
            # Sparse rows times a matrix: each row by itself, in the order of its n-grams.
            learnt = self.svd_.transform(self.vectorizer_.transform(_texts(X)))
            found[:, : learnt.shape[1]] = learnt
        return found

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``column=1`` and so on."""
        check_is_fitted(self, "n_features_in_")
        names = [f"{self.feature_names_in_[0]}={suffix}" for suffix in self.suffixes()]
        return np.array(names, dtype=object)

    def suffixes(self) -> list[str]:
        """Return 1 to the number of components."""
        return [str(number + 1) for number in range(self.components)]

    def _vectorizer(self) -> Any:
        ngrams = {"analyzer": self.analyzer, "ngram_range": tuple(self.ngram_range)}
        if self.vectorizer == "tfidf":
            return TfidfVectorizer(max_features=self.max_features, sublinear_tf=True, **ngrams)
        return HashingVectorizer(n_features=self.max_features, alternate_sign=False, **ngrams)


def _texts(X: pd.DataFrame) -> list[str]:
    """Return the texts of the first column; what is missing is empty."""
    return ["" if text is np.nan else text for text in X.iloc[:, 0]]
