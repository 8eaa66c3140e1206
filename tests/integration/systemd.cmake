# A hub under a service manager that the test plays: passed sockets, notifications, the watchdog.
busd_integration_test(systemd_test systemd_test.cpp CASES passed refused rival notify watchdog clients)
target_compile_definitions(systemd_test PRIVATE BUSD_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
add_dependencies(systemd_test bus-publish bus-status bus-stop)
