// Pages stay well-formed whatever a title, a word or a cell holds.
#include "figure/page.h"

#include <cmath>
#include <regex>

#include <gmock/gmock.h>

#include "figure/spec.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> hostile = {"</script><script>alert(1)</script>",
                                          "<!-- <script>",
                                          "\"'\"><img src=x onerror=alert(1)>",
                                          "a\nb\tc\r",
                                          "&amp; &lt; & <",
                                          "\\u003c/script>"};

Figure figure_of(const std::string& word) {
  return finish("test", word, word,
                {{"data", {{"values", bj::array{bj::object{{"label", word}}}}}}, {"mark", "point"}});
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// The page as a browser's parser sees it: scripts, styles and the title are text up to their own end tag.
std::vector<std::string> tags(std::string_view html) {
  std::vector<std::string> found;
  for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at)) {
    std::size_t end = at + 1;
    char quote = 0;
    for (; end < html.size() && (quote != 0 || html[end] != '>'); ++end) {
      if (quote != 0 ? html[end] == quote : html[end] == '"' || html[end] == '\'') quote = quote != 0 ? 0 : html[end];
    }
    const std::string_view tag = html.substr(at + 1, end - at - 1), name = tag.substr(0, tag.find_first_of(" \n"));
    // names, and the names of attributes: a quotation mark that escaped would show as a new one
    std::string shape(name);
    const std::string inside(tag);
    static const std::regex attribute("([a-z-]+)=\"");
    for (std::sregex_iterator a(inside.begin(), inside.end(), attribute), none; a != none; ++a)
      shape += " " + (*a)[1].str();
    found.push_back(shape);
    at = end;
    if (name == "script" || name == "style" || name == "title") at = html.find("</" + std::string(name) + ">", end);
  }
  return found;
}

