"""lucidrains/x-transformers: its class Attend, held to the laws of attention.

    pip install x-transformers
    attnspec run examples/third_party/lucidrains_x_transformers.py

`attend` computes the scores itself, `attend-flash` hands them to PyTorch's scaled_dot_product_attention; both are asked of as
many key heads as query heads. `attend-grouped` is the first with fewer. Causality is declared to start from the bottom-right
corner, as the class's own mask has it, and a row that sees no key to be zero, as it has it where a mask is given.
"""

import torch
from x_transformers.attend import Attend

import attnspec

COMMON = {
    "arrays": "torch",
    "dtypes": ["float32"],
    "conventions": {"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "propagates"},
}


def refuses(p):
    if not (p.sq and p.sk):
        return "the library takes at least one query and one key"
    return None if p.hq == p.hkv else "fewer key heads than query heads are asked of x-transformers/attend-grouped"


def refuses_ungrouped(p):
    return "as many key heads as query heads are asked of x-transformers/attend" if p.hq == p.hkv else None


def whole(x, q, k):
    """A mask or a bias of any shape, over all batch entries, heads, queries and keys."""
    return None if x is None else x.expand(q.shape[0], q.shape[1], q.shape[2], k.shape[2])


@attnspec.implementation(name="x-transformers/attend", supports=refuses, **COMMON)
def attend(q, k, v, *, scale=None, causal=False, mask=None, bias=None, softcap=None, sinks=None):
    capped = {} if softcap is None else {"softclamp_logits": True, "logit_softclamp_value": softcap}
    made = Attend(causal=causal, scale=scale, heads=q.shape[1], head_learned_sink=sinks is not None, **capped)
    if sinks is not None:
        made.head_attn_sink = torch.nn.Parameter(sinks)
    return made(q, k, v, mask=whole(mask, q, k), attn_bias=whole(bias, q, k))[0].detach()


@attnspec.implementation(name="x-transformers/attend-grouped", supports=refuses_ungrouped, **COMMON)
def attend_grouped(q, k, v, *, scale=None, mask=None):
    return Attend(scale=scale, heads=q.shape[1])(q, k, v, mask=whole(mask, q, k))[0].detach()


@attnspec.implementation(name="x-transformers/attend-flash", supports=refuses, **COMMON)
def attend_flash(q, k, v, *, scale=None, causal=False, mask=None, bias=None):
    made = Attend(causal=causal, scale=scale, flash=True)
    return made(q, k, v, mask=whole(mask, q, k), attn_bias=whole(bias, q, k))[0].detach()
