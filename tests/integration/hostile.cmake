busd_integration_test(hostile_frames_test hostile_frames_test.cpp CASES pieces bytes depth numbers members log)
