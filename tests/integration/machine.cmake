# What the machine does to the hub: kills it, starves it, fills its disk, turns its clock.
busd_integration_test(machine_kill_test machine_kill_test.cpp LIBS busd_consumer CASES calm flood)
busd_integration_test(machine_log_test machine_log_test.cpp CASES disk limit)
