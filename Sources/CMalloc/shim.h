// glibc's malloc settings, which Swift's own module for the C library leaves out.
#include <malloc.h>

// Blocks from `bytes` on come from the kernel and go back to it as soon as they are free (mallopt(3)); with at most
// `arenas` heaps beside one another.
static inline int nightmail_return_blocks(int bytes, int arenas) {
  return mallopt(M_MMAP_THRESHOLD, bytes) && mallopt(M_ARENA_MAX, arenas);
}
