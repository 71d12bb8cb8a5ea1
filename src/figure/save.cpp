#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embscope/files/archive.h"
#include "figure/page.h"
#include "figure/spec.h"

extern char** environ;

namespace embscope {
namespace fs = std::filesystem;
namespace {

// Draws each {"spec", "to"} of the file named on its command line, by the extension of "to".
constexpr const char* converter = R"(
import json, os, sys
import vl_convert as vlc
version = vlc.get_vegalite_versions()[-1]
for job in json.load(open(sys.argv[1])):
    spec, to = job["spec"], job["to"]
    if to.endswith(".svg"):
        data = vlc.vegalite_to_svg(spec, vl_version=version).encode()
    else:
        data = vlc.vegalite_to_png(spec, vl_version=version, scale=2)
    temporary = "%s.tmp-%d" % (to, os.getpid())
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, to)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        sys.exit("%s: %s" % (to, error.strerror))
)";

/// The Python that has vl_convert, or nothing.
fs::path converter_python() {
  const char* named = std::getenv("EMBSCOPE_VL_CONVERT");
  const fs::path python = named != nullptr ? fs::path(named) : cache_folder() / "tools/vl-convert/bin/python";
  std::error_code error;
  return fs::exists(python, error) ? python : fs::path();
}

// A file of jobs that is removed at the end.
struct Jobs {
  explicit Jobs(const std::string& text)
      : path(fs::temp_directory_path() /
             fmt::format("embscope-{}-{}.json", getpid(), reinterpret_cast<std::uintptr_t>(this))) {
    write_file(path, text);
  }
  ~Jobs() {
    std::error_code ignored;
    fs::remove(path, ignored);
    fs::remove(log(), ignored);
  }
  fs::path log() const { return path.string() + ".log"; }
  fs::path path;
};

std::string last_line(const fs::path& log) {
  std::string text;
  if (FILE* file = std::fopen(log.c_str(), "r")) {
    char buffer[4096];
    while (std::fgets(buffer, sizeof(buffer), file) != nullptr) {
      if (buffer[0] != '\n') text = buffer;
    }
    std::fclose(file);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void convert(const fs::path& python, const bj::array& list) {
  const Jobs jobs(bj::serialize(list));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, jobs.log().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const std::string program = python.string(), file = jobs.path.string();
  const char* arguments[] = {program.c_str(), "-c", converter, file.c_str(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error(Code::io, program, fmt::format("cannot start: {}", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (status != 0) throw Error(Code::io, "vl-convert", last_line(jobs.log()));
}

bj::object job(const Figure& figure, const fs::path& to) {
  boost::system::error_code error;
  bj::value spec = bj::parse(figure.spec, error);
  if (error) throw Error(Code::format, figure.name, "the specification is not JSON: " + error.message());
  return {{"spec", std::move(spec)}, {"to", to.string()}};
}

void check_kind(const fs::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".html" || extension == ".json") return;
  if (extension != ".svg" && extension != ".png")
    throw Error(Code::usage, path.string(), "save figures as .html, .svg, .png or .json");
  if (converter_python().empty())
    throw Error(Code::unsupported, path.string(),
                "drawing .svg and .png needs vl-convert: scripts/setup installs it, with a wheel use pip install "
                "vl-convert-python; .html and .json need nothing");
}

}  // namespace

void expect_figure(const fs::path& path) {
  check_kind(path);
  expect_writable(path);
}

void save(const Figure& figure, const fs::path& path) {
  check_kind(path);
  if (path.extension() == ".json") return write_file(path, figure.spec + "\n");
  if (path.extension() == ".html") return write_file(path, page_of(figure));
  expect_writable(path);  // the converter takes a while to start
  convert(converter_python(), {job(figure, path)});
}

bool save_svgs(std::span<const Figure> figures, const fs::path& folder) {
  const fs::path python = converter_python();
  if (python.empty()) return false;
  bj::array list;
  for (const Figure& figure : figures) list.push_back(job(figure, folder / (figure.name + ".svg")));
  convert(python, list);
  return true;
}

}  // namespace embscope
