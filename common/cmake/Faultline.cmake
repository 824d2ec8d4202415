# Project-wide compiler settings and the three functions every folder uses:
# faultline_library(), faultline_program() and faultline_tests().
option(FAULTLINE_TESTS "Build the tests" ON)
set(FAULTLINE_TEST_LAYERS unit property sim integration lab deploy fuzz load bench campaign tidy
  CACHE STRING "The folders of tests/ that are built")
option(FAULTLINE_UNITY "Compile sources that include the same heavy headers several at a time" ON)
set(FAULTLINE_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(FAULTLINE_CCACHE ccache)
if(FAULTLINE_CCACHE)
  # Without the sloppiness, a precompiled header could hold __TIME__ for all ccache knows, and nothing would be cached.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env "CCACHE_SLOPPINESS=pch_defines,time_macros" "${FAULTLINE_CCACHE}")
endif()
find_program(FAULTLINE_MOLD mold)
if(FAULTLINE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-g1)  # line tables are enough for a stack trace; full debug info doubles the link
endif()
set(FAULTLINE_TEST_PREFIX "")
if(FAULTLINE_SANITIZE)
  set(FAULTLINE_TEST_PREFIX "sanitized.")  # tests/run.sh runs both builds in one ctest
  add_compile_options(-fsanitize=${FAULTLINE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FAULTLINE_SANITIZE})
  if(FAULTLINE_SANITIZE MATCHES "thread")
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)  # TSan does not understand fences
    # With TSan only, GCC 12 sees them where there are none.
    add_compile_options(-Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)

# Parsing headers is most of what tests and shells take to compile: several sources share it. Names in their unnamed
# namespaces must differ, and a missing include may stay unseen: preset dev compiles each alone.
function(faultline_unity name)
  if(FAULTLINE_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    # A class of a source may hold what is in that source's unnamed namespace; GCC only sees that it is not the main file.
    target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# The level of optimization, which a library and its precompiled header must share.
function(faultline_level name pure)
  if(pure AND FAULTLINE_SANITIZE)
    target_compile_options(${name} PRIVATE -O1)
  endif()
endfunction()

# Gives a library the header of common/precompiled that fits its dependencies.
function(faultline_precompile name pure)
  faultline_level(${name} ${pure})
  set(header values)
  if(common_async IN_LIST ARGN OR common_zmq IN_LIST ARGN)
    set(header loops)
  elseif(nlohmann_json::nlohmann_json IN_LIST ARGN)
    set(header json)
  endif()
  if(pure AND FAULTLINE_SANITIZE)
    string(APPEND header _pure)
  endif()
  target_compile_options(${name} PRIVATE -fpch-preprocess)  # lets ccache see precompiled headers
  target_precompile_headers(${name} REUSE_FROM common_precompiled_${header})
endfunction()

# faultline_library(controller_plan PURE SRCS planner.cc DEPS common_model PRIVATE_DEPS fmt::fmt)
# One folder is one library. UNITY is for those whose headers cost more than their code. PURE declares that it has no I/O, clock or threads; tests/tidy checks it.
# DEPS are visible in the headers, PRIVATE_DEPS only in the sources.
function(faultline_library name)
  cmake_parse_arguments(ARG "PURE;UNITY" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(${name} STATIC ${ARG_SRCS})
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} fmt::fmt)
    faultline_precompile(${name} ${ARG_PURE} ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
    if(ARG_UNITY)
      faultline_unity(${name})
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} INTERFACE ${ARG_DEPS})
  endif()
  if(ARG_PURE)
    set_property(GLOBAL APPEND PROPERTY FAULTLINE_PURE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
endfunction()

# faultline_program(faultline-probe SRCS main.cc DEPS probe_app): an installed binary in build/<preset>/bin/.
function(faultline_program name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  install(TARGETS ${name})
endfunction()

# faultline_tests(unit controller_plan SRCS planner_test.cc DEPS controller_plan): one Catch2 program and
# one ctest entry, named layer.area. LABELS are the layer, so `ctest -L unit` runs a layer. Optional
# TIMEOUT (seconds, a guard against hangs and never an assertion). PARTS are tags of Catch2 whose test cases are ctest
# entries of their own, layer.area.tag, so that a long program uses more than one processor.
function(faultline_tests layer area)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;PARTS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 900)
  endif()
  set(target ${layer}_${area}_tests)
  add_executable(${target} ${ARG_SRCS})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} tests_catch_main)
  target_precompile_headers(${target} REUSE_FROM tests_precompiled)
  faultline_unity(${target})
  set(name ${FAULTLINE_TEST_PREFIX}${layer}.${area})
  set(names ${name})
  set(rest "")
  if(ARG_PARTS)
    set(rest "~[.]")  # a filter that only leaves out would run the hidden ones too
  endif()
  foreach(tag ${ARG_PARTS})
    add_test(NAME ${name}.${tag} COMMAND ${target} [${tag}])
    list(APPEND names ${name}.${tag})
    string(APPEND rest "~[${tag}]")
  endforeach()
  add_test(NAME ${name} COMMAND ${target} ${rest})
  set_tests_properties(${names} PROPERTIES
    LABELS ${layer} TIMEOUT ${ARG_TIMEOUT}
    SKIP_REGULAR_EXPRESSION "SKIPPED: ")
  foreach(test ${names})
    faultline_needs_build(${test})
  endforeach()
endfunction()

# tests/run.sh builds the sanitizer build while it already tests the other: its tests wait for that. Elsewhere, as in
# `ctest --test-dir build/asan`, nobody provides the fixture and it means nothing.
function(faultline_needs_build test)
  if(FAULTLINE_SANITIZE)
    set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED sanitizer_build)
  endif()
endfunction()

# The test has the machine to itself and is begun early, so that tests/run.sh's sanitizer build, which takes only what is
# left, is the one thing beside it.
function(faultline_needs_machine test)
  include(ProcessorCount)
  ProcessorCount(processors)
  math(EXPR all_but_one "${processors} + 1")  # of the slots that tests/run.sh gives
  set_tests_properties(${test} PROPERTIES PROCESSORS ${all_but_one} COST 5000)
endfunction()

# Adds the sub-folders that hold a CMakeLists.txt, in the order given (lowest layer first).
function(faultline_folders)
  foreach(folder ${ARGN})
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt")
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()
