"""Where XLA keeps what it compiled, so that only the first run on a machine pays for a shape.

Compiling one shape takes longer than running every law on it, and a run starts in fresh processes.
A folder that the user chose, in JAX's configuration or in JAX_COMPILATION_CACHE_DIR, is left as it is.
"""

from __future__ import annotations

from pathlib import Path

import jax

from ..cache import cache_folder

__all__ = ["keep_compilations"]


def keep_compilations() -> Path:
    """Turn on JAX's persistent compilation cache, for compilations of any duration and size; returns its folder.

    The folder is jax in the kit's cache folder.
    Source: https://docs.jax.dev/en/latest/persistent_compilation_cache.html
    """
    chosen = jax.config.jax_compilation_cache_dir
    if chosen:
        return Path(chosen)
    folder = cache_folder() / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
