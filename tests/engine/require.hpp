#pragma once

#include <qlinear/status.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace qlinear::engine {

/// What ends a run, with a message for whoever started it.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws the message of a failure.
inline void require(const Status& status) {
  if (!status.ok()) throw Error(std::string(to_string(status.code())) + ": " + status.message());
}

template <class T>
T require(Result<T> result) {
  require(result.status());
  return std::move(result).value();
}

}  // namespace qlinear::engine
