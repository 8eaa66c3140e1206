# Consumers of one scope that end together, in every way there is: exactly one of them cleans up.
busd_integration_test(leaving_test leaving_test.cpp leaving_task_test.cpp LIBS busd_consumer
                      CASES raw sdk cli terminal timeout uncleaned task)
target_compile_definitions(leaving_test PRIVATE BUSD_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
add_dependencies(leaving_test bus-consume bus-publish)
