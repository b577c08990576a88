"""The implementations that come with the kit: a name, the module that declares it, and what must be installed for it.

Listing them must import no framework and no adapter, so the table says what the modules would say.
A test imports every module and holds the table to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

__all__ = ["SHIPPED", "Shipped", "describe", "families", "shipped"]


@dataclass(frozen=True)
class Shipped:
    """One row: the implementation `name` is declared by adapters.`module`.

    needs: packages that it imports. extra: the extra of attnspec that installs them. about: one line for `attnspec list`.
    """

    name: str
    module: str
    about: str
    needs: tuple[str, ...] = ()
    extra: str = ""

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]

    def missing(self) -> list[str]:
        """Packages that it needs and that are not installed. Imports none of them."""
        return [package for package in self.needs if find_spec(package) is None]

    def unavailable(self) -> str | None:
        """None where it can run, else a sentence that says what to install."""
        missing = self.missing()
        if not missing:
            return None
        verb = "is" if len(missing) == 1 else "are"
        return f"{' and '.join(missing)} {verb} not installed; pip install 'attnspec[{self.extra}]'"


def _torch(name: str, module: str, about: str) -> Shipped:
    return Shipped(f"torch/{name}", f"torch.{module}", about, needs=("torch",), extra="torch")


def _triton(name: str, module: str, about: str) -> Shipped:
    return Shipped(f"triton/{name}", f"triton.{module}", about, needs=("triton", "torch"), extra="triton")


def _jax(name: str, module: str, about: str) -> Shipped:
    return Shipped(f"jax/{name}", f"jax.{module}", about, needs=("jax",), extra="jax")


SHIPPED: dict[str, Shipped] = {
    row.name: row
    for row in (
        Shipped("numpy/naive", "numpy.naive", "Scores, softmax, weights times V, with the whole score matrix in memory."),
        Shipped("numpy/flash", "numpy.flash", "Tiled online softmax, one pass over the keys."),
        Shipped("numpy/flash-fp8", "numpy.flash_fp8", "The same for float8 inputs with descales; weights are rounded to e4m3."),
        Shipped("numpy/block-sparse", "numpy.block_sparse", "Sparse attention that touches only the blocks that are kept."),
        Shipped("numpy/linear-recurrent", "numpy.linear_recurrent", "Linear attention step by step, with a state."),
        Shipped("numpy/linear-chunked", "numpy.linear_chunked", "Linear attention in chunks of 16 steps."),
        Shipped("numpy/linear-parallel", "numpy.linear_chunked", "Linear attention with a matrix of all pairs."),
        Shipped("numpy/random-features", "numpy.random_features", "Positive random features (FAVOR+), in chunks of 16 keys."),
        _torch("sdpa-math", "sdpa", "scaled_dot_product_attention, forced to the math backend."),
        _torch("sdpa-flash", "sdpa", "scaled_dot_product_attention, forced to the flash backend."),
        _torch("flex-attention", "flex", "flex_attention with mask_mod and score_mod, not compiled."),
        _torch("flex-sparse", "flex_sparse", "flex_attention with a BlockMask for sparse patterns, not compiled."),
        _torch("linear-recurrent", "linear_recurrent", "Linear attention step by step, in plain PyTorch."),
        _torch("linear-chunked", "linear", "Linear attention in chunks of 16 steps, in plain PyTorch."),
        _torch("linear-parallel", "linear", "Linear attention with a matrix of all pairs, in plain PyTorch."),
        _torch("random-features", "random_features", "Positive random features (FAVOR+), in plain PyTorch."),
        _torch("multihead", "multihead", "nn.MultiheadAttention with identity projections and its weights."),
        _jax("dot-product-attention", "dot_product", "jax.nn.dot_product_attention, its XLA implementation."),
        _jax("naive-jit", "naive", "The textbook line by line in jax.numpy, compiled."),
        _jax("flash-scan", "scan", "Online softmax over blocks of keys with lax.scan, compiled."),
        _jax("block-sparse", "block_sparse", "A loop over the tiles of keys that a sparse pattern keeps, compiled."),
        _jax("linear-scan", "linear_scan", "Linear attention by an associative scan over the steps, compiled."),
        _jax("linear-chunked", "linear_chunked", "Linear attention in chunks of 16 steps with lax.scan, compiled."),
        _jax("linear-parallel", "linear_chunked", "Linear attention with a matrix of all pairs, compiled."),
        _jax("random-features", "random_features", "Positive random features (FAVOR+), compiled."),
        _jax("pallas-gpu-mha", "pallas_gpu", "The Pallas kernel for GPUs that JAX ships, in interpret mode."),
        _jax("pallas-tpu-flash", "pallas_tpu", "The Pallas kernel for TPUs that JAX ships, in interpret mode."),
        _triton("flash", "flash", "Flash attention of the kit's own: compiled on a GPU, else interpreted on the CPU."),
        _triton("split-kv", "flash", "Keys split among programs and merged, for decoding: as above."),
        _triton("block-sparse", "sparse", "Tiles of keys that a sparse pattern lists, and no others: as above."),
        _triton("linear-chunk", "linear", "Linear attention in chunks, the state in a tile: as above."),
    )
}


def shipped() -> list[str]:
    """Names of the shipped implementations, in the order of the table."""
    return list(SHIPPED)


def families() -> list[str]:
    """The parts of those names before the slash, each once."""
    return list(dict.fromkeys(row.family for row in SHIPPED.values()))


def describe() -> list[dict[str, object]]:
    """What `attnspec list` shows of each: name, family, about, available, and why it is not where it is not."""
    rows: list[dict[str, object]] = []
    for row in SHIPPED.values():
        reason = row.unavailable()
        rows.append(
            {"name": row.name, "family": row.family, "about": row.about, "available": reason is None, "reason": reason or ""}
        )
    return rows
