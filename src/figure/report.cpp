#include <cmath>

#include <fmt/format.h>

#include "embscope/text/utf8.h"
#include "figure/page.h"

extern "C" {
extern const char embscope_vega_begin[], embscope_vega_end[];
extern const char embscope_vega_lite_begin[], embscope_vega_lite_end[];
extern const char embscope_vega_embed_begin[], embscope_vega_embed_end[];
}

namespace embscope {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1d2530; --soft: #5b6675; --paper: #ffffff; --line: #e3e7ed; --code: #f4f6f9; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3adba; --paper: #14181e; --line: #2b323c; --code: #1d232b; --accent: #6db3ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 6rem; }
h1 { font-size: 2.2rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.45rem; margin: 3.2rem 0 .6rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
p { max-width: 44rem; }
.subtitle { color: var(--soft); margin-top: 0; }
nav ol { columns: 2; column-gap: 2.5rem; max-width: 48rem; padding-left: 1.5rem; } nav a { color: var(--accent); text-decoration: none; }
pre { background: var(--code); border-left: 3px solid var(--accent); padding: .6rem .9rem; white-space: pre-wrap; font: 14px/1.5 ui-monospace, monospace; }
pre::before { content: "$ "; color: var(--soft); }
code { font-family: ui-monospace, monospace; font-size: .92em; background: var(--code); padding: .1em .3em; border-radius: 3px; }
figure { margin: 1.4rem 0; border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
figure .vega-embed { display: block; } figure svg.marks { max-width: 100%; height: auto; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: 14.5px; margin: 1rem 0; }
th { text-align: left; color: var(--soft); font-weight: 500; } th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
:is(th, td):last-child { padding-right: 0; }
button.play { font: inherit; font-size: 14.5px; color: var(--paper); background: var(--accent); border: 0; border-radius: 6px; padding: .35rem 1rem; margin: .4rem .9rem .4rem 0; cursor: pointer; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--accent); font-size: 14.5px; }
@media (prefers-color-scheme: dark) {
  figure svg.marks { background: transparent !important; }
  figure svg.marks, figure .vega-embed summary, figure .vega-embed .vega-actions { filter: invert(1) hue-rotate(180deg); }
}
@media (max-width: 40rem) { nav ol { columns: 1; } h1 { font-size: 1.7rem; } figure { padding: .3rem; margin-inline: -.9rem; } }
)";

constexpr std::size_t unfolded_rows = 12;  // of a table; longer ones open on demand

std::string script(const char* begin, const char* end) { return "<script>" + std::string(begin, end) + "</script>\n"; }

std::string scripts() {
  return script(embscope_vega_begin, embscope_vega_end) + script(embscope_vega_lite_begin, embscope_vega_lite_end) +
         script(embscope_vega_embed_begin, embscope_vega_embed_end);
}

// A button for figures that can be played (usermeta.animate: a signal that goes from 0 to `last`): smoothly, or in
// whole steps if the reader prefers reduced motion. It never starts automatically.
constexpr std::string_view player = R"(
function playButton(at, view, { signal, last }) {
  const button = document.createElement('button'), still = matchMedia('(prefers-reduced-motion: reduce)');
  let playing = false, value = last, before = 0;
  const label = () => { button.textContent = playing ? 'Pause' : 'Play'; };
  const show = () => view.signal(signal, Math.round(50 * value) / 50).run();  // the slider's own steps
  const stop = () => { playing = false; label(); };
  const smooth = now => {
    if (!playing) return;
    value = Math.min(last, value + Math.min(100, now - before) / 900), before = now, show();
    value < last ? requestAnimationFrame(smooth) : stop();
  };
  const stepwise = () => {
    if (!playing) return;
    value = Math.min(last, Math.floor(value) + 1), show();
    value < last ? setTimeout(stepwise, 1200) : stop();
  };
  button.type = 'button', button.className = 'play', label();
  button.onclick = () => {
    if (playing) return stop();
    playing = true, label(), value = view.signal(signal);
    if (value >= last) value = 0, show();
    if (still.matches) return setTimeout(stepwise, 1200);
    requestAnimationFrame(now => { before = now, smooth(now); });
  };
  document.getElementById(at).before(button);
}
)";

