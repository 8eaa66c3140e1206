busd_integration_test(shutdown_test shutdown_test.cpp LIBS busd_consumer CASES stuck handshake flood lock start demand)
