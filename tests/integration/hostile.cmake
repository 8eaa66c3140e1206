busd_integration_test(hostile_frames_test hostile_frames_test.cpp CASES pieces bytes depth numbers members log)
busd_integration_test(hostile_clients_test hostile_clients_test.cpp CASES deadline vanish crowd flood locks)
busd_integration_test(users_test users_test.cpp CASES users swapped)
