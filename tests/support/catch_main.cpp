// main() of every test program.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <cstdlib>

int main(int argc, char** argv) {
  // No hub of a test stores among the values of whoever runs it; a test of the store names a directory of its own.
  setenv("XDG_STATE_HOME", "/dev/null", 1);
  return Catch::Session().run(argc, argv);
}
