#pragma once

#include <qlinear/log.hpp>

#include <string>

namespace qlinear::detail {

/// Whether QLINEAR_LOG asks for log lines.
bool log_enabled() noexcept;

void log_line(const std::string& line) noexcept;

}  // namespace qlinear::detail
