/* For LD_PRELOAD: a disk that is slow, hangs or is full, for the files of a store of values alone: those with ".values" in their
 * path. $SLOW_DISK_FILE holds a struct disk (values_support.h), which the test changes while the program runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct disk {
  int32_t delay_ms; /* of each call */
  int32_t hangs;    /* until it is 0 again */
  int32_t error;    /* of each write; 0: none */
  int32_t waiting;  /* calls that hang, counted here */
};

static struct disk* disk(void) {
  static struct disk* mapped;
  static int looked;
  if (looked) return mapped;
  const char* path = getenv("SLOW_DISK_FILE");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void* memory = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) abort();
  mapped = memory;
  looked = 1;
  return mapped;
}

static void sleep_ms(int32_t ms) {
  struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int is_of_store(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strstr(path, ".values") != NULL;
}

/* 0, or the error of the call. */
static int meet(int fd, int writes) {
  if (!is_of_store(fd)) return 0;
  struct disk* now = disk();
  int error = __atomic_load_n(&now->error, __ATOMIC_SEQ_CST);
  if (writes && error != 0) return error;
  int32_t delay = __atomic_load_n(&now->delay_ms, __ATOMIC_SEQ_CST);
  if (delay != 0) sleep_ms(delay);
  if (__atomic_load_n(&now->hangs, __ATOMIC_SEQ_CST) == 0) return 0;
  __atomic_add_fetch(&now->waiting, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&now->hangs, __ATOMIC_SEQ_CST) != 0) sleep_ms(1);
  return 0;
}

static ssize_t fail(int error) {
  errno = error;
  return -1;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  int error = meet(fd, 1);
  return error != 0 ? fail(error) : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  int error = meet(fd, 1);
  return error != 0 ? fail(error) : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  int error = meet(fd, 1);
  return error != 0 ? fail(error) : syscall(SYS_write, fd, bytes, size);
}

int fsync(int fd) {
  int error = meet(fd, 0);
  return error != 0 ? (int)fail(error) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  int error = meet(fd, 0);
  return error != 0 ? (int)fail(error) : (int)syscall(SYS_fdatasync, fd);
}
