# Checks the mangled names that the shared LIBRARY exports, as NM lists them: each must match ALLOW,
# none FORBID, and those without C++ mangling must be the functions that C_HEADER declares, if given.

execute_process(
  COMMAND "${NM}" --dynamic --defined-only --format=posix "${LIBRARY}"
  OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" lines "${listing}")
if(NOT lines)
  message(FATAL_ERROR "${LIBRARY} exports nothing")
endif()
set(c_functions "")
foreach(line IN LISTS lines)
  string(REGEX REPLACE " .*" "" symbol "${line}")
  if((ALLOW AND NOT symbol MATCHES "${ALLOW}") OR (FORBID AND symbol MATCHES "${FORBID}"))
    message(SEND_ERROR "${LIBRARY} exports ${symbol}")
  endif()
  if(NOT symbol MATCHES "^_Z")
    list(APPEND c_functions "${symbol}")
  endif()
endforeach()

if(C_HEADER)
  file(READ "${C_HEADER}" header)
  string(REGEX MATCHALL "QLINEAR_API [^;(]*\\(" declarations "${header}")
  list(TRANSFORM declarations REPLACE ".*[ *](qlinear_[a-z0-9_]+)\\($" "\\1")
  list(SORT declarations)
  list(SORT c_functions)
  if(NOT declarations STREQUAL c_functions OR NOT declarations)
    message(SEND_ERROR "${C_HEADER} declares ${declarations}, and ${LIBRARY} exports ${c_functions}")
  endif()
endif()
