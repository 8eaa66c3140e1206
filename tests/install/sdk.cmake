# The headers by each compiler that is here, and the SDK in a tree that was installed and then moved.
find_program(BUSD_TEST_GCC g++)
find_program(BUSD_TEST_CLANG NAMES clang++-14 clang++)
foreach(compiler gcc clang)
  string(TOUPPER ${compiler} name)
  if(BUSD_TEST_${name})
    add_test(NAME install.headers_${compiler}
      COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/headers.sh ${BUSD_TEST_${name}} ${PROJECT_SOURCE_DIR}/consumer/include)
  else()
    message(STATUS "No ${compiler}: the public headers are not tried with it")
  endif()
endforeach()

if(BUSD_SANITIZE)
  return()
endif()

set(tree ${CMAKE_CURRENT_BINARY_DIR}/tree)
add_test(NAME install.tree
  COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/tree.sh ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
          ${CMAKE_COMMAND} ${CMAKE_BINARY_DIR} ${PROJECT_SOURCE_DIR} ${tree} ${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_DOCDIR})
set_tests_properties(install.tree PROPERTIES FIXTURES_SETUP installed_tree TIMEOUT 75)
add_test(NAME install.pkg_config
  COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/pkg_config.sh ${tree}/bin ${tree} ${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_DOCDIR}
          ${CMAKE_C_COMPILER} ${CMAKE_CXX_COMPILER})
add_test(NAME install.find_package
  COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/find_package.sh ${tree}/bin ${tree} ${CMAKE_COMMAND} ${CMAKE_GENERATOR}
          ${CMAKE_C_COMPILER} ${CMAKE_CXX_COMPILER} ${CMAKE_INSTALL_DOCDIR})
set_tests_properties(install.pkg_config install.find_package PROPERTIES FIXTURES_REQUIRED installed_tree TIMEOUT 75)
