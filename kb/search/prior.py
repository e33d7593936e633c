"""What a sentence is, whatever is asked: how much it can say to anyone.

Labels, headings that slipped through and fragments match a query as well as
sentences do, and better, for they are short. So a score is multiplied by how
substantial a claim is. On judged queries over real posts that matters as much
as how the words match.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

QUESTION_MARKS = "?？"
END_MARKS = "。．.!！｡"
WRAPPERS = " \u3000*_`\"'」』）)】》〉”’"  # what may stand after an end mark
_WORDS = 10.0  # content words that make a claim two thirds substantial
_FLOOR = 0.05
_QUESTION = 0.5
_OPEN = 0.6  # no end mark: a label, a heading, a list item


def prior(words: Floats, last: npt.NDArray[np.str_]) -> Floats:
    """Return a factor from 0 to 1 for each claim.

    `words` counts the content words of each claim, `last` is its last character
    before `WRAPPERS`. A claim of many words that ends like a sentence nears 1.
    """
    factor = _FLOOR + (1.0 - _FLOOR) * (1.0 - np.exp(-words / _WORDS))
    questions = np.isin(last, list(QUESTION_MARKS))
    closed = np.isin(last, list(END_MARKS))
    weighed: Floats = np.where(questions, factor * _QUESTION, np.where(closed, factor, factor * _OPEN))
    return weighed.astype(np.float32)
