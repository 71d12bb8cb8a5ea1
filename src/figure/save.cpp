#include <fstream>

#include <fmt/format.h>

#include "base/system.h"
#include "embscope/files/archive.h"
#include "figure/page.h"
#include "figure/spec.h"

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
  const fs::path tool = cache_folder() / "tools/vl-convert";
  std::vector<fs::path> places{tool / "bin/python", tool / "Scripts/python.exe"};
  if (const auto named = variable("EMBSCOPE_VL_CONVERT")) places = {*named};
  for (const fs::path& python : places) {
    std::error_code error;
    if (fs::exists(python, error)) return python;
  }
  return {};
}

// A file of jobs that is removed at the end.
struct Jobs {
  explicit Jobs(const std::string& text)
      : path(temporary_files() /
             fmt::format("embscope-{}-{}.json", process_id(), reinterpret_cast<std::uintptr_t>(this))) {
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
  std::ifstream lines(log);
  std::string text;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) text = line;
  return text;
}

void convert(const fs::path& python, const bj::array& list) {
  const Jobs jobs(bj::serialize(list));
  const std::vector<std::string> arguments{"-c", converter, jobs.path.string()};
  const int status = run_program(python, arguments, jobs.log());
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
