from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from facebench.errors import DataError
from facebench.evaluation.holdout import hold_out, hold_out_subjects, refuse_shared_subjects


def _table(people: int = 20, each: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    subject = np.repeat([f"p{n:02d}" for n in range(people)], each)
    label = (rng.random(len(subject)) < np.repeat(np.arange(people) % 2 * 0.6, each)).astype(int)
    table = pd.DataFrame({"subject": subject, "label": label, "split": "train"})
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


def _rows(train: np.ndarray, val: list[int] | None = None) -> dict[str, np.ndarray]:
    return {"train": train, "val": np.array(val or [], np.int64)}


def test_no_subject_is_split_and_classes_keep_their_proportion() -> None:
    table = _table()
    labels, train = table["label"].to_numpy(), np.arange(5, 140)
    parts = hold_out(table, _rows(train), 0.2, 0, kinds=labels)
    assert sorted([*parts.fit, *parts.held]) == train.tolist()
    subjects = table["subject"].to_numpy()
    assert not set(subjects[parts.fit]) & set(subjects[parts.held])
    assert parts.origin == "4 of 20 training subjects"
    assert labels[parts.held].mean() == pytest.approx(labels[train].mean(), abs=0.03)


def test_without_subjects_it_is_a_stratified_share_of_rows() -> None:
    table = _table().drop(columns="subject")
    labels, train = table["label"].to_numpy(), np.arange(140)
    parts = hold_out(table, _rows(train), 0.1, 3, kinds=labels)
    fit, held = train_test_split(train, test_size=0.1, stratify=labels, random_state=3)
    assert np.array_equal(parts.fit, fit)
    assert np.array_equal(parts.held, held)
    assert parts.origin == "10% of train"
    plain = hold_out(table, _rows(train), 0.1, 3)
    assert len(plain.held) == 14


def test_a_val_split_is_what_is_held_out() -> None:
    parts = hold_out(_table(), _rows(np.arange(100), [130, 120]), 0.1, 0)
    assert parts.held.tolist() == [130, 120]
    assert parts.origin == "val split"


def test_a_rare_label_is_on_both_sides() -> None:
    """Three of 18 people show it: a draw of two would miss it seven times of ten."""
    subjects = np.repeat([f"p{n:02d}" for n in range(18)], 50)
    shown = np.zeros((len(subjects), 2))
    shown[:, 0] = np.arange(len(subjects)) % 3 == 0
    for person in (1, 8, 15):
        shown[person * 50 : person * 50 + 10, 1] = 1
    for seed in range(5):
        fit, held = hold_out_subjects(subjects, shown, 0.1, seed)
        assert len(np.unique(subjects[held])) == 2
        assert shown[fit, 1].any()
        assert shown[held, 1].any()


def test_at_least_so_many_subjects_unless_it_is_more_than_half() -> None:
    for people, expected in ((18, 4), (6, 3), (3, 1), (2, 1), (100, 10)):
        subjects = np.repeat(np.arange(people).astype(str).astype(object), 3)
        _, held = hold_out_subjects(subjects, np.ones((len(subjects), 1)), 0.1, 0, least=4)
        assert len(np.unique(subjects[held])) == expected


def test_the_same_seed_holds_out_the_same_subjects() -> None:
    table = _table()
    draws = [hold_out(table, _rows(np.arange(140)), 0.3, seed).held for seed in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_mistakes_are_named() -> None:
    alone = np.array(["p"] * 5, dtype=object)
    with pytest.raises(DataError, match="cannot hold out a training subject: found 1"):
        hold_out_subjects(alone, np.ones((5, 1)), 0.1, 0)
    with pytest.raises(DataError, match="subject p leaks: found in train and in test"):
        refuse_shared_subjects({"train": alone, "test": np.array(["q", "p"], dtype=object)})
    refuse_shared_subjects({"train": alone, "test": np.array(["q"], dtype=object)})
