// A text of thirteen tokens, and runs of it by a model of tests/data/reference.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "embscope/forward/transformer.h"

namespace embscope {

class ReferenceRun : public ::testing::TestWithParam<const char*> {
 protected:
  const std::vector<TokenId> text = {5, 17, 3, 3, 88, 41, 0, 12, 96, 7, 29, 64, 50};
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};
  const Config& config() const { return transformer_.config(); }

  Result run(std::vector<Site> capture = {}) const {
    Request request;
    request.rows = {text};
    request.capture = std::move(capture);
    request.logits = LogitsAt::all;
    return transformer_.run(request);
  }
};

}  // namespace embscope
