// What Swift has no words for: glibc's malloc settings, and asking for memory before it is read.
#include <malloc.h>

// Blocks from `bytes` on come from the kernel and go back to it as soon as they are free (mallopt(3)); with at most
// `arenas` heaps beside one another.
static inline int nightmail_return_blocks(int bytes, int arenas) {
  return mallopt(M_MMAP_THRESHOLD, bytes) && mallopt(M_ARENA_MAX, arenas);
}

// Gives back to the kernel what is free between blocks that are in use (malloc_trim(3)).
static inline void nightmail_return_free(void) { malloc_trim(0); }

// Brings a line of the cache near without waiting for it. Any address will do: one that cannot be read is passed over.
static inline void nightmail_prefetch(const void *_Nullable address) { __builtin_prefetch(address); }
