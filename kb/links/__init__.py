"""Links between sentences: are these two the same, one part of the other, at odds, or apart?

`relate` judges two strings; `prepare` and `judge` do the same in bulk;
`merge_key` groups what is said in the same words; `candidates` finds near
duplicates to judge.
"""

from kb.links.candidates import candidates, signatures
from kb.links.keys import merge_key
from kb.links.prepare import Prepared, prepare
from kb.links.relate import judge, relate

__all__ = ["Prepared", "candidates", "judge", "merge_key", "prepare", "relate", "signatures"]
