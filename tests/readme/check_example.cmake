# Checks that README shows EXAMPLE, which is in LANGUAGE, as it is.

file(READ "${README}" readme)
file(READ "${EXAMPLE}" example)
string(FIND "${readme}" "```${LANGUAGE}\n${example}```" position)
if(position EQUAL -1)
  message(FATAL_ERROR "${README} does not show ${EXAMPLE} as it is: copy it into the code block.")
endif()
