"""The LinearAttention operator of ONNX (opset 27) in onnx's own reference evaluator, held to the laws of linear attention.

    pip install onnx
    attnspec run examples/third_party/onnx_linear_attention.py

The operator is causal, has no feature map and no normaliser, and returns a state without one. A scale of 0 means 1/sqrt(d) to
it, so the scale of 1 that is the default here is passed. Log gates stand in the order (batch, step, head) there. It computes
in float32.
"""

import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import attnspec

PLAIN = {"name": "half", "stored_weights": None}
OF_DTYPE = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def refuses(p):
    if not p.options.get("causal"):
        return "the operator is causal"
    return None if p.sk else "the operator takes at least one step"


@attnspec.implementation(
    "linear_attention",
    name="onnx/linear-attention",
    dtypes=["float32", "float16"],
    arithmetic={"float32": {"name": "fp32", "n_pre": 0}, "float16": PLAIN},
    claims=["deterministic"],
    supports=refuses,
)
def attend(q, k, v, *, causal=False, scale=1.0, gate=None, beta=None, initial_state=None):
    heads, dtype = q.shape[1], OF_DTYPE[q.dtype.name]
    rule = {(False, False): "linear", (True, False): "gated", (False, True): "delta", (True, True): "gated_delta"}
    given = {"query": packed(q), "key": packed(k), "value": packed(v)}
    if initial_state is not None:
        given["past_state"] = initial_state[0].copy()
    if gate is not None:
        given["decay"] = packed(gate if gate.ndim == 4 else gate[..., None])
    if beta is not None:
        given["beta"] = packed(beta[..., None])
    order = ("query", "key", "value", "past_state", "decay", "beta")
    node = helper.make_node(
        "LinearAttention",
        [name if name in given else "" for name in order],
        ["output", "present_state"],
        q_num_heads=heads,
        kv_num_heads=heads,
        scale=float(scale),
        update_rule=rule[gate is not None, beta is not None],
    )
    typed = {name: dtype if name in ("query", "key", "value") else TensorProto.FLOAT for name in given}
    graph = helper.make_graph(
        [node],
        "one_call",
        [helper.make_tensor_value_info(name, typed[name], list(x.shape)) for name, x in given.items()],
        [helper.make_tensor_value_info("output", dtype, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 27)])
    (out,) = ReferenceEvaluator(model).run(["output"], given)
    return np.ascontiguousarray(out.reshape(*out.shape[:2], heads, -1).transpose(0, 2, 1, 3))


def packed(x):
    """(B, H, S, D) as (B, S, H·D)."""
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1))
