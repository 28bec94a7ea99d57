#pragma once

// Marks what the shared library qlinear_checkpoint exports.
#ifdef QLINEAR_SHARED
#define QLINEAR_CHECKPOINT_API __attribute__((visibility("default")))
#else
#define QLINEAR_CHECKPOINT_API
#endif