TEST(EscapeHtml, makes_five_characters_harmless_and_leaves_the_rest) {
  EXPECT_EQ(escape_html("<a href=\"x\" id='y'>&</a>"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
  EXPECT_EQ(escape_html("Größe, 猫, \n"), "Größe, 猫, \n");
  EXPECT_EQ(escape_html("&amp;"), "&amp;amp;");
}

TEST(ScriptSafe, leaves_no_tag_and_the_same_json) {
  for (const std::string& word : hostile) {
    const std::string json = bj::serialize(bj::value(word)), safe = script_safe(json);
    EXPECT_EQ(safe.find('<'), std::string::npos) << safe;
    EXPECT_EQ(bj::parse(safe), bj::parse(json));
  }
}

TEST(Page, has_the_same_tags_whatever_the_words_are) {
  const auto expected = tags(page_of(figure_of("apple")));
  EXPECT_EQ(std::count(expected.begin(), expected.end(), "script"), 4);  // Vega, Vega-Lite, Vega-Embed and the drawing
  for (const std::string& word : hostile) {
    const std::string page = page_of(figure_of(word));
    EXPECT_EQ(tags(page), expected) << word;
    EXPECT_EQ(count(page, "</script"), count(page_of(figure_of("apple")), "</script")) << word;
  }
}

TEST(Page, is_utf_8_even_where_the_words_are_not) {
  for (const char* word : {"\xff\xfe", "cut off \xe2\x82", "\x80"}) {
    boost::system::error_code error;
    bj::parse(bj::serialize(bj::value(page_of(figure_of(word)))), error);  // reads UTF-8 only
    EXPECT_FALSE(error) << error.message();
  }
}

TEST(Page, opens_without_a_network) {
  const std::string page = page_of(figure_of("apple"));
  EXPECT_GT(page.size(), 500000u);  // Vega's scripts are in it
  for (const char* outside : {"<script src", "<link", "@import", "url(http"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  EXPECT_THAT(page, ::testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("<meta charset=\"utf-8\">"));
}

TEST(Page, holds_the_specification_itself) {
  const Figure figure = figure_of("apple </b>");
  EXPECT_THAT(page_of(figure), HasSubstr("drawn('figure', " + script_safe(figure.spec)));
}

TEST(Page, its_drawing_is_json_that_reads_back) {
  for (const std::string& word : hostile) {
    const Figure figure = figure_of(word);
    const std::string page = page_of(figure), start = "drawn('figure', ";
    const std::size_t at = page.find(start) + start.size();
    bj::stream_parser parser;
    const std::size_t used = parser.write_some(std::string_view(page).substr(at));
    ASSERT_TRUE(parser.done());
    EXPECT_GT(used, 0u);
    EXPECT_EQ(parser.release(), bj::parse(figure.spec));
  }
}

Report report_of(const std::string& word) {
  Report report(word, word);
  report.section(word);
  report.text("<b>markup</b> of the caller");
  report.command(word);
  Table table(word);
  table.add(word, std::vector<std::string>{word, word}).add("number", {1, 0.5});
  report.table(table);
  report.figure(figure_of(word));
  return report;
}

TEST(ReportPage, has_the_same_tags_whatever_the_words_are) {
  const auto expected = tags(report_of("apple").html());
  for (const std::string& word : hostile) {
    EXPECT_EQ(tags(report_of(word).html()), expected) << word;
    EXPECT_THAT(report_of(word).html(), HasSubstr("<b>markup</b>"));
  }
}

TEST(ReportPage, numbers_its_sections_and_lists_them) {
  Report report("r", "s");
  report.section("One");
  report.section("Two & three");
  const std::string html = report.html();
  EXPECT_THAT(html, HasSubstr("<h2 id=\"s1\">1. One</h2>"));
  EXPECT_THAT(html, HasSubstr("<h2 id=\"s2\">2. Two &amp; three</h2>"));
  EXPECT_THAT(html, HasSubstr("<a href=\"#s2\">Two &amp; three</a>"));
}

TEST(ReportPage, each_figure_has_its_own_place) {
  Report report("r", "s");
  report.figure(figure_of("one"));
  report.figure(figure_of("two"));
  const std::string html = report.html();
  for (const char* id : {"figure1", "figure2"}) {
    EXPECT_EQ(count(html, std::string("<div id=\"") + id + "\">"), 1u);
    EXPECT_EQ(count(html, std::string("drawn('") + id + "'"), 1u);
  }
  EXPECT_EQ(count(html, "<script>"), count(page_of(figure_of("one")), "<script>"));  // Vega is there once
}

TEST(ReportPage, cells_are_numbers_as_people_write_them) {
  Report report("r", "s");
  Table table("t");
  table.add("whole", {3, -4}).add("real", {0.5, 1e-9}).add("fixed", {2.0 / 3, 7}, 2).add("none", {NAN, 1.5});
  report.table(table);
  const std::string html = report.html();
  for (const char* cell : {">3<", ">-4<", ">0.50000<", ">0.67<", ">7.00<", "<td></td>", ">1.50000<"})
    EXPECT_THAT(html, HasSubstr(cell));
}

TEST(ReportPage, a_long_table_says_what_it_leaves_out) {
  Report report("r", "s");
  Table table("t");
  table.add("n", std::vector<double>{1, 2, 3, 4, 5});
  report.table(table, 3);
  EXPECT_EQ(count(report.html(), "<td class=\"number\">"), 3u);
  EXPECT_THAT(report.html(), HasSubstr("3 of 5 rows"));
  Report whole("r", "s");
  whole.table(table, 5);
  EXPECT_THAT(whole.html(), Not(HasSubstr("5 of 5")));
}

TEST(Report, folds_long_tables_and_shows_short_ones) {
  const auto html = [](std::size_t rows) {
    Report report("title", "subtitle");
    Table table;
    table.add("number", std::vector<double>(rows, 1));
    report.table(table);
    return report.html();
  };
  EXPECT_THAT(html(12), Not(HasSubstr("<details>")));
  EXPECT_THAT(html(13), HasSubstr("<details><summary>The table, 13 rows</summary>"));
  EXPECT_EQ(count(html(40), "</details>"), 1u);
}

TEST(Report, has_no_white_card_in_the_dark_and_figures_that_shrink_with_the_page) {
  const std::string page = Report("title", "subtitle").html();
  EXPECT_THAT(page, HasSubstr("figure svg.marks { max-width: 100%; height: auto; }"));
  EXPECT_THAT(page, HasSubstr("figure svg.marks { background: transparent !important; }"));
  EXPECT_THAT(page, Not(HasSubstr("background: #fff;")));
}

}  // namespace
}  // namespace embscope
