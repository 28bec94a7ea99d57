# Checks the mangled names that the shared LIBRARY exports, as NM lists them: each must match ALLOW,
# none FORBID.

execute_process(
  COMMAND "${NM}" --dynamic --defined-only --format=posix "${LIBRARY}"
  OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" lines "${listing}")
if(NOT lines)
  message(FATAL_ERROR "${LIBRARY} exports nothing")
endif()
foreach(line IN LISTS lines)
  string(REGEX REPLACE " .*" "" symbol "${line}")
  if((ALLOW AND NOT symbol MATCHES "${ALLOW}") OR (FORBID AND symbol MATCHES "${FORBID}"))
    message(SEND_ERROR "${LIBRARY} exports ${symbol}")
  endif()
endforeach()
