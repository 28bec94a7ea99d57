# find_package(qlinear CONFIG) gives qlinear::qlinear.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/qlinear")
set(installed_targets qlinear)
if(QLINEAR_DEVICE STREQUAL "emulated")
  list(APPEND installed_targets qlinear_emulated_device)
  set_target_properties(qlinear_emulated_device PROPERTIES EXPORT_NAME emulated_device)
endif()

install(TARGETS ${installed_targets} EXPORT qlinear-targets)
install(DIRECTORY include/qlinear TYPE INCLUDE)
install(
  EXPORT qlinear-targets
  NAMESPACE qlinear::
  DESTINATION "${package_dir}")

configure_package_config_file(cmake/qlinear-config.cmake.in qlinear-config.cmake
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(qlinear-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/qlinear-cuda.cmake "${CMAKE_CURRENT_BINARY_DIR}/qlinear-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/qlinear-config-version.cmake"
        DESTINATION "${package_dir}")
