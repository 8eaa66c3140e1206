# bus-sources beside a real hub, with real programs.
add_library(bus_sources_support STATIC bus_sources_support.cpp)
target_link_libraries(bus_sources_support PUBLIC busd_test_support busd_cli)
target_compile_definitions(bus_sources_support PUBLIC BUSD_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
busd_integration_test(bus_sources_run_test bus_sources_run_test.cpp LIBS bus_sources_support busd_consumer
  CASES demand lines restart stop torture)
busd_integration_test(bus_sources_hub_test bus_sources_hub_test.cpp LIBS bus_sources_support busd_consumer
  CASES hub tasks program directory)
busd_integration_test(bus_sources_traps_test bus_sources_traps_test.cpp LIBS bus_sources_support busd_consumer
  CASES left lines requests many kills)
busd_integration_test(bus_sources_keeper_test bus_sources_keeper_test.cpp LIBS bus_sources_support busd_consumer)
busd_integration_test(bus_sources_machine_test bus_sources_machine_test.cpp LIBS bus_sources_support busd_consumer
  busd_sources CASES clock buffers logs limits users)
target_compile_definitions(bus_sources_machine_test PRIVATE BUSD_CLOCK_JUMP="$<TARGET_FILE:clock_jump>")
add_dependencies(bus_sources_machine_test clock_jump)
foreach(test bus_sources_keeper_test bus_sources_machine_test bus_sources_run_test bus_sources_hub_test
        bus_sources_traps_test)
  add_dependencies(${test} bus-sources source-trampoline busd)
endforeach()
add_dependencies(bus_sources_hub_test example-squares)
