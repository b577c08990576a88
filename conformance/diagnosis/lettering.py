"""Letters of 5 by 7 dots, so that a PNG can say what it shows where nothing but NumPy is installed.

A drawing library would be the larger part of an installation, for a dozen words; and a picture without words is not understood.
Each letter is seven rows from the top, five bits a row, the left dot first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT", "STEP", "lettered"]

HEIGHT, STEP = 7, 6
"""Dots: the height of a letter; from one letter to the next."""

_ROWS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202",
    "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c",
    "a": "00000e010f110f", "b": "1010161911111e", "c": "00000e1010110e", "d": "01010d1311110f", "e": "00000e111f100e",
    "f": "0609081c080808", "g": "000f11110f010e", "h": "10101619111111", "i": "04000c0404040e", "j": "0200060202120c",
    "k": "10101214181412", "l": "0c04040404040e", "m": "00001a15151111", "n": "00001619111111", "o": "00000e1111110e",
    "p": "00001e111e1010", "q": "00000d130f0101", "r": "00001619101010", "s": "00000e100e011e", "t": "08081c08080906",
    "u": "0000111111130d", "v": "00001111110a04", "w": "0000111115150a", "x": "0000110a040a11", "y": "000011110f010e",
    "z": "00001f0204081f", "N": "11111915131111", ".": "00000000000c0c", ",": "000000000c0408", ":": "000c0c000c0c00",
    "-": "0000001f000000", "+": "0004041f040400", " ": "00000000000000",
}  # fmt: skip


def lettered(words: str) -> NDArray[np.bool_]:
    """Where ink is, bool (HEIGHT, STEP·letters). Raises KeyError for a letter that is not among those of the pictures."""
    dots = np.zeros((HEIGHT, STEP * len(words)), dtype=bool)
    for n, letter in enumerate(words):
        for row, bits in enumerate(bytes.fromhex(_ROWS[letter])):
            dots[row, STEP * n : STEP * n + 5] = [bits >> (4 - dot) & 1 for dot in range(5)]
    return dots
