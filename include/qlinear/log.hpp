#pragma once

#include <qlinear/export.hpp>

namespace qlinear {

/// Receives one line, without a line break, for each selection. Any thread that calls `select` may
/// call it, and a call of the previous callback may still run when `set_log_callback` returns. What
/// it throws is dropped.
using LogCallback = void (*)(void* user, const char* line);

/// Replaces the callback; null restores the default, which writes to stderr. Lines are produced
/// only while the environment variable QLINEAR_LOG is true: set, and not 0, off, no or false. One
/// comes without it: what is wrong with the file that QLINEAR_TUNING_TABLE names.
QLINEAR_API void set_log_callback(LogCallback callback, void* user) noexcept;

}  // namespace qlinear
