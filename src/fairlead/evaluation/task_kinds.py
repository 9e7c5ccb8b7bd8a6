"""Which kinds of task each benchmark task speaks of, so that its questions teach the text model kinds.

Hand-made and documented here, nowhere else: shares by task name, the longest matching prefix wins. Tasks that mix
everything (MT-Bench) or whose questions are traps (nonsense questions) teach no kind.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.kinds import KINDS

_SCIENCE: Final = {"knowledge": 0.5, "maths": 0.5}
_MATHS: Final = {"maths": 1.0}
_KNOWLEDGE: Final = {"knowledge": 1.0}
_REASONING: Final = {"reasoning": 1.0}
_CODE: Final = {"code": 1.0}

TASK_KINDS: Final[Mapping[str, Mapping[str, float]]] = {
    "zeroeval:gsm": _MATHS,
    "zeroeval:math-l5": _MATHS,
    "zeroeval:numersense-v2": {"reasoning": 0.5, "maths": 0.5},
    "zeroeval:crux": _CODE,
    "llmrouter9:agentverse-logicgrid": _REASONING,
    "llmrouter9:agentverse-mgsm": _MATHS,
    "llmrouter9:commongen": {"writing": 1.0},
    "llmrouter9:commonsense_qa": {"reasoning": 0.6, "knowledge": 0.4},
    "llmrouter9:openbook_qa": {"knowledge": 0.7, "reasoning": 0.3},
    "llmrouter9:gsm8k": _MATHS,
    "llmrouter9:math": _MATHS,
    "llmrouter9:human_eval": _CODE,
    "llmrouter9:trivia_qa": _KNOWLEDGE,
    "llmrouter9:mmlu": {"knowledge": 0.7, "reasoning": 0.15, "maths": 0.15},
    "kor_bench:": _REASONING,
    "kor_bench:kor_operation": {"reasoning": 0.5, "maths": 0.5},
    "mmlu_pro:": _KNOWLEDGE,
    "mmlu_pro:mmlu_pro/math": _MATHS,
    "mmlu_pro:mmlu_pro/physics": _SCIENCE,
    "mmlu_pro:mmlu_pro/chemistry": _SCIENCE,
    "mmlu_pro:mmlu_pro/engineering": _SCIENCE,
    "mmlu_pro:mmlu_pro/business": {"knowledge": 0.6, "maths": 0.4},
    "mmlu_pro:mmlu_pro/economics": {"knowledge": 0.8, "reasoning": 0.2},
    "mmlu_pro:mmlu_pro/computer science": {"knowledge": 0.5, "code": 0.3, "reasoning": 0.2},
    "mmlu_pro:mmlu_pro/law": {"knowledge": 0.7, "reasoning": 0.3},
    "mmlu_pro:mmlu_pro/philosophy": {"knowledge": 0.6, "reasoning": 0.4},
    "routellm:routellm_gsm8k": _MATHS,
    "routellm:routellm_mmlu_": _KNOWLEDGE,
    "routellm:routellm_mmlu_abstract_algebra": _MATHS,
    "routellm:routellm_mmlu_college_mathematics": _MATHS,
    "routellm:routellm_mmlu_high_school_mathematics": _MATHS,
    "routellm:routellm_mmlu_elementary_mathematics": _MATHS,
    "routellm:routellm_mmlu_high_school_statistics": _MATHS,
    "routellm:routellm_mmlu_college_physics": _SCIENCE,
    "routellm:routellm_mmlu_high_school_physics": _SCIENCE,
    "routellm:routellm_mmlu_college_chemistry": _SCIENCE,
    "routellm:routellm_mmlu_formal_logic": _REASONING,
    "routellm:routellm_mmlu_logical_fallacies": _REASONING,
    "routellm:routellm_mmlu_moral_scenarios": {"knowledge": 0.5, "reasoning": 0.5},
}
"""`source:task` or the beginning of it -> shares that sum to 1."""


def kind_shares_of(source: str, task: str) -> NDArray[np.float64] | None:
    """The shares of a benchmark task in the order of KINDS, or None when it teaches no kind."""
    name = f"{source}:{task}"
    matches = [prefix for prefix in TASK_KINDS if name == prefix or (name.startswith(prefix) and prefix[-1] in ":_/")]
    return as_shares(TASK_KINDS[max(matches, key=len)]) if matches else None


def as_shares(kinds: Mapping[str, float]) -> NDArray[np.float64]:
    """Named shares as an array in the order of KINDS.

    Raises: ValueError when a kind is unknown or the shares do not sum to 1.
    """
    if set(kinds) - set(KINDS) or abs(sum(kinds.values()) - 1.0) > 1e-9:
        raise ValueError(f"shares must name kinds of {', '.join(KINDS)} and sum to 1, not {dict(kinds)}")
    return np.array([kinds.get(kind, 0.0) for kind in KINDS])
