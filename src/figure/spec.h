// Helpers for writing Vega-Lite specifications.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "embscope/figure/figure.h"

namespace embscope {

namespace bj = boost::json;

/// Colours that colour-blind readers can distinguish (Okabe & Ito 2008).
inline constexpr std::string_view palette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                               "#E69F00", "#56B4E9", "#000000"};

/// Rows of a table as Vega-Lite data: not-a-number becomes null.
bj::array rows_of(const Table& table);

/// {"field":..., "type": "quantitative" or "nominal", "title":...}
bj::object number_field(std::string_view field, std::string_view title);
bj::object text_field(std::string_view field, std::string_view title);

/// A colour scale, "linear", "sqrt" or "log": white at the first value of the domain, blue at the second, dark blue at
/// the third (raster.h sequential); values beyond keep the colour of the end.
bj::object sequential_scale(std::string_view type, const double (&domain)[3]);

/// RFC 4648.
std::string base64(const std::vector<std::uint8_t>& bytes);

/// A specification as a Figure: the schema, the style and the title are added only here.
Figure finish(std::string name, std::string title, const std::string& subtitle, bj::object body);

}  // namespace embscope
