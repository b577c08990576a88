"""How the arrays of a problem cross into a framework and back, bit for bit.

The kit computes with NumPy (ml_dtypes for bfloat16 and float8) and an implementation with its own arrays, so every call
crosses twice. The crossing may not round, may not share memory with the problem, and must show afterwards whether an input
was altered, in its gaps too. A framework is imported only when an implementation that uses it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .contract import ARRAYS, LAYOUTS, ContractError, Implementation
from .memory import Placement, place

__all__ = ["Arrays", "NoGradient", "arrays_for", "check_device", "layout_back", "layout_to"]

FOREIGN = {name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
"""Dtypes that NumPy has from ml_dtypes. PyTorch has them by the same names."""


Function = Callable[..., Any]


class NoGradient(Exception):
    """The framework cannot differentiate a function. The text says why."""


class Arrays(Protocol):
    """One kind of array: how it is made, read back and watched."""

    def to_framework(
        self, array: NDArray[Any], *, memory: str = "contiguous", layout: str | None = None, device: str | None = None
    ) -> Any:
        """A framework array with the values of `array`, which it never shares memory with.

        array: a dtype of the contract, bool or int32; (B, H, S, D) where `layout` is given.
        memory: how it lies, one of memory.MEMORIES. layout: "bhsd", "bshd", or None for what is not q, k or v.
        Raises ValueError for an unknown memory or layout, and for "expanded" where the batch entries differ.
        """
        ...

    def placed(self, placement: Placement, device: str | None = None) -> Any:
        """A framework array of what lies in a placement; it shares memory with that where `shares` says so."""
        ...

    def shares(self, device: str | None) -> bool:
        """Whether arrays on a device lie in the memory of the placement that they were made of."""
        ...

    def from_framework(self, x: Any, what: str = "the output") -> NDArray[Any]:
        """A NumPy copy of a framework array, in the same dtype, detached from any gradient graph.

        Raises ContractError where x is not an array of this framework; `what` names x in the message.
        """
        ...

    def snapshot(self, x: Any) -> bytes:
        """Every byte of the memory behind x, gaps included. Two snapshots differ iff something was written."""
        ...

    def compilations(self) -> int:
        """How many programs the framework has compiled in this process since it was first asked; 0 where it does not count."""
        ...

    def gradients(self, function: Function, arguments: list[Any], options: dict[str, Any], dout: Any) -> list[Any]:
        """The gradients of sum(dout · function(*arguments, **options)) in each argument, by the framework's differentiation.

        dout has the shape and dtype of the output. An argument that the output does not depend on has a gradient of zeros.
        Raises NoGradient where the framework sees no way from the output to any argument.
        """
        ...


class NumpyArrays:
    """NumPy arrays, with ml_dtypes for bfloat16 and float8."""

    def to_framework(
        self, array: NDArray[Any], *, memory: str = "contiguous", layout: str | None = None, device: str | None = None
    ) -> NDArray[Any]:
        return self.placed(place(layout_to(array, layout), memory), device)

    def placed(self, placement: Placement, device: str | None = None) -> NDArray[Any]:
        if device not in (None, "cpu"):
            raise ContractError(f"arrays='numpy' lives on the cpu, not on device {device!r}; leave device away")
        return placement.view()

    def shares(self, device: str | None) -> bool:
        return True

    def from_framework(self, x: Any, what: str = "the output") -> NDArray[Any]:
        if not isinstance(x, np.ndarray):
            raise _not_an_array(what, x, "numpy.ndarray", "numpy")
        if x.dtype.kind not in "fbiuV" or (x.dtype.kind == "V" and x.dtype not in FOREIGN.values()):
            raise ContractError(f"{what} has dtype {x.dtype}, which is no number the contract knows")
        return np.array(x, copy=True, subok=False)

    def snapshot(self, x: NDArray[Any]) -> bytes:
        base: Any = x
        while isinstance(base.base, np.ndarray):
            base = base.base
        return bytes(base.tobytes())

    def compilations(self) -> int:
        return 0

    def gradients(self, function: Function, arguments: list[Any], options: dict[str, Any], dout: Any) -> list[Any]:
        raise NoGradient("NumPy does not differentiate; give backward=, a function(dout, q, k, v, **options)")


class TorchArrays:
    """PyTorch tensors. bfloat16 and float8 cross as the integers that hold their bits."""

    def to_framework(
        self, array: NDArray[Any], *, memory: str = "contiguous", layout: str | None = None, device: str | None = None
    ) -> Any:
        return self.placed(place(layout_to(array, layout), memory), device)

    def placed(self, placement: Placement, device: str | None = None) -> Any:
        import torch

        buffer = placement.buffer
        if buffer.dtype.name in FOREIGN:
            flat = torch.from_numpy(buffer.view(_bits(buffer.dtype))).view(getattr(torch, buffer.dtype.name))
        else:
            flat = torch.from_numpy(buffer)
        return flat.to(device or "cpu").as_strided(placement.shape, placement.strides, placement.offset)

    def shares(self, device: str | None) -> bool:
        return device in (None, "cpu")

    def from_framework(self, x: Any, what: str = "the output") -> NDArray[Any]:
        import torch

        if not isinstance(x, torch.Tensor):
            raise _not_an_array(what, x, "torch.Tensor", "torch")
        if x.layout != torch.strided or x.is_quantized:
            raise ContractError(f"{what} is a {x.layout} tensor of dtype {x.dtype}; return a dense one")
        dense = x.detach().resolve_conj().resolve_neg().to("cpu").contiguous()
        name = str(dense.dtype).removeprefix("torch.")
        if name in FOREIGN:
            bits = torch.int16 if dense.dtype.itemsize == 2 else torch.uint8
            return np.array(dense.view(bits).numpy(), copy=True).view(FOREIGN[name])
        return np.array(dense.numpy(), copy=True)

    def snapshot(self, x: Any) -> bytes:
        import torch

        storage = x.detach().untyped_storage()
        flat = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
        return bytes(flat.cpu().numpy().tobytes())

    def compilations(self) -> int:
        return 0

    def gradients(self, function: Function, arguments: list[Any], options: dict[str, Any], dout: Any) -> list[Any]:
        import torch

        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in arguments]
            out = function(*leaves, **options)
            if not isinstance(out, torch.Tensor):
                raise _not_an_array("the output", out, "torch.Tensor", "torch")
            if not out.requires_grad:
                raise NoGradient("PyTorch records no way from its output back to q, k and v")
            found = torch.autograd.grad(out, leaves, dout, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(arguments, found, strict=True)]


class JaxArrays:
    """JAX arrays. They have neither strides nor a way to be written to, so `memory` is only checked."""

    def to_framework(
        self, array: NDArray[Any], *, memory: str = "contiguous", layout: str | None = None, device: str | None = None
    ) -> Any:
        return self.placed(place(layout_to(array, layout), memory), device)

    def placed(self, placement: Placement, device: str | None = None) -> Any:
        import jax

        values = np.array(placement.view(), order="C")
        # jax.numpy.array would compile its copy, once for each shape.
        moved = jax.device_put(values, jax.devices(device)[0] if device else None, may_alias=False)
        if moved.dtype != values.dtype:
            raise ContractError(f"JAX would turn {values.dtype} into {moved.dtype}; set jax_enable_x64 or give another dtype")
        return moved

    def shares(self, device: str | None) -> bool:
        return False

    def from_framework(self, x: Any, what: str = "the output") -> NDArray[Any]:
        import jax

        if not isinstance(x, jax.Array):
            raise _not_an_array(what, x, "jax.Array", "jax")
        if isinstance(x, jax.core.Tracer):
            raise ContractError(f"{what} is a tracer that outlived its jax transformation; return it from the traced function")
        return np.array(x, copy=True)

    def snapshot(self, x: Any) -> bytes:
        return bytes(np.asarray(x).tobytes())

    def compilations(self) -> int:
        return len(_compilations())

    def gradients(self, function: Function, arguments: list[Any], options: dict[str, Any], dout: Any) -> list[Any]:
        import jax

        _, pull = jax.vjp(lambda *given: function(*given, **options), *arguments)
        return list(pull(dout))


KINDS: dict[str, type[NumpyArrays] | type[TorchArrays] | type[JaxArrays]] = {
    "numpy": NumpyArrays,
    "torch": TorchArrays,
    "jax": JaxArrays,
}


def arrays_for(kind: str) -> Arrays:
    """The crossing for one of contract.ARRAYS. Raises ContractError for another kind. Imports no framework."""
    if kind not in KINDS:
        raise ContractError(f"unknown arrays {kind!r}; known: {', '.join(ARRAYS)}")
    return KINDS[kind]()


def check_device(made: Implementation) -> None:
    """A device that is not there is found before anything runs, whatever its framework raises. Raises ContractError."""
    if made.device in (None, "cpu"):
        return
    try:
        arrays_for(made.arrays).to_framework(np.zeros(1, np.float32), device=made.device)
    except Exception as error:
        said = str(error).strip().partition("\n")[0]
        raise ContractError(
            f"{made.name} cannot use the device {made.device!r}: {said}; name another with --device or remove it"
        ) from None


@cache
def _compilations() -> list[float]:
    """Seconds of each program that XLA made or took from its cache, from now on.

    Source: https://docs.jax.dev/en/latest/jax.monitoring.html
    """
    import jax.monitoring

    seconds: list[float] = []

    def listen(event: str, duration: float, **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seconds.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return seconds


def _bits(dtype: np.dtype[Any]) -> type[np.generic]:
    """The integers of the same width."""
    return np.int16 if dtype.itemsize == 2 else np.uint8


def layout_to(array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """A (B, H, S, D) array in the order of a layout, as a view. None leaves it as it is.

    Raises ValueError for an unknown layout, or where a layout is given for an array that is not 4-D.
    """
    if layout is None:
        return array
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r}; known: {', '.join(LAYOUTS)}")
    if array.ndim != 4:
        raise ValueError(f"layout {layout!r} is for arrays (B, H, S, D), not for shape {array.shape}; give layout=None")
    return array.transpose(0, 2, 1, 3) if layout == "bshd" else array


def layout_back(out: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """An output in a layout as (B, H, S, D), as a view. The swap is its own inverse. Raises as `layout_to` does."""
    return layout_to(out, layout)


def _not_an_array(what: str, x: Any, wanted: str, kind: str) -> ContractError:
    got = f"{type(x).__module__}.{type(x).__qualname__}"
    return ContractError(f"{what} is a {got}, not a {wanted}; return {wanted}, or declare other arrays than {kind!r}")
