# find_package(qlinear CONFIG) gives qlinear::qlinear, and qlinear::checkpoint where that was built;
# pkg-config knows qlinear and qlinear-checkpoint.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/qlinear")
set(installed_targets qlinear)
if(QLINEAR_DEVICE STREQUAL "emulated")
  list(APPEND installed_targets qlinear_emulated_device)
  set_target_properties(qlinear_emulated_device PROPERTIES EXPORT_NAME emulated_device)
endif()

if(QLINEAR_BUILD_CHECKPOINT)
  list(APPEND installed_targets qlinear_checkpoint)
  # It finds the library beside it.
  set_target_properties(qlinear_checkpoint PROPERTIES INSTALL_RPATH "$ORIGIN")
endif()

if(BUILD_SHARED_LIBS AND QLINEAR_DEVICE STREQUAL "emulated")
  # The library finds the emulated device beside it.
  set_property(TARGET qlinear APPEND PROPERTY INSTALL_RPATH "$ORIGIN")
endif()
install(TARGETS ${installed_targets} EXPORT qlinear-targets)
if(QLINEAR_BUILD_CHECKPOINT)
  install(DIRECTORY include/qlinear TYPE INCLUDE)
else()
  install(
    DIRECTORY include/qlinear
    TYPE INCLUDE
    PATTERN checkpoint EXCLUDE)
endif()
install(FILES LICENSE TYPE DOC)
install(
  EXPORT qlinear-targets
  NAMESPACE qlinear::
  DESTINATION "${package_dir}")

# Programs use the CUDA runtime themselves, so what the library links is theirs to link, shared or not.
if(QLINEAR_DEVICE STREQUAL "emulated")
  set(pc_libs " -lqlinear_emulated_device")
elseif(QLINEAR_CUDA_RUNTIME STREQUAL "Static")
  set(pc_libs " -L\${cuda_libdir} -lcudart_static -lpthread -ldl -lrt")
else()
  set(pc_libs " -L\${cuda_libdir} -lcudart")
endif()
if(BUILD_SHARED_LIBS)
  set(pc_definitions " -DQLINEAR_SHARED")
endif()
if(QLINEAR_DEVICE STREQUAL "emulated")
  set(pc_cuda_includedir "${qlinear_headers}")
else()
  list(JOIN CUDAToolkit_INCLUDE_DIRS " -I" pc_cuda_includedir)
endif()
set(pc_cuda_libdir "${CUDAToolkit_LIBRARY_DIR}")
file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file(cmake/qlinear.pc.in qlinear.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/qlinear.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(QLINEAR_BUILD_CHECKPOINT)
  configure_file(cmake/qlinear-checkpoint.pc.in qlinear-checkpoint.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/qlinear-checkpoint.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()

configure_package_config_file(cmake/qlinear-config.cmake.in qlinear-config.cmake
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(qlinear-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/qlinear-cuda.cmake "${CMAKE_CURRENT_BINARY_DIR}/qlinear-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/qlinear-config-version.cmake"
        DESTINATION "${package_dir}")
