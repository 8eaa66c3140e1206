busd_fuzz_target(options_fuzz options_fuzz.cpp LIBS busd_hub)
busd_fuzz_target(config_fuzz config_fuzz.cpp LIBS busd_hub)
