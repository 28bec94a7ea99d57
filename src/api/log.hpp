#pragma once

#include <qlinear/log.hpp>

#include <string>

namespace qlinear::detail {

/// Returns whether QLINEAR_LOG asks for log lines: it does unless it is unset, empty, 0, off, no or
/// false.
bool log_enabled() noexcept;

void log_line(const std::string& line) noexcept;

}  // namespace qlinear::detail
