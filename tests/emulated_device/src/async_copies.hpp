#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qlinear::emulated_device {

/// Holds the cp.async copies of one thread that have been issued and not performed. They may be
/// performed at any time until a wait requires it, and this class takes that liberty.
class AsyncCopies {
 public:
  /// Copies `bytes` from `global` to `shared` and zeroes the rest of `size`.
  void issue(unsigned char* shared, const unsigned char* global, unsigned bytes, unsigned size,
             Random& random);

  void commit_group() { ++group_; }

  /// Performs all but the copies of the `pending` latest groups and of the one still open.
  void wait_group(std::uint64_t pending);

  /// Performs all copies, even those that nothing waited for when the thread exits.
  void perform_all();

  bool empty() const { return copies_.empty(); }
  void reset();

 private:
  struct Copy {
    unsigned char* shared;
    const unsigned char* global;
    unsigned bytes;
    unsigned size;
    std::uint64_t group;
  };
  static void perform(const Copy& copy);

  std::vector<Copy> copies_;  ///< They are in no order.
  std::uint64_t group_ = 0;   ///< Counts the committed groups, which numbers the open one.
};

}  // namespace qlinear::emulated_device
