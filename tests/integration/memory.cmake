busd_integration_test(memory_test memory_test.cpp CASES siege vitals usage)
