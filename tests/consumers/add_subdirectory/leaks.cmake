# What of this directory a subproject could change without being asked.

# snapshot_directory(<prefix>): <prefix>_<name> for every variable and directory property below, and
# <prefix>_cache, the names of the cache's entries.
macro(snapshot_directory prefix)
  set(watched_variables
      BUILD_SHARED_LIBS
      CMAKE_BUILD_TYPE
      CMAKE_CUDA_ARCHITECTURES
      CMAKE_CUDA_FLAGS
      CMAKE_CUDA_STANDARD
      CMAKE_CXX_FLAGS
      CMAKE_CXX_STANDARD
      CMAKE_CXX_VISIBILITY_PRESET
      CMAKE_EXE_LINKER_FLAGS
      CMAKE_MODULE_PATH
      CMAKE_POSITION_INDEPENDENT_CODE)
  set(watched_properties COMPILE_DEFINITIONS COMPILE_OPTIONS INCLUDE_DIRECTORIES LINK_LIBRARIES
                         LINK_OPTIONS TESTS)
  foreach(name IN LISTS watched_variables)
    set(${prefix}_${name} "${${name}}")
  endforeach()
  foreach(name IN LISTS watched_properties)
    get_directory_property(${prefix}_${name} ${name})
  endforeach()
  get_cmake_property(${prefix}_cache CACHE_VARIABLES)
endmacro()

function(check_for_leaks)
  foreach(name IN LISTS watched_variables watched_properties)
    if(NOT "${before_${name}}" STREQUAL "${after_${name}}")
      message(SEND_ERROR "${name} changed from '${before_${name}}' to '${after_${name}}'")
    endif()
  endforeach()

  # Besides its own, entries of the packages that it finds and of the language that it enables.
  set(expected "^(QLINEAR_|qlinear_|CUDAToolkit_|CUDA_|fmt_|nlohmann_json_|Threads_|CMAKE_HAVE_|FIND_PACKAGE_)")
  string(APPEND expected "|^CMAKE_CUDA_(COMPILER|FLAGS|HOST_COMPILER|AR|RANLIB)|^CMAKE_(INSTALL|PROJECT)_")
  list(REMOVE_ITEM after_cache ${before_cache})
  list(FILTER after_cache EXCLUDE REGEX "${expected}")
  if(after_cache)
    message(SEND_ERROR "The cache gained ${after_cache}")
  endif()

  get_directory_property(tests DIRECTORY "${QLINEAR_SOURCE_DIR}" TESTS)
  if(tests OR QLINEAR_BUILD_TESTS OR QLINEAR_INSTALL)
    message(SEND_ERROR "Tests or install rules are on in a subproject: '${tests}'")
  endif()
  foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_LINK_OPTIONS)
    get_target_property(value qlinear ${property})
    if(value)
      message(SEND_ERROR "qlinear's ${property} is '${value}'")
    endif()
  endforeach()
endfunction()
