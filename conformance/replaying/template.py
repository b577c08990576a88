"""@TITLE@

This script needs NumPy (and ml_dtypes for bfloat16 and float8), and what the implementation itself needs. It calls the
implementation as the kit did when the law failed, and compares what comes with what may come.

    python @FILE@ [ADDRESS]

ADDRESS (file.py:name or package.module:name) is another place to find the implementation.
Exit code 0: fixed. 1: still fails. 3: the answers are others than they were, but these calls alone do not show what is right.
"""

import base64
import importlib
import importlib.util
import io
import json
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np

GAP = 3
"""Elements that nobody may read, between rows and around an array."""

ADDRESS = "@ADDRESS@"
DATA = """
@DATA@
"""


def main() -> int:
    about, arrays = unpack()
    function = find(sys.argv[1] if len(sys.argv) > 1 else ADDRESS)
    print(about["law"], "of", about["implementation"], "in", about["dtype"])
    print("  law      ", about["statement"])
    print("  equation ", about["equation"])
    print("  found    ", about["found"])
    wrong, same = False, True
    for number, call in enumerate(about["calls"]):
        bad, equal = again(number, call, arrays, function, about)
        wrong, same = wrong or bad, same and equal
    if about["decisive"]:
        print("STILL FAILS" if wrong else "FIXED")
        return 1 if wrong else 0
    if same:
        print("STILL FAILS: every answer is what it was when the law failed")
        return 1
    print(f"CHANGED: the answers are others now; whether the law holds says: attnspec replay '{about['case']}' {ADDRESS}")
    return 3


def unpack() -> tuple[dict[str, Any], dict[str, Any]]:
    """What was recorded: a description, and the arrays by name."""
    stored = np.load(io.BytesIO(zlib.decompress(base64.b85decode("".join(DATA.split())))))
    about = json.loads(bytes(stored["about"]).decode())
    return about, {name: typed(stored[name], dtype) for name, dtype in about["dtypes"].items()}


def typed(bits: Any, dtype: str) -> Any:
    if dtype in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        import ml_dtypes

        return bits.view(getattr(ml_dtypes, dtype))
    return bits


