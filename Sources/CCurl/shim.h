// libcurl as Swift sees it. Only Transports imports this.
// Swift cannot call C's variadic functions: each option type has one typed wrapper here.
#pragma once
#include <curl/curl.h>

static inline CURLcode nm_setopt_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode nm_setopt_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode nm_setopt_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*nm_data_callback)(char *data, size_t size, size_t count, void *context);
static inline CURLcode nm_setopt_data_callback(CURL *handle, CURLoption option, nm_data_callback callback) {
  return curl_easy_setopt(handle, option, callback);
}
static inline CURLcode nm_setopt_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
// Called when the connection stands and the request is about to be written; 0 lets it go on.
typedef int (*nm_prereq_callback)(void *context, char *remote, char *local, int remote_port, int local_port);
static inline CURLcode nm_setopt_prereq_callback(CURL *handle, nm_prereq_callback callback) {
  return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, callback);
}
typedef int (*nm_seek_callback)(void *context, curl_off_t offset, int origin);
static inline CURLcode nm_setopt_seek_callback(CURL *handle, nm_seek_callback callback) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, callback);
}
static inline CURLcode nm_getinfo_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode nm_getinfo_socket(CURL *handle, CURLINFO info, curl_socket_t *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode nm_getinfo_pointer(CURL *handle, CURLINFO info, void *value) {
  return curl_easy_getinfo(handle, info, (char **)value);
}
static inline CURLMcode nm_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
// A CURLMsg holds a union that Swift reads poorly: the result of a finished transfer.
static inline CURLcode nm_message_result(const CURLMsg *message) { return message->data.result; }

// The socket interface of a multi handle: libcurl tells which sockets and which timer it waits for.
typedef int (*nm_socket_callback)(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context);
static inline CURLMcode nm_multi_setopt_socket_callback(CURLM *multi, nm_socket_callback callback) {
  return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, callback);
}
typedef int (*nm_timer_callback)(CURLM *multi, long milliseconds, void *context);
static inline CURLMcode nm_multi_setopt_timer_callback(CURLM *multi, nm_timer_callback callback) {
  return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, callback);
}
static inline CURLMcode nm_multi_setopt_pointer(CURLM *multi, CURLMoption option, void *value) {
  return curl_multi_setopt(multi, option, value);
}
// The certificates of CURLOPT_CERTINFO; null where there are none.
static inline const struct curl_certinfo *nm_certinfo(CURL *handle) {
  struct curl_certinfo *info = NULL;
  return curl_easy_getinfo(handle, CURLINFO_CERTINFO, &info) == CURLE_OK ? info : NULL;
}
