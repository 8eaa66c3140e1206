# The processes of supervised sources.
busd_integration_test(sources_process_test sources_process_test.cpp LIBS busd_sources CASES start finds)
busd_integration_test(sources_end_test sources_end_test.cpp LIBS busd_sources CASES end use)
busd_integration_test(sources_leftovers_test sources_leftovers_test.cpp LIBS busd_sources CASES told next random)
busd_integration_test(sources_torture_test sources_torture_test.cpp LIBS busd_sources CASES tree cgroup reap)
foreach(test process end leftovers torture)
  add_dependencies(sources_${test}_test source-trampoline)
endforeach()
