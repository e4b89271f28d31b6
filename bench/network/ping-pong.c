/*
 * serve PORT: sends back what it gets. ask ADDRESS PORT COUNT one|each: the median of so many round trips of a byte in
 * microseconds, all by one connection or each by one of its own. Both look for the next byte all the time, so that no
 * sleeping and waking is measured; a server that nobody asks sleeps.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static void WaitFor(int fd, double since) {
  struct pollfd asked = {.fd = fd, .events = POLLIN};
  if (Now() - since > 20000) poll(&asked, 1, -1);
}

/* False at the end of the connection. */
static int Receive(int fd) {
  char byte;
  for (double since = Now();;) {
    const ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
    if (got >= 0) return got == 1;
    if (errno != EAGAIN) return 0;
    WaitFor(fd, since);
  }
}

static int Open(int port, const char* address, struct sockaddr_in* at) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  /* Nothing is left of a connection that is closed: ten thousands of them would use up all ports. */
  const struct linger gone = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
  *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (inet_pton(AF_INET, address, &at->sin_addr) != 1) Fail(address);
  return fd;
}

static void Serve(int port) {
  struct sockaddr_in at;
  const int fd = Open(port, "0.0.0.0", &at);
  if (bind(fd, (struct sockaddr*)&at, sizeof at) < 0 || listen(fd, 128) < 0) Fail("listen");
  for (double since = Now();; since = Now()) {
    int talk;
    while ((talk = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) < 0) WaitFor(fd, since);
    while (Receive(talk) && send(talk, "x", 1, MSG_NOSIGNAL) == 1) continue;
    close(talk);
  }
}

static int Connect(const char* address, int port) {
  struct sockaddr_in at;
  const int fd = Open(port, address, &at);
  if (connect(fd, (struct sockaddr*)&at, sizeof at) < 0) Fail("connect");
  return fd;
}

static int Compare(const void* a, const void* b) {
  const double difference = *(const double*)a - *(const double*)b;
  return (difference > 0) - (difference < 0);
}

static void Ask(const char* address, int port, int count, int one) {
  double* times = calloc((size_t)count, sizeof *times);
  int fd = one ? Connect(address, port) : -1;
  for (int i = 0; i < count; i += 1) {
    const double begin = Now();
    if (!one) fd = Connect(address, port);
    if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || !Receive(fd)) Fail("ask");
    times[i] = Now() - begin;
    if (!one) close(fd);
  }
  qsort(times, (size_t)count, sizeof *times, Compare);
  printf("%.3f\n", times[count / 2]);
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) Serve(atoi(argv[2]));
  if (argc == 6) Ask(argv[2], atoi(argv[3]), atoi(argv[4]), strcmp(argv[5], "one") == 0);
  return 0;
}
