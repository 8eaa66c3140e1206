# Who listens to what a source publishes.
busd_integration_test(interest_test interest_test.cpp LIBS busd_consumer CASES raw sdk)
