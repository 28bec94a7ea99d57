#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace qlinear::test {

/// What a run of the command left.
struct CommandRun {
  int exit_status = 0;  ///< Of a run that a signal ended its negative number.
  std::string out;
  std::string error;
};

/// Runs `qlinear` with `arguments`; `environment` holds "NAME=value" for it.
CommandRun run_command(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment = {});

/// The bytes of a file; none where there is no file.
std::string content_of(const std::filesystem::path& path);

/// Starts it without waiting; its output is dropped.
pid_t start_command(const std::vector<std::string>& arguments);

/// Waits for it, and returns what `CommandRun::exit_status` holds.
int wait_for(pid_t process);

}  // namespace qlinear::test
