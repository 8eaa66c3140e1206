busd_integration_test(framing_test framing_test.cpp CASES framing json)
busd_integration_test(conformance_test conformance_test.cpp CASES handshake routing scopes status)
busd_integration_test(load_test load_test.cpp CASES stopped flood crowd burst shared behind)
