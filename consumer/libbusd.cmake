# libbusd as it is installed: libbusd.so and libbusd.a, both of the objects of busd_consumer, and both with the symbols that
# libbusd.map names and no other.
set(map ${CMAKE_CURRENT_SOURCE_DIR}/libbusd.map)

add_library(busd_shared SHARED $<TARGET_OBJECTS:busd_consumer>)
target_link_libraries(busd_shared PRIVATE busd_protocol ${CMAKE_DL_LIBS})
target_link_options(busd_shared PRIVATE LINKER:--version-script=${map} LINKER:-z,defs)
set_target_properties(busd_shared PROPERTIES
  OUTPUT_NAME busd VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} EXPORT_NAME consumer
  LINKER_LANGUAGE CXX LINK_DEPENDS ${map} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# The archive holds one object, whose C++ symbols are local: a program with a RapidJSON of its own, of another version or with
# other switches, would otherwise share inline functions with ours. COMDAT groups are dissolved, because the linker would take
# a user's group for the same as one of ours by its name alone, and drop ours together with the local symbols in it.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${map})
file(STRINGS ${map} exported REGEX "busd_[a-z_]+;")
list(TRANSFORM exported REPLACE ".*(busd_[a-z_]+);.*" "\\1")
list(JOIN exported "\n" exported)
file(CONFIGURE OUTPUT libbusd.symbols CONTENT "@exported@\n" @ONLY)

set(whole ${CMAKE_CURRENT_BINARY_DIR}/libbusd${CMAKE_CXX_OUTPUT_EXTENSION})
add_custom_command(OUTPUT ${whole}
  COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${whole}.global $<TARGET_OBJECTS:busd_consumer>
          $<TARGET_FILE:busd_protocol> $<TARGET_FILE:busd_scan> $<TARGET_FILE:busd_base>
  # What g++ marks as unique in the process, the static data of inline functions, can be made local once it is weak.
  COMMAND ${CMAKE_OBJCOPY} --wildcard --weaken-symbol=_Z* ${whole}.global
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${CMAKE_CURRENT_BINARY_DIR}/libbusd.symbols ${whole}.global ${whole}
  DEPENDS busd_consumer busd_protocol busd_scan busd_base ${CMAKE_CURRENT_BINARY_DIR}/libbusd.symbols
  COMMENT "Making one object of libbusd"
  COMMAND_EXPAND_LISTS VERBATIM)
add_library(busd_static STATIC ${whole})
set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
# For whoever links it, C: a program in C needs no C++ compiler, only the C++ runtime.
set_target_properties(busd_static PROPERTIES
  OUTPUT_NAME busd EXPORT_NAME consumer_static LINKER_LANGUAGE C ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
target_link_libraries(busd_static INTERFACE stdc++ ${CMAKE_DL_LIBS})

foreach(library busd_shared busd_static)
  target_include_directories(${library} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# Two export sets, for packagers who leave the archive out.
install(TARGETS busd_shared EXPORT busd-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(TARGETS busd_static EXPORT busd-static-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY include/busd DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
