"""The slope that a few points rise or fall by, whichever of them stand out.

`scipy.stats.theilslopes` says the same; importing it takes longer than all the
trends of a build.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt


def median(values: npt.NDArray[Any], at: npt.NDArray[Any], confidence: float) -> tuple[float, float, float]:
    """Return the median of the slopes between all pairs of points, and its interval (Sen 1968, equation 2.6).

    Args:
        values: of the points, four or more.
        at: where each stands, all different.
        confidence: of the interval, such as 0.9.
    """
    apart = at[:, None] - at[None, :]
    slopes = np.sort((values[:, None] - values[None, :])[apart > 0] / apart[apart > 0])
    size, pairs = len(values), len(slopes)
    _, alike = np.unique(values, return_counts=True)
    ties = int((alike * (alike - 1) * (2 * alike + 5)).sum())
    spread = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt((size * (size - 1) * (2 * size + 5) - ties) / 18)
    low = max(round((pairs - spread) / 2) - 1, 0)
    high = min(round((pairs + spread) / 2), pairs - 1)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])
