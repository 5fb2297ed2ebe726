"""The CRF of MindSpore's ModelZoo and ours: the same scores in different tables.

Theirs (mindspore-ai/models, official/nlp/Bert/src/CRF.py) has one table, transitions[to, from], over the labels and two
more, START and STOP, which are the last two. Ours (see `crf.transitions` in bertrun-ner) has transitions[from, to] over
the labels, and the scores of beginning and of ending with a label. START is never entered and STOP never left: those
entries are about -10000, so the scores that their tagger gives the two labels do not count.

Their tagger labels [CLS], [SEP] and the padding too, as O, and its CRF runs through them; ours runs through the words.
There a sentence begins with the transition from [CLS], and START only ever meets [CLS]; it ends with the transition
to [SEP], and STOP only ever meets the last padding. So the scores of beginning and ending are here those of the
transitions from O and to O.

What is exact: of two labellings of one sentence, ours and theirs score the one above the other by the same amount,
where theirs has O on [CLS], [SEP] and the padding, as in all that it was trained on; the best labelling is then the
same. What is not: theirs may put another label on those, and counts such labellings in its partition function, so
its loss and its probabilities are not ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .change import Array, Change, ChangeError, Shape

OUTSIDE = 0  # the id of O there (convert_labels_to_index in src/utils.py)
_NEVER = -10000.0  # what the ModelZoo writes
_UNUSED = -1000.0  # what passes for it, after some decay


def _count(size: int) -> int:
    """How many labels there are beside START and STOP."""
    if size < 3:
        raise ChangeError(f"a label, START and STOP were expected, and there are {size}")
    return size - 2


def _table_shapes(shape: Shape) -> tuple[Shape, ...]:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ChangeError(f"a square was expected, and its shape is {shape}")
    labels = _count(shape[0])
    return (labels, labels), (labels,), (labels,)


def _labels_table(table: Array) -> Array:
    """The transitions [from, to] between labels."""
    _table_shapes(table.shape)
    start, stop = len(table) - 2, len(table) - 1
    used = np.append(table[start], table[:stop, stop])
    if not (used < _UNUSED).all():  # NaN too
        raise ChangeError(f"START may be entered or STOP left: such a transition has the score {used.max()}")
    return table[:start, :start].T


def _with_ends(table: Array) -> tuple[Array, ...]:
    transitions = _labels_table(table)
    return transitions, *between_marks(transitions, OUTSIDE)


def _join(tables: Sequence[Array]) -> Array:
    """Their table, where what stands before [CLS] and behind the padding prefers no label."""
    transitions = tables[0]
    labels = len(transitions)
    table = np.full((labels + 2, labels + 2), _NEVER, transitions.dtype)
    table[:labels, :labels] = transitions.T
    table[:labels, labels] = table[labels + 1, :labels] = 0
    return table


def _label_shapes(shape: Shape) -> tuple[Shape, ...]:
    return ((_count(shape[0] if shape else 0), *shape[1:]),)


def _labels(rows: Array) -> tuple[Array, ...]:
    return (rows[: _label_shapes(rows.shape)[0][0]],)


def _with_start_and_stop(tensors: Sequence[Array]) -> Array:
    (rows,) = tensors
    return np.concatenate([rows, np.zeros((2, *rows.shape[1:]), rows.dtype)])


# To transitions (labels, labels) [from, to], and the scores of beginning and of ending (labels,).
TRANSITIONS = Change("one table of transitions cut into three", _table_shapes, _with_ends, _join)
# The same where the scores of beginning and of ending stand beside it, as bertrun writes them.
TRANSITIONS_ONLY = Change(
    "one table of transitions without START and STOP",
    lambda shape: _table_shapes(shape)[:1],
    lambda table: (_labels_table(table),),
    _join,
)
LABELS_ONLY = Change("the rows of START and STOP left out", _label_shapes, _labels, _with_start_and_stop)


def between_marks(transitions: Array, outside: int) -> tuple[Array, Array]:
    """The scores of beginning and ending that sentences had in the ModelZoo, between [CLS] and [SEP].

    Args:
        transitions: (labels, labels) [from, to].
        outside: The id of the label O.

    Returns:
        (labels,) for the first word's label, and (labels,) for the last one's.
    """
    return transitions[outside], transitions[:, outside]
