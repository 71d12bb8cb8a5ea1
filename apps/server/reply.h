// Reply: a JSON object written member by member; tables and figures are inserted as the engine's text, without parsing
// it.
// Thread rule: a value.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http.h"

#include "embscope/figure/figure.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope::server {

Answer json_answer(std::string json);
Answer binary_answer(std::string_view bytes);

class Reply {
 public:
  Reply& add(std::string_view name, const bj::value& value);
  Reply& add(std::string_view name, const Table& table);
  Reply& add(std::string_view name, const Figure& figure);
  Reply& add(std::string_view name,
             std::span<const float> values);  ///< the fewest digits that give the same float again
  Reply& add(std::string_view name, std::span<const double> values);
  Reply& add_rows(std::string_view name, const Tensor& rows);  ///< [N, ...] as nested lists of all its axes
  Reply& add_json(std::string_view name, std::string_view json);
  std::string text() const { return out_ + "}"; }
  Answer answer() const { return json_answer(text()); }

 private:
  void open(std::string_view name);
  std::string out_ = "{";
};

/// {"id", "label"}
bj::object token_value(const Model& model, TokenId id);
bj::array labels_of(const Model& model, std::span<const TokenId> ids);
bj::value cost_value(const Cost& cost);
bj::value value_or_null(std::optional<double> value);

std::string hex_of(std::string_view bytes);  ///< two digits each

/// Answers that never change while the model is open: with an ETag, and 304 for a client that has the answer.
Answer cached_answer(const Call& call, std::string_view key, const std::function<std::string()>& body);

/// Throws if the answer would take more memory than a request may use.
void require_memory(double bytes, std::string_view what, double most = 512.0 * (1 << 20));

}  // namespace embscope::server
