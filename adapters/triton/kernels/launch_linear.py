"""The host of the kernel of linear attention: it checks, allocates, chooses tiles and launches."""

from __future__ import annotations

from typing import Any

import torch
import triton

from ...linear_inputs import check_linear
from .arguments import Line, line, matrix, sizes_of
from .checks import DTYPES, LARGEST_WIDTH
from .launch import INTERPRETED_TILE, launching
from .linear import ELU1, EXP, IDENTITY, RELU, linear_chunks
from .mode import DEVICE, interpreted

__all__ = ["CHUNK", "linear_chunk"]

CHUNK = 16
"""Steps in a chunk: tl.dot takes no fewer."""

WIDEST = 64
"""Value features of one program where kernels are compiled: its state is D times as many numbers."""

MAPS = {"identity": IDENTITY, "elu1": ELU1, "relu": RELU, "exp": EXP}


def linear_chunk(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: torch.Tensor | None = None,
    gate: torch.Tensor | None = None,
    initial_state: tuple[torch.Tensor, torch.Tensor] | None = None,
    return_state: bool = False,
    kv_lengths: torch.Tensor | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, D, Dv), normalizer (B, H, D)), float32. A gate is one of each step. Raises ValueError
    for arrays or options that do not fit together, and RuntimeError where kernels can neither be compiled nor interpreted.
    """
    _check(q, k, v, feature_map, causal, normalize, decay, gate, initial_state, kv_lengths)
    b, h, sq = q.shape[:3]
    d, dv = q.shape[3], v.shape[3]
    out = torch.empty((b, h, sq, dv), dtype=q.dtype, device=q.device)
    state, normalizer = (torch.empty(shape, dtype=torch.float32, device=q.device) for shape in ((b, h, d, dv), (b, h, d)))
    first = (None, None) if initial_state is None else tuple(x.to(torch.float32).contiguous() for x in initial_state)
    sizes = sizes_of(q, k, v)
    features, values = (max(16, triton.next_power_of_2(width)) for width in (d, dv))
    values = values if interpreted else min(values, WIDEST)
    room = max(1, INTERPRETED_TILE // max(CHUNK**3, features * values)) if interpreted else 1
    paired = min(room, triton.next_power_of_2(sizes.pairs))
    with launching():
        linear_chunks[(triton.cdiv(sizes.pairs, paired), triton.cdiv(max(dv, 1), values))](
            matrix(q),
            matrix(k),
            matrix(v),
            None if gate is None else matrix(gate[..., None]),
            None if decay is None else line(decay),
            None if kv_lengths is None else Line(kv_lengths, kv_lengths.stride(0), 0),
            *first,
            out,
            state if return_state else None,
            normalizer if return_state else None,
            sizes,
            1.0 if scale is None else float(scale),
            CAUSAL=causal,
            NORMALIZE=normalize,
            MAP=MAPS[feature_map],
            BLOCK_P=paired,
            BLOCK_C=CHUNK,
            BLOCK_D=features,
            BLOCK_V=values,
        )
    return (out, (state, normalizer)) if return_state else out


def _check(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    feature_map: str,
    causal: bool,
    normalize: bool,
    decay: torch.Tensor | None,
    gate: torch.Tensor | None,
    initial_state: tuple[torch.Tensor, torch.Tensor] | None,
    kv_lengths: torch.Tensor | None,
) -> None:
    named = {"q": q, "k": k, "v": v, "decay": decay, "gate": gate}
    if initial_state is not None:
        named |= {"state": initial_state[0], "normalizer": initial_state[1]}
    given = {name: x for name, x in named.items() if x is not None}
    check_linear(
        {name: tuple(x.shape) for name, x in given.items()},
        (q.dtype, k.dtype, v.dtype),
        feature_map=feature_map,
        causal=causal,
        normalize=normalize,
        lengths=None if kv_lengths is None else kv_lengths.tolist(),
    )
    if feature_map not in MAPS or (gate is not None and gate.ndim == 4):
        raise ValueError(f"the kernel knows the maps {', '.join(MAPS)}, and gates of each step")
    if q.dtype not in DTYPES or max(q.shape[3], v.shape[3]) > LARGEST_WIDTH:
        raise ValueError(f"q is {q.dtype} with {q.shape[3]} features, v has {v.shape[3]}; a tile holds {LARGEST_WIDTH}")
    for name, x in given.items():
        if x.device.type != DEVICE:
            raise ValueError(f"{name} lies on {x.device}; kernels run on {DEVICE} here")
