# The SDK against the real hub, and against one that follows a script.
busd_integration_test(sdk_test sdk_test.cpp LIBS busd_consumer CASES consumer hooks)
busd_integration_test(sdk_connection_test sdk_connection_test.cpp LIBS busd_consumer CASES waiting reconnect)
busd_integration_test(sdk_source_test sdk_source_test.cpp LIBS busd_consumer CASES publish pressure break)
busd_integration_test(sdk_hub_test sdk_hub_test.cpp LIBS busd_consumer CASES start control)
busd_integration_test(sdk_scripted_test sdk_scripted_test.cpp LIBS busd_consumer CASES refused answers)
busd_integration_test(examples_test examples_test.cpp CASES c cpp libevent shell)
target_compile_definitions(examples_test PRIVATE
  BUSD_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
  BUSD_EXAMPLES_DIR="${PROJECT_SOURCE_DIR}/consumer/examples")
add_dependencies(examples_test
  example-minimal-c example-minimal-cpp example-in-libevent example-clock-source bus-publish)
