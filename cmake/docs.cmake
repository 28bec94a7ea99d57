# `docs`: the API reference of include/qlinear, where Doxygen is installed. A warning is an error: each
# one is a name or a parameter that a docstring gets wrong.

find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  return()
endif()

set(QLINEAR_DOCS_DIRECTORY "${PROJECT_BINARY_DIR}/docs")
configure_file("${CMAKE_CURRENT_LIST_DIR}/Doxyfile.in" "${QLINEAR_DOCS_DIRECTORY}/Doxyfile" @ONLY)
add_custom_target(
  docs
  COMMAND Doxygen::doxygen "${QLINEAR_DOCS_DIRECTORY}/Doxyfile"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  COMMENT "API reference in ${QLINEAR_DOCS_DIRECTORY}/html"
  VERBATIM)
