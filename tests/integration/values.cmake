# The store of values: what survives, for how long, and what goes on while it cannot be had.
add_library(slow_disk MODULE slow_disk.c)
target_compile_options(slow_disk PRIVATE -Wall -Wextra -O1)
target_compile_definitions(slow_disk PRIVATE _GNU_SOURCE)
# busd_values_test(NAME CASES …): with clocks and a disk that are preloaded.
function(busd_values_test name)
  busd_integration_test(${name} ${name}.cpp ${ARGN})
  target_compile_definitions(${name} PRIVATE BUSD_CLOCK_JUMP="$<TARGET_FILE:clock_jump>"
    BUSD_SLOW_DISK="$<TARGET_FILE:slow_disk>")
  add_dependencies(${name} clock_jump slow_disk)
endfunction()
busd_values_test(values_restart_test CASES restart kill resume place idle)
busd_values_test(values_time_test CASES sleep restart wall)
busd_values_test(values_trouble_test CASES place damage full removed)
busd_values_test(values_disk_test CASES hangs slow stop)
busd_values_test(values_crowd_test CASES snapshot connects owner lanes copy unread)
