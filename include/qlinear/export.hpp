#pragma once

/// Marks what the shared library exports. Everything else is hidden, and so is all of a static
/// library: whoever links it into a library of their own exports nothing of it.
#if defined(QLINEAR_SHARED)
#define QLINEAR_API __attribute__((visibility("default")))
#else
#define QLINEAR_API
#endif
