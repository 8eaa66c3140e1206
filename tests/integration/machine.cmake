# What the machine does to the hub: kills it, starves it, fills its disk, turns its clock.
busd_integration_test(machine_kill_test machine_kill_test.cpp LIBS busd_consumer CASES calm flood)
busd_integration_test(machine_log_test machine_log_test.cpp CASES disk limit)
# Its wall clock is preloaded.
add_library(clock_jump MODULE clock_jump.c)
target_compile_options(clock_jump PRIVATE -Wall -Wextra -O1)
target_compile_definitions(clock_jump PRIVATE _GNU_SOURCE)
busd_integration_test(machine_clock_test machine_clock_test.cpp CASES handshake idle lock dedup)
target_compile_definitions(machine_clock_test PRIVATE BUSD_CLOCK_JUMP="$<TARGET_FILE:clock_jump>")
add_dependencies(machine_clock_test clock_jump)
busd_integration_test(machine_descriptors_test machine_descriptors_test.cpp CASES refuses uses)
busd_integration_test(machine_starved_test machine_starved_test.cpp CASES stopped busy)
