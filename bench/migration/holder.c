/* Holds memory, and writes to so much of it a second; tells of each time that it did not run for a while, whatever held it. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define PAGE 4096
/* Milliseconds that are no more than a busy machine. */
#define SHORT 10

/* The clock of the host: a container's own goes on where it was. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void tell(const char *path, double at, double gap) {
  FILE *file = fopen(path, "a");
  if (!file) exit(1);
  fprintf(file, "%.1f %.1f\n", at, gap);
  fclose(file);
}

static int listen_at(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1)) exit(1);
  return listener;
}

/* A byte for whoever is connected. */
static void say(int listener, int *client) {
  int on = 1;
  if (*client >= 0) {
    send(*client, "", 1, MSG_NOSIGNAL);
    return;
  }
  *client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (*client >= 0) setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* holder MIB BYTES_A_SECOND FILE [PORT] */
int main(int argc, char **argv) {
  if (argc != 4 && argc != 5) return 2;
  int listener = argc == 5 ? listen_at(atoi(argv[4])) : -1, client = -1;
  size_t size = strtoul(argv[1], NULL, 10) << 20, at = 0;
  double rate = strtod(argv[2], NULL), due = 0;
  char *memory = malloc(size);
  uint64_t seed = 88172645463325252u;
  /* Half of each page is of what does not compress. */
  for (size_t i = 0; i < size; i += 8) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    *(uint64_t *)(memory + i) = i % PAGE < PAGE / 2 ? seed : 0;
  }
  double last = now();
  tell(argv[3], last, 0);
  for (;;) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
    if (listener >= 0) say(listener, &client);
    double time = now(), gap = time - last;
    if (gap > SHORT) tell(argv[3], time, gap);
    due += (gap > SHORT ? SHORT : gap) / 1e3 * rate;
    for (; due >= PAGE; due -= PAGE, at = (at + PAGE) % size) *(double *)(memory + at) = time;
    last = time;
  }
}
