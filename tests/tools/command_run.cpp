#include "command_run.hpp"

#include "checkpoint/files.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace qlinear::test {
namespace {

void redirect(int to, const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || dup2(file, to) < 0) _exit(126);
}

pid_t start(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            const std::string& out, const std::string& error) {
  std::vector<std::string> words{QLINEAR_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = environment;
  const pid_t process = fork();
  if (process < 0) throw std::runtime_error("fork");
  if (process == 0) {
    redirect(STDOUT_FILENO, out);
    redirect(STDERR_FILENO, error);
    for (std::string& variable : variables) putenv(variable.data());
    execv(QLINEAR_COMMAND, argv.data());
    _exit(127);
  }
  return process;
}

}  // namespace

std::string content_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

CommandRun run_command(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment) {
  const TemporaryFolder folder;
  const std::filesystem::path out = folder.path() / "out";
  const std::filesystem::path error = folder.path() / "error";
  CommandRun run;
  run.exit_status = wait_for(start(arguments, environment, out, error));
  run.out = content_of(out);
  run.error = content_of(error);
  return run;
}

pid_t start_command(const std::vector<std::string>& arguments) {
  return start(arguments, {}, "/dev/null", "/dev/null");
}

int wait_for(pid_t process) {
  int status = 0;
  if (waitpid(process, &status, 0) != process) throw std::runtime_error("waitpid");
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace qlinear::test
