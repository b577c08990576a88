"""What adapters of sparse attention check of a pattern before they compute. Each message names the option and the fix."""

from __future__ import annotations

__all__ = ["check_pattern"]


def check_pattern(
    sizes: tuple[int, int, int, int],
    dilation: int | None,
    global_tokens: int | None,
    block_shape: tuple[int, ...] | None,
    block_size: int | None,
    top_k: int | None = None,
) -> None:
    """Raise ValueError unless the options fit scores of `sizes` (B, Hq, Sq, Sk). block_shape: of the block mask."""
    b, hq, sq, sk = sizes
    counts = (
        ("dilation", dilation, 1),
        ("global_tokens", global_tokens, 0),
        ("block_size", block_size, 1),
        ("top_k", top_k, 1),
    )
    for name, given, least in counts:
        if given is not None and given < least:
            raise ValueError(f"{name} is {given}; it must be at least {least}")
    if (block_shape is None) != (block_size is None):
        raise ValueError("block_mask and block_size come together; give both")
    if block_shape is not None and block_size is not None:
        due = (-(-sq // block_size), -(-sk // block_size))
        if (
            len(block_shape) != 4
            or tuple(block_shape[2:]) != due
            or block_shape[0] not in (1, b)
            or block_shape[1] not in (1, hq)
        ):
            raise ValueError(f"block_mask has shape {tuple(block_shape)}; it must be ({b} or 1, {hq} or 1, {due[0]}, {due[1]})")
