"""How sure a teacher was of what it wrote, read off the probabilities of its own tokens.

Asked whether its pair is right, plainly or with ten examples, a 1.5B model says yes to nearly everything (area under
the curve .55 to .66 on 82 pairs that were read). How likely its words were to itself tells more. The cuts were .70 and
.85 at first; of the English pairs of another book that they took (docs/quality.md), 12 of the 17 nearest to them read
well, and 4 of the 19 further below.
"""

from __future__ import annotations

import math

# Below these a pair of a small teacher is rather wrong than right.
QUESTION, ANSWER = 0.66, 0.78


def certainty(tokens: tuple[tuple[str, float], ...], begins: str, ends: str) -> float | None:
    """Geometric mean, from 0 to 1, of the probabilities of the tokens between two marks of a reply (`"question"` and
    `"answer"`); to the end where `ends` does not stand. None where the endpoint told none or the reply has no `begins`.
    """
    text = "".join(token for token, _ in tokens)
    start = text.find(begins)
    if start < 0:
        return None
    stop = text.find(ends, start)
    found, position = [], 0
    for token, log_probability in tokens:
        if start <= position < (stop if stop >= 0 else len(text)):
            found.append(log_probability)
        position += len(token)
    return math.exp(sum(found) / len(found))
