"""Mistakes that only a kernel with tiles can make: tiles, tails, running maxima."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size, tiles_down, tiles_up
from .. import softmax
from ..steps import STEPS
from ..tiled_head import TILED_STEPS, Head
from .making import textbook, tiled


@fault("tail-keys-dropped")
def _tail_keys_dropped() -> Function:
    return tiled(visited=lambda start, stop, tile, head: range(start, stop - (stop - start) % tile, tile))


@fault("tail-keys-leak")
def _tail_keys_leak() -> Function:
    return tiled(tail=lambda columns, stop: columns < tiles_up(stop))


@fault("tail-repeats-last-key")
def _tail_repeats_last_key() -> Function:
    wrong = tiled(tail=lambda columns, stop: columns < tiles_up(stop), load=_last_again)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        lengths, sk = options.get("kv_lengths"), k.shape[2]
        if lengths is None or not sk:
            return wrong(q, k, v, **options)
        last = np.minimum(np.arange(sk), np.maximum(np.asarray(lengths), 1)[:, None] - 1)
        k, v = (np.take_along_axis(x, last[:, None, :, None], axis=2) for x in (k, v))
        for name in ("mask", "bias"):
            if options.get(name) is not None:
                x = options[name]
                whole = np.broadcast_to(x, (q.shape[0], *np.broadcast_shapes(x.shape, (1, 1, 1, sk))[1:]))
                options[name] = np.take_along_axis(whole, last[:, None, None], axis=3)
        if options.get("kv_segments") is not None:
            options["kv_segments"] = np.take_along_axis(options["kv_segments"], last, axis=1)
        return wrong(q, k, v, **options)

    return attend


def _last_again(array: Array, columns: Array) -> Array:
    """Rows of K or V for a tile; past the end the last one, as a load from an index that is kept in range gives."""
    return array[np.minimum(columns, len(array) - 1)]


@fault("tile-visited-twice")
def _tile_visited_twice() -> Function:
    def visited(start: int, stop: int, tile: int, head: Head) -> list[int]:
        tiles = list(TILED_STEPS.visited(start, stop, tile, head))
        return tiles + tiles[-1:]

    return tiled(visited=visited)


@fault("diagonal-tile-skipped")
def _diagonal_tile_skipped() -> Function:
    def visited(start: int, stop: int, tile: int, head: Head) -> Iterator[int]:
        last = max(head.end, default=0)
        return (begin for begin in TILED_STEPS.visited(start, stop, tile, head) if begin + tile <= last)

    right, wrong = textbook(), tiled(visited=visited)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return (wrong if options.get("causal") else right)(q, k, v, **options)

    return attend


@fault("accumulator-not-rescaled")
def _accumulator_not_rescaled() -> Function:
    return tiled(rescale_accumulator=lambda old, new: 1.0)


@fault("row-sum-not-rescaled")
def _row_sum_not_rescaled() -> Function:
    return tiled(rescale_row_sum=lambda old, new: 1.0)


@fault("maximum-of-first-tile")
def _maximum_of_first_tile() -> Function:
    return tiled(
        running_max=lambda old, new: np.where(np.isneginf(old), new, old),
        odds=lambda scores, top: np.minimum(TILED_STEPS.odds(scores, top), 1.0),
    )


@fault("maximum-reset-each-tile")
def _maximum_reset_each_tile() -> Function:
    def at_most_one(old: Array, new: Array) -> Array:
        factor: Array = np.minimum(np.exp(old - new), 1.0)
        return factor

    return tiled(running_max=lambda old, new: new, rescale_accumulator=at_most_one, rescale_row_sum=at_most_one)


@fault("first-tile-hidden-gives-nan")
def _first_tile_hidden_gives_nan() -> Function:
    return tiled(odds=lambda scores, top: np.exp(scores - top))


@fault("lse-forgets-maximum")
def _lse_forgets_maximum() -> Function:
    return textbook(logsumexp=lambda shift, total: np.log(total))


@fault("tail-queries-repeat")
def _tail_queries_repeat() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        rows = np.arange(q.shape[2])
        whole = tiles_down(len(rows))
        rows[whole:] -= tile_size() if whole else 0
        assert answer.weights is not None
        return Answer(answer.out[:, :, rows], answer.lse[:, :, rows], answer.weights[:, :, rows])

    return attend


@fault("softmax-over-queries")
def _softmax_over_queries() -> Function:
    def shift(scores: Array, sinks: Array) -> Array:
        largest = scores.max(axis=(-1, -2), keepdims=True, initial=-np.inf)
        return np.where(largest == -np.inf, 0.0, largest)

    def normalize(numerators: Array, total: Array) -> Array:
        column = numerators.sum(axis=-2, keepdims=True)
        weights: Array = np.divide(numerators, column, out=np.zeros_like(numerators), where=column != 0)
        return weights

    return textbook(shift=shift, normalize=normalize)


@fault("tail-reads-next-head")
def _tail_reads_next_head() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        sk = k.shape[2]
        more = min(-sk % tile_size(), sk)
        k, v = (np.concatenate([x, np.roll(x, -1, axis=1)[:, :, :more]], axis=2) for x in (k, v))
        for name in ("mask", "bias", "kv_segments"):
            table = options.get(name)
            if table is not None and table.shape[-1] == sk and sk > 1:
                options[name] = np.concatenate([table, np.repeat(table[..., -1:], more, axis=-1)], axis=-1)
        placed = textbook(offset=lambda corner, sq, lengths: STEPS.offset(corner, sq, np.minimum(lengths, sk)))
        answer = placed(q, k, v, **options)
        return answer._replace(weights=None if answer.weights is None else answer.weights[..., :sk])

    return attend


@fault("keys-cut-at-query-count")
def _keys_cut_at_query_count() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return textbook(lengths=lambda j, length: (j < length) & (j < q.shape[2]))(q, k, v, **options)

    return attend


@fault("middle-tiles-skipped")
def _middle_tiles_skipped() -> Function:
    def visited(start: int, stop: int, tile: int, head: Head) -> list[int]:
        tiles = list(TILED_STEPS.visited(start, stop, tile, head))
        return tiles if len(tiles) < 4 else tiles[:2] + tiles[-1:]

    return tiled(visited=visited)


@fault("causal-loop-past-keys")
def _causal_loop_past_keys() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        sk = k.shape[2]
        wrong = tiled(
            visited=lambda start, stop, tile, head: range(start, max(head.end, default=0), tile),
            tail=lambda columns, stop: (columns < stop) | (columns >= sk),
        )
        return (wrong if options.get("causal") and sk else right)(q, k, v, **options)

    return attend


@fault("accumulator-carries-over-rows")
def _accumulator_carries_over_rows() -> Function:
    return textbook(mix=lambda weights, v, visible: np.cumsum(softmax.mix(weights, v, visible), axis=-2))
