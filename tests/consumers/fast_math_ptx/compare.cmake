# Each file of HOSTILE holds what its counterpart in STRICT does, and nothing that flushes to zero, but
# for the reciprocal that starts a division which rounds right (kernels/ptx/rcp.cuh).

# The text of a file without the numbers that nvcc gives to its anonymous namespace.
function(read_ptx file result)
  file(READ "${file}" text)
  string(REGEX REPLACE "_GLOBAL__N__[0-9a-f]+_[0-9]+_[a-z0-9_]+_cu_[0-9a-f]+_[0-9]+" "" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

foreach(strict_file hostile_file IN ZIP_LISTS STRICT HOSTILE)
  read_ptx("${strict_file}" strict)
  read_ptx("${hostile_file}" hostile)
  string(REPLACE "rcp.approx.ftz.f32" "" others "${hostile}")
  string(REGEX MATCHALL "\\.ftz|\\.approx" relaxed "${others}")
  list(LENGTH relaxed count)
  if(count OR NOT strict STREQUAL hostile)
    message(SEND_ERROR "${hostile_file} has ${count} relaxed instructions, or others than without")
  endif()
endforeach()
