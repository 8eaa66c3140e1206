busd_fuzz_target(cli_fuzz cli_fuzz.cpp LIBS busd_cli)
foreach(program call consume publish status stop)
  add_library(cli_fuzz_${program} OBJECT cli_program.cpp)
  target_compile_definitions(cli_fuzz_${program} PRIVATE
    BUSD_CLI_SOURCE="consumer/cli/bus_${program}.cpp" BUSD_CLI_TAKES=${program}_takes
    BUSD_CLI_MAIN=unused_${program}_main)
  target_link_libraries(cli_fuzz_${program} PRIVATE busd_cli)
  target_link_libraries(cli_fuzz PRIVATE cli_fuzz_${program})
endforeach()
