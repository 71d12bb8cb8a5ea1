// Expression: a vector written as text: " king" - " man" + " woman" (grammar: edit.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/model/named_token.h"
#include "forward/by_site.h"
#include "forward/cursor.h"

namespace embscope {

/// What other texts have at some sites, each text run once.
class OtherRuns {
 public:
  OtherRuns(const Transformer& transformer, std::vector<Site> sites)
      : transformer_(transformer), sites_(std::move(sites)) {}
  struct Run {
    Prompt prompt;
    BySite values;
  };
  const Run& of(const std::string& text);
  /// The values of one position at a site among those given; its axes flattened.
  std::vector<float> at(const std::string& text, const Site& site, int position);

 private:
  const Transformer& transformer_;
  std::vector<Site> sites_;
  std::map<std::string, Run> runs_;
};

/// Where an expression is evaluated.
struct Place {
  const Transformer& transformer;
  OtherRuns& others;
  Site site;
  int position = 0;
};

class Expression {
 public:
  virtual ~Expression() = default;
  virtual std::vector<float> at(const Place& place) const = 0;  ///< one value, or a vector
  virtual bool varies() const { return false; }                 ///< with the position
  /// The tokens that are named in it, checked: an expression whose tokens are not all there is refused before it is
  /// used.
  virtual void name_tokens(const Model& model, std::vector<NamedToken>& tokens) const = 0;
};

/// Reads a sum of terms; stops where it ends. Throws FilesRefused for a file(...) that is refused.
std::unique_ptr<const Expression> read_expression(Cursor& cursor, Files files);

/// A position of a text: a number, or an occurrence of a word in quotes or of a token.
struct PositionName {
  int number = 0;             ///< the position; of a word or token, which occurrence, 0 where none is named
  std::string word;           ///< not empty: by word
  std::optional<TokenId> id;  ///< by token
  int in(const Prompt& prompt) const;
};
PositionName read_position(Cursor& cursor);

}  // namespace embscope
