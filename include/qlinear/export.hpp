#pragma once

/// Marks what the shared library exports; it hides everything else. A static library hides all of
/// it: a library that links it exports nothing of qlinear.
#if defined(QLINEAR_SHARED)
#define QLINEAR_API __attribute__((visibility("default")))
#else
#define QLINEAR_API
#endif
