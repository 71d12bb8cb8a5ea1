// Renders a template (jinja_parser.h) as transformers does: an immutable sandbox, with its raise_exception and
// strftime_now. A template comes from a file: its work, its output and the depth of its calls are bounded, and it
// reaches nothing outside.
#pragma once

#include <map>
#include <string>

#include "text/jinja_parser.h"

namespace embscope::jinja {

/// Throws Error{format, unsupported} with the line, Error{usage} for what the template itself refuses
/// (raise_exception).
std::string render(const Node& whole, std::map<std::string, Value, std::less<>> names);

}  // namespace embscope::jinja
