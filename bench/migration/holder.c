/* Holds memory, and writes to so much of it a second; tells of each time that it did not run for a while, whatever held it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* holder MIB BYTES_A_SECOND FILE */
int main(int argc, char **argv) {
  if (argc != 4) return 2;
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
    double time = now(), gap = time - last;
    if (gap > SHORT) tell(argv[3], time, gap);
    due += (gap > SHORT ? SHORT : gap) / 1e3 * rate;
    for (; due >= PAGE; due -= PAGE, at = (at + PAGE) % size) *(double *)(memory + at) = time;
    last = time;
  }
}
