"""Mistakes about block masks: whose mask it is, its rows and columns, the last block, empty rows, the diagonal, the memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...attention import softmax
from ...attention.faults.making import textbook
from ...faults.making import Answer, Array, Function, fault
from ..definition import SPARSE_STEPS, blocks
from .patterns import definition, kept_of, masked_by, sparse


@fault("block-mask-transposed")
def _block_mask_transposed() -> Function:
    def turned(mask: Array, size: int, sq: int, sk: int) -> Array:
        return blocks(mask.swapaxes(-1, -2).reshape(mask.shape), size, sq, sk)

    return sparse(blocks=turned)


@fault("block-mask-ignored")
def _block_mask_ignored() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        alone = not any(options.get(name) for name in ("causal", "window", "dilation"))
        return right(q, k, v, **{**options, **({"block_mask": None, "block_size": None} if alone else {})})

    return attend


@fault("block-mask-of-first-head")
def _block_mask_of_first_head() -> Function:
    return sparse(blocks=lambda mask, size, sq, sk: blocks(mask[:, :1], size, sq, sk))


@fault("block-mask-by-key-head")
def _block_mask_by_key_head() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        of_head = np.arange(q.shape[1]) // (q.shape[1] // k.shape[1]) if k.shape[1] else []

        def read(mask: Array, size: int, sq: int, sk: int) -> Array:
            return blocks(mask if mask.shape[1] == 1 else mask[:, of_head], size, sq, sk)

        return sparse(blocks=read)(q, k, v, **options)

    return attend


@fault("block-mask-of-first-entry")
def _block_mask_of_first_entry() -> Function:
    return sparse(blocks=lambda mask, size, sq, sk: blocks(mask[:1], size, sq, sk))


@fault("block-rows-as-many-as-columns")
def _block_rows_as_many_as_columns() -> Function:
    def read(mask: Array, size: int, sq: int, sk: int) -> Array:
        exists = np.arange(mask.shape[-2])[:, None] < mask.shape[-1]
        return blocks(mask & exists, size, sq, sk)

    return sparse(blocks=read)


@fault("empty-block-row-takes-next")
def _empty_block_row_takes_next() -> Function:
    def read(mask: Array, size: int, sq: int, sk: int) -> Array:
        filled = mask.copy()
        for row in reversed(range(mask.shape[-2] - 1)):
            empty = ~filled[..., row, :].any(-1, keepdims=True)
            filled[..., row, :] = np.where(empty, filled[..., row + 1, :], filled[..., row, :])
        return blocks(filled, size, sq, sk)

    return sparse(blocks=read)


@fault("empty-block-rows-move-the-rest")
def _empty_block_rows_move_the_rest() -> Function:
    def read(mask: Array, size: int, sq: int, sk: int) -> Array:
        order = np.argsort(~mask.any(-1), axis=-1, kind="stable")  # the rows that keep a block come first
        return blocks(np.take_along_axis(mask, order[..., None], axis=-2), size, sq, sk)

    return sparse(blocks=read)


@fault("empty-block-rows-give-mean")
def _empty_block_rows_give_mean() -> Function:
    return sparse(textbook(empty_row=lambda v, convention: softmax.empty_row(v, "mean")))


@fault("last-block-dropped")
def _last_block_dropped() -> Function:
    def read(mask: Array, size: int, sq: int, sk: int) -> Array:
        return np.asarray(blocks(mask, size, sq, sk) & (np.arange(sk) < sk // size * size))

    return sparse(blocks=read)


@fault("last-block-padding-counts")
def _last_block_padding_counts() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        size, mask = options.get("block_size"), options.get("block_mask")
        kept = kept_of(q, k, options)
        if mask is not None and size is not None and k.shape[2] % size:
            padding = -k.shape[2] % size
            k, v = (np.concatenate([x, np.zeros_like(x, shape=(*x.shape[:2], padding, x.shape[3]))], axis=2) for x in (k, v))
            last = mask[..., np.arange(q.shape[2]) // size, -1:]
            kept = np.broadcast_to(kept, np.broadcast_shapes(kept.shape, (*last.shape[:3], 1)))
            kept = np.concatenate([kept, np.broadcast_to(last, (*kept.shape[:3], padding))], axis=-1)
        return masked_by(textbook(), q, k, v, kept, options)

    return attend


@fault("diagonal-block-counted-twice")
def _diagonal_block_counted_twice() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        kept, size = kept_of(q, k, options), options.get("block_size")
        if size is not None and options.get("causal"):
            own = np.arange(q.shape[2])[:, None] // size == np.arange(k.shape[2]) // size
            kept = np.concatenate([kept, kept & own], axis=-1)
            k, v = np.concatenate([k, k], axis=2), np.concatenate([v, v], axis=2)
        return masked_by(textbook(), q, k, v, kept, options)

    return attend


@fault("causal-adds-own-block")
def _causal_adds_own_block() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        def read(mask: Array, size: int, sq: int, sk: int) -> Array:
            own = np.arange(sq)[:, None] // size == np.arange(sk) // size
            return np.asarray(blocks(mask, size, sq, sk) | (own & bool(options.get("causal"))))

        return sparse(blocks=read)(q, k, v, **options)

    return attend


@fault("diagonal-block-not-causal")
def _diagonal_block_not_causal() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        size = options.get("block_size") or 1
        return sparse(causal=lambda i, j: j // size <= i // size)(q, k, v, **options)

    return attend


@fault("skipped-blocks-move-positions")
def _skipped_blocks_move_positions() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask, size = options.get("block_mask"), options.get("block_size")
        if mask is None or size is None:
            return definition()(q, k, v, **options)
        columns = np.arange(k.shape[2])
        visit = (np.cumsum(mask, axis=-1) - 1).repeat(size, axis=-2)[:, :, : q.shape[2]]  # how many kept blocks came before
        at = visit[..., columns // size] * size + columns % size
        moved = {name: _at(at, getattr(SPARSE_STEPS, name)) for name in ("causal", "window", "dilated")}
        return sparse(**moved)(q, k, v, **options)

    return attend


def _at(position: Array, step: Any) -> Any:
    """A step that finds each key at another position."""
    return lambda i, j, *given: step(i, position, *given)


@fault("block-mask-drawn-anew")
def _block_mask_drawn_anew() -> Function:
    calls, right = [0], definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask = options.get("block_mask")
        if mask is not None:
            options = {**options, "block_mask": np.roll(mask, calls[0], axis=-1)}
            calls[0] += 1
        return right(q, k, v, **options)

    return attend


@fault("stale-block-mask")
def _stale_block_mask() -> Function:
    kept: dict[Any, Array] = {}
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask = options.get("block_mask")
        if mask is not None:
            options = {**options, "block_mask": kept.setdefault((mask.shape, q.shape, k.shape), mask.copy())}
        return right(q, k, v, **options)

    return attend
