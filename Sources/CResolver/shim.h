// What the system has and Swift's module of its C library leaves out: the resolver's other records, and whether the
// clock is kept right.
#pragma once
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <netdb.h>
#include <resolv.h>
#ifdef __linux__
#include <sys/timex.h>
#endif

// The answer to a query for TXT records as it came (RFC 1035 §4.1); less than 0 means none. Waits for three seconds a
// name server, and asks each once.
static inline int nm_query_txt(const char *name, unsigned char *answer, int size) {
#ifdef __GLIBC__
  if (res_init() != 0) return -1;
  _res.retrans = 3;
  _res.retry = 1;
#endif
  return res_query(name, ns_c_in, ns_t_txt, answer, size);
}

// What the resolver said when there was no answer: 1 no such name, 4 no such record, others no word from any server.
static inline int nm_query_error(void) { return h_errno; }

// 1 where the system's clock is kept right by NTP or the like, 0 where it is not, -1 where the system does not tell.
static inline int nm_clock_is_kept(void) {
#ifdef __linux__
  struct timex state = {0};
  int result = adjtimex(&state);
  if (result < 0) return -1;
  return (result == TIME_ERROR || (state.status & STA_UNSYNC)) ? 0 : 1;
#else
  return -1;
#endif
}
