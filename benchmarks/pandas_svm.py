"""The peer of `backlog.py`: what a script of twenty lines does with a whole file, with pandas and a linear SVM.

python benchmarks/pandas_svm.py TRAIN TEXT_FIELD LABEL_FIELD IN.csv OUT.csv: prints the seconds from reading IN to OUT.
"""

from __future__ import annotations

import sys
import time

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC


def main() -> None:
    train, text_field, label_field, source, destination = sys.argv[1:]
    known = pd.read_json(train, lines=True, dtype=False)
    model = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True), LinearSVC()
    )
    model.fit(known[text_field], known[label_field])
    begin = time.perf_counter()
    rows = pd.read_csv(source, dtype=str, keep_default_na=False)
    rows[label_field] = model.predict(rows["text"])
    rows.to_csv(destination, index=False)
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
