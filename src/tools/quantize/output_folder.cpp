#include "quantize/output_folder.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

namespace qlinear::tools {
namespace {

namespace fs = std::filesystem;

/// `path` or a folder above it is `folder`. Precondition: both are canonical.
bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto end = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end.first == folder.end();
}

bool is_empty_folder(const fs::path& path) { return fs::is_directory(path) && fs::is_empty(path); }

void check_replaceable(const fs::path& path, bool force) {
  if (!force) {
    throw Failure(
        fmt::format("{} exists; give another name, or --force to replace it", path.string()));
  }
  if (!fs::is_directory(path) || !fs::exists(path / "config.json")) {
    throw Failure(
        fmt::format("{} is no checkpoint (a folder with a config.json), so --force does "
                    "not replace it; remove it yourself, or give another name",
                    path.string()));
  }
}

/// Refuses what no folder can be renamed to, before the work is done.
void check_renamable(const fs::path& path) {
  if (fs::is_symlink(fs::symlink_status(path))) {
    throw Failure(fmt::format("{} is a link that leads nowhere; remove it, or give another name",
                              path.string()));
  }
  struct stat itself {
  }, parent{};
  if (stat(path.c_str(), &itself) == 0 && stat(path.parent_path().c_str(), &parent) == 0 &&
      itself.st_dev != parent.st_dev) {
    throw Failure(
        fmt::format("a file system is mounted at {}, which cannot be replaced by a folder; give a "
                    "folder inside it",
                    path.string()));
  }
}

/// A new folder beside `path`, with the permissions that any new folder gets.
fs::path make_temporary(const fs::path& path, const char* kind) {
  std::string name = path.string() + '.' + kind + "-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    throw Failure(fmt::format("no folder can be made in {}: {}", path.parent_path().string(),
                              std::strerror(errno)));
  }
  const mode_t mask = umask(0);
  umask(mask);
  (void)chmod(name.c_str(), 0777 & ~mask);
  return name;
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path, const fs::path& source, bool force)
    : path_(fs::weakly_canonical(fs::absolute(path))) {
  if (path_.filename().empty()) path_ = path_.parent_path();  // It ended with a slash.
  const fs::path from = fs::canonical(source);
  if (lies_in(from, path_) || lies_in(path_, from)) {
    throw Failure(
        fmt::format("the output {} and the model {} hold each other; give a folder elsewhere",
                    path_.string(), from.string()));
  }
  check_renamable(path_);
  if (fs::exists(path_) && !is_empty_folder(path_)) {
    check_replaceable(path_, force);
    replaces_ = true;
  }
  fs::create_directories(path_.parent_path());
  temporary_ = make_temporary(path_, "tmp");
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void OutputFolder::commit() {
  std::error_code error;
  fs::path old;
  if (replaces_) {
    old = make_temporary(path_, "old");
    fs::rename(path_, old, error);
    if (error) {
      const std::string reason = error.message();
      fs::remove(old, error);
      throw Failure(fmt::format("{} cannot be moved out of the way: {}", path_.string(), reason));
    }
  }
  fs::rename(temporary_, path_, error);  // It replaces an empty folder, and none that is not.
  if (error) {
    const std::string reason = error.message();
    if (replaces_) fs::rename(old, path_, error);
    throw Failure(fmt::format("{} cannot be renamed to {}: {}{}{}", temporary_.string(),
                              path_.string(), reason, error ? "; what was there is in " : "",
                              error ? old.string() : ""));
  }
  committed_ = true;
  if (replaces_) fs::remove_all(old, error);
}

}  // namespace qlinear::tools