// For a narrow screen: plots below each other and no wider than it, titles in several lines, letters of their own size.
constexpr std::string_view narrower = R"(
function fitted(spec, room) {
  const lines = (text, most) => [text].flat().flatMap(line => {
    const whole = [''];
    for (const word of line.split(' ')) {
      if (whole.at(-1) && whole.at(-1).length + word.length >= most) whole.push('');
      whole.push((whole.pop() + ' ' + word).trim());
    }
    return whole;
  });
  const { hconcat, title, ...one } = spec;
  const said = typeof title === 'string' ? { text: title } : title;
  if (said) one.title = { ...said, text: lines(said.text, room / 7.5) };
  if (said?.subtitle) one.title.subtitle = lines(said.subtitle, room / 6);
  if (typeof spec.width === 'number') one.width = Math.min(spec.width, room - 90);
  if (spec.mark?.width > room - 90) one.mark = { ...spec.mark, width: room - 90 };
  if (hconcat) one.vconcat = hconcat;
  for (const parts of ['vconcat', 'layer']) if (one[parts]) one[parts] = one[parts].map(part => fitted(part, room));
  return one;
}
function drawn(at, spec) {
  const place = document.getElementById(at);
  const shown = place.clientWidth < 480 ? fitted(spec, place.clientWidth) : spec;
  return vegaEmbed(place, shown, { renderer: 'svg', actions: { export: true, source: true, compiled: false, editor: false } });
}
)";

bool is_played(const Figure& figure) { return figure.spec.find("\"usermeta\":{\"animate\":") != std::string::npos; }

// An image for screen readers, unless it contains a button.
std::string place_of(const Figure& figure, std::string_view id) {
  return fmt::format("<figure role=\"{}\" aria-label=\"{}\"><div id=\"{}\"></div></figure>\n",
                     is_played(figure) ? "group" : "img", escape_html(figure.title), id);
}

std::string document(std::string_view title, std::string_view body, std::string_view drawing) {
  return well_formed(fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n{}<script>{}{}{}</script>\n</body>\n</"
      "html>\n",
      escape_html(title), style, body, scripts(), narrower, player, drawing));
}

std::string drawing_of(const Figure& figure, const std::string& id) {
  const std::string then =
      is_played(figure) ? fmt::format(".then(r => playButton('{}', r.view, r.spec.usermeta.animate))", id) : "";
  return fmt::format("drawn('{}', {}){}.catch(e => {{ document.getElementById('{}').textContent = String(e); }});\n",
                     id, script_safe(figure.spec), then, id);
}

std::string cell(const Column& column, std::size_t row) {
  if (!column.is_number()) return fmt::format("<td>{}</td>", escape_html(column.texts()[row]));
  const double x = column.numbers()[row];
  if (x != x) return "<td></td>";
  const bool whole = column.decimals < 0 && x == std::trunc(x);
  return fmt::format("<td class=\"number\">{:.{}f}</td>", x, whole ? 0 : column.decimals < 0 ? 5 : column.decimals);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string script_safe(std::string_view json) {
  std::string out;
  for (char c : json) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

std::string page_of(const Figure& figure) {
  return document(figure.title, place_of(figure, "figure"), drawing_of(figure, "figure"));
}

Report::Report(std::string title, std::string subtitle) : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void Report::section(std::string_view heading) {
  ++sections_;
  body_ += fmt::format("<h2 id=\"s{}\">{}. {}</h2>\n", sections_, sections_, escape_html(heading));
  contents_ += fmt::format("<li><a href=\"#s{}\">{}</a></li>\n", sections_, escape_html(heading));
}

void Report::text(std::string_view html) { body_ += fmt::format("<p>{}</p>\n", html); }

void Report::command(std::string_view line) { body_ += fmt::format("<pre>{}</pre>\n", escape_html(line)); }

void Report::table(const Table& table, std::size_t most_rows) {
  const std::size_t shown = std::min(most_rows, table.rows());
  const bool folded = shown > unfolded_rows;
  if (folded) body_ += fmt::format("<details><summary>The table, {} rows</summary>\n", shown);
  body_ += "<div class=\"table\"><table><thead><tr>";
  for (const Column& column : table.columns()) body_ += fmt::format("<th>{}</th>", escape_html(column.name));
  body_ += "</tr></thead><tbody>\n";
  for (std::size_t r = 0; r < shown; ++r) {
    body_ += "<tr>";
    for (const Column& column : table.columns()) body_ += cell(column, r);
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
  if (folded) body_ += "</details>\n";
  if (table.rows() > most_rows)
    body_ += fmt::format("<p class=\"subtitle\">{} of {} rows.</p>\n", most_rows, table.rows());
}

void Report::figure(const Figure& figure) {
  const std::string id = fmt::format("figure{}", ++figures_);
  body_ += place_of(figure, id);
  scripts_ += drawing_of(figure, id);
}

std::string Report::html() const {
  const std::string head =
      fmt::format("<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n<nav aria-label=\"Contents\"><ol>\n{}</ol></nav>\n",
                  escape_html(title_), escape_html(subtitle_), contents_);
  return document(title_, head + body_, scripts_);
}

}  // namespace embscope