def again(number: int, call: dict[str, Any], arrays: dict[str, Any], function: Any, about: dict[str, Any]) -> tuple[bool, bool]:
    """Make one call again. Whether it shows a mistake, and whether the answer has the bits that it had."""
    plain = {**about, "layout": "bhsd"}
    given = [
        deliver(arrays[f"{number}.{name}"], call["memory"], about if name in call["laid_out"] else plain)
        for name in call["arguments"]
    ]
    memory = call["memory"] if call["memory"] in ("sliced", "transposed") else "contiguous"

    def given_as(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(given_as(each) for each in value)
        return deliver(arrays[value[1:]], memory, plain) if str(value).startswith("@") else value

    options = {name: given_as(value) for name, value in call["options"].items()}

    def ask() -> Any:
        if "dout" in call:
            dout = deliver(arrays[f"{number}.dout"], "contiguous", about)
            return differentiate(function, given, options, dout, about)
        return function(*given, **options)

    if not call["gave"]:
        try:
            ask()
        except Exception as error:
            print(f"  call {number}: raises {type(error).__name__}: {error}")
            return True, True
        print(f"  call {number}: raises nothing any more (it was: {call['raised']})")
        return False, False
    result = ask()
    parts = flat(result)
    wrong, same = False, True
    for name, part in zip(call["gave"], parts, strict=False):
        came = receive(part, about, laid_out=name in call["laid_out"] or "dout" in call)
        same = same and came.tobytes() == arrays[f"{number}.gave.{name}"].tobytes()
        if f"{number}.low.{name}" in arrays:
            wrong = compare(number, name, came, arrays) or wrong
    return wrong, same


def flat(result: Any) -> list[Any]:
    """The arrays of a result in order, those of a state too."""
    return [part for each in result for part in flat(each)] if isinstance(result, tuple | list) else [result]


def differentiate(function: Any, given: list[Any], options: dict[str, Any], dout: Any, about: dict[str, Any]) -> Any:
    """dq, dk and dv, by the implementation's own backward pass or by its framework."""
    if about["backward"]:
        place, _, name = about["backward"].rpartition(":")
        home = sys.modules.get(function.__module__) if not place else importlib.import_module(place)
        return getattr(home, name)(dout, *given, **options)
    if about["arrays"] == "torch":
        import torch

        leaves = [x.detach().requires_grad_() for x in given]
        found = torch.autograd.grad(function(*leaves, **options), leaves, dout, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
    import jax

    _, pull = jax.vjp(lambda *x: function(*x, **options), *given)
    return pull(dout)


def compare(number: int, name: str, came: Any, arrays: dict[str, Any]) -> bool:
    """Print the worst entry that is outside of what is right, and say whether there is one."""
    x, low, high = (np.asarray(y, np.float64) for y in (came, arrays[f"{number}.low.{name}"], arrays[f"{number}.high.{name}"]))
    right = ((x >= low) & (x <= high)) | (np.isnan(x) & np.isnan(low)) | (np.isneginf(low) & np.isposinf(high))
    right |= np.isnan(low) != np.isnan(high)
    if right.all():
        return False
    with np.errstate(invalid="ignore"):
        far = np.where(right, -1.0, np.nan_to_num(np.maximum(low - x, x - high), nan=np.inf, posinf=np.inf))
    at = np.unravel_index(int(np.argmax(far)), x.shape)
    print(f"  call {number}: {(~right).sum()} of {x.size} entries of {name} are wrong")
    print(f"    at {[int(i) for i in at]}: {x[at]:.9g}, where {low[at]:.9g} to {high[at]:.9g} is right")
    return True


def deliver(array: Any, memory: str, about: dict[str, Any]) -> Any:
    """An array in the memory, layout and framework that the implementation wants."""
    if array.ndim == 4 and about["layout"] == "bshd":
        array = array.transpose(0, 2, 1, 3)
    return convert(place(array, memory), about)


def place(array: Any, memory: str) -> Any:
    """A copy that lies in memory as the kit laid it, NaN (or another filler) in what nobody may read."""
    shape = array.shape
    if memory == "sliced" and array.ndim:
        placed = filled((*shape[:-1], shape[-1] + GAP), array.dtype)[..., : shape[-1]]
    elif memory == "offset":
        placed = filled((array.size + 2 * GAP,), array.dtype)[GAP : GAP + array.size].reshape(shape)
    elif memory == "transposed" and array.ndim >= 2:
        axes = (1, 2) if array.ndim == 4 else (array.ndim - 2, array.ndim - 1)
        placed = filled(array.swapaxes(*axes).shape, array.dtype).swapaxes(*axes)
    elif memory == "expanded" and array.ndim and all(entry.tobytes() == array[0].tobytes() for entry in array):
        return np.broadcast_to(array[:1].copy(), shape)
    else:
        placed = filled(shape, array.dtype)
    placed[...] = array
    return placed


def filled(shape: tuple[int, ...], dtype: Any) -> Any:
    kind = dtype.kind
    return np.full(shape, True if kind == "b" else np.iinfo(dtype).max if kind in "iu" else np.nan, dtype)


def convert(placed: Any, about: dict[str, Any]) -> Any:
    """A NumPy array in the framework that the implementation wants."""
    kind = about["arrays"]
    if kind == "torch":
        import torch

        name, width = str(placed.dtype), placed.dtype.itemsize
        if name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
            bits = torch.from_numpy(placed.view({1: np.uint8, 2: np.int16}[width]))
            return bits.view(getattr(torch, name))
        return torch.from_numpy(placed)
    if kind == "jax":
        import jax.numpy as jnp

        return jnp.array(placed)
    return placed


def receive(x: Any, about: dict[str, Any], laid_out: bool) -> Any:
    """A result in NumPy and the order of the spec."""
    if about["arrays"] == "torch":
        import torch

        x = x.detach().cpu().contiguous()
        if x.dtype == torch.bfloat16:
            x = typed(x.view(torch.int16).numpy(), "bfloat16")
        else:
            x = x.numpy()
    x = np.asarray(x)
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3)) if laid_out and about["layout"] == "bshd" and x.ndim == 4 else x


def find(address: str) -> Any:
    """The function at an address. A module that imports attnspec for its decorator loads without attnspec, too."""
    place, _, name = address.rpartition(":")
    registered = stand_in()
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location("under_test", Path(place).resolve())
        if spec is None or spec.loader is None:
            sys.exit(f"{place} is no Python file")
        sys.path.append(str(Path(place).resolve().parent))
        module = importlib.util.module_from_spec(spec)
        sys.modules["under_test"] = module
        spec.loader.exec_module(module)
    elif place:
        sys.path.insert(0, ".")
        module = importlib.import_module(place)
    else:
        from attnspec.adapters.finding import find as shipped

        found = shipped(address)
        if len(found) != 1:
            names = ", ".join(each.name for each in found)
            sys.exit(f"{address} is {len(found)} implementations, {names}; say which, as {address}:name")
        return found[0].function
    if hasattr(module, name):
        return getattr(module, name)
    if name in registered:
        return registered[name]
    from attnspec.adapters.contract import REGISTRY

    return REGISTRY[name].function


def stand_in() -> dict[str, Any]:
    """Where attnspec is not installed, a module of that name whose decorator keeps functions by name."""
    kept: dict[str, Any] = {}
    if importlib.util.find_spec("attnspec") is None:

        def implementation(*_: Any, name: str | None = None, **__: Any) -> Any:
            def keep(function: Any) -> Any:
                kept[name or function.__name__] = function
                return function

            return keep

        module = types.ModuleType("attnspec")
        module.implementation = implementation  # type: ignore[attr-defined]
        sys.modules["attnspec"] = module
    return kept


if __name__ == "__main__":
    sys.exit(main())
