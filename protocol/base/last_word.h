// The end of a program that can neither go on nor allocate: one line on stderr, and an exit code.
//
// A program that is short of memory and goes on all the same limps: some of its tables are updated and some
// are not. This one ends at once, and whoever needs it starts it again. Only programs ask for that, in
// main(); a library must not.
#pragma once

namespace bus {

// sysexits.h: EX_OSERR, what the operating system does not give.
inline constexpr int kExitNoMemory = 71;

// From here on every `new` that fails ends this program by end_without_memory(); std::bad_alloc is never
// thrown. `program` begins the line, and must stay.
void end_when_memory_is_out(const char* program) noexcept;

// Who waits at descriptor `fd` for a line is told too; -1: nobody any more.
void tell_last_word_to(int fd) noexcept;

// The line on stderr is an error in JSON from here on (error_report.h); whoever waits still gets the plain
// one.
void write_last_word_as_json() noexcept;

[[noreturn]] void end_at_once(const char* reason, int exit_code) noexcept;
[[noreturn]] void end_without_memory() noexcept;

}  // namespace bus
