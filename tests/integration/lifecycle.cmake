busd_integration_test(lifecycle_test lifecycle_test.cpp CASES start takeover rivals stop idle)
busd_integration_test(detach_test detach_test.cpp)
busd_integration_test(connection_test connection_test.cpp CASES limits halfclose deadline)
busd_integration_test(identity_test identity_test.cpp)
