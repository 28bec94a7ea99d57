#pragma once

#include <qlinear/log.hpp>

#include <string>

namespace qlinear::detail {

/// Whether QLINEAR_LOG asks for log lines: anything but 0, off, no, false and nothing does.
bool log_enabled() noexcept;

void log_line(const std::string& line) noexcept;

}  // namespace qlinear::detail
