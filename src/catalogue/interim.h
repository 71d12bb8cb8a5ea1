#pragma once
#include "embscope/edit.h"
namespace embscope {
enum class Files { refused, allowed };
struct Reading { Files files = Files::refused; };
inline std::vector<Edit> parse_edit(std::string_view t, const Transformer& a, const Prompt& p, const Reading&) { return parse_edit(t, a, p); }
inline std::vector<Edit> parse_edits_json(std::string_view t, const Transformer& a, const Prompt& p, const Reading&) { return parse_edits_json(t, a, p); }
inline std::vector<float> parse_vector(std::string_view t, const Transformer& a, const Reading&) { return parse_vector(t, a); }
inline WordToken token_named(const Model& m, std::string_view t) { if (t.size() > 1 && t[0] == '#') { WordToken w; w.id = std::stoi(std::string(t.substr(1))); return w; } return word_token(m.tokenizer(), t); }
}
