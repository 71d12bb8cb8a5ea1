// tour: all experiments of the article on one model, as one report in a folder.
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "base/folder.h"
#include "catalogue/describe.h"
#include "embscope/files/archive.h"
#include "embscope/project/projection.h"
#include "embscope/runs/mix.h"
#include "embscope/runs/predict.h"
#include "embscope/runs/trace.h"
#include "embscope/train/toy_text.h"
#include "embscope/train/training_run.h"
#include "embscope/vocabulary/growth.h"
#include "embscope/vocabulary/similarity.h"
#include "figure/grouped.h"

namespace embscope::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr const char* sentence = "The capital of Germany is";

class Tour {
 public:
  Tour(const Transformer& transformer, std::string option, bool quick)
      : quick_(quick),
        model_(transformer.model()),
        transformer_(transformer),
        option_(std::move(option)),
        report_("The life of a word's vector", fmt::format("One experiment for each step, on {}", model_.name())) {}

  void walk(const Progress& progress) {
    struct Step {
      void (Tour::*show)();
      const char* name;
      bool slow = false;
    };
    const Step steps[] = {{&Tour::tokens, "tokens"},
                          {&Tour::two_words, "two words"},
                          {&Tour::matrix, "the matrix"},
                          {&Tour::map, "the map"},
                          {&Tour::all_pairs, "all pairs", true},
                          {&Tour::arithmetic, "arithmetic"},
                          {&Tour::toy, "the toy space"},
                          {&Tour::prediction, "prediction"},
                          {&Tour::experiment, "the experiment"},
                          {&Tour::life, "a vector's life"},
                          {&Tour::learned, "where vectors come from", true},
                          {&Tour::figures_of_the_article, "the figures"}};
    double done = 0;
    for (const Step& step : steps) {
      embscope::report(progress, done++ / std::size(steps), step.name);
      if (!quick_ || !step.slow) (this->*step.show)();
    }
    embscope::report(progress, 1, "done");
  }

  /// Writes report.html and figures/ (an existing folder), with `pictures` also as .svg; false if these cannot be
  /// drawn.
  bool write(const fs::path& folder, bool pictures) const {
    write_file(folder / "report.html", report_.html());
    for (const Figure& figure : figures_) save(figure, folder / "figures" / (figure.name + ".json"));
    return !pictures || save_svgs(figures_, folder / "figures");
  }

  Table figures() const {
    Table table("figures of the report");
    std::vector<std::string> names, titles;
    for (const Figure& one : figures_) names.push_back(one.name), titles.push_back(one.title);
    return std::move(table.add("figure", names).add("title", titles));
  }

 private:
  void tokens() {
    report_.section("From text to tokens to vectors");
    report_.text(
        "A language model never sees letters. A tokenizer splits the text into <em>tokens</em>, pieces that occur "
        "often, and each token has a number. "
        "A leading space is part of the token, so <code>Germany</code> and <code>␣Germany</code> are different tokens "
        "with different numbers.");
    command("tokens \"The capital of Germany is\"");
    const Tokens tokens = model_.tokenizer().encode(sentence);
    std::vector<double> id, first;
    std::vector<std::string> token;
    for (TokenId t : tokens.ids)
      id.push_back(t), token.push_back(model_.tokenizer().label(t)),
          first.push_back(static_cast<double>(model_.embedding(t).values()[0]));
    Table table;
    table.add("token", token).add("id", id, whole).add("first value of its vector", first, 5);
    report_.table(table);
    const Config& c = model_.config();
    report_.text(
        fmt::format("The number selects a row of the <em>embedding matrix</em>, called <code>wte</code>. In this model "
                    "it is <strong>wte: {} × {}</strong>: "
                    "{} tokens, each a vector of {} values. From here on the model works only with these vectors.",
                    grouped(c.vocab), c.width, grouped(c.vocab), c.width));
  }

  void two_words() {
    report_.section("Two words, two vectors");
    report_.text(
        "A vector looks like noise when its values are drawn one after the other. When the values of two vectors are "
        "plotted against each other, a relation becomes visible: the more the cloud is stretched along the diagonal, "
        "the more the vectors have the same direction. One number measures this, the <em>cosine similarity</em>: 1 for "
        "the same direction, 0 for a right angle.");
    const std::vector<std::string> fruit = {" apple", " pear"};
    command("vector \" apple\" \" pear\"");
    figure(figure_vectors(vectors(model_, fruit)));
    const std::vector<std::string> words = {"hello", "world", " hello", " world", " apple", " pear", " spaceship"};
    command("cosine hello world \" hello\" \" world\" \" apple\" \" pear\" \" spaceship\"");
    figure(figure_cosines(cosines(model_, words)));
    hello_ = cosine_of("hello", "world");
    spaced_ = cosine_of(" hello", " world");
    report_.text(
        fmt::format("An apple is nearer to a pear ({:.3f}) than to a spaceship ({:.3f}). And the space matters: the "
                    "cosine of hello and world is {:.3f} without it, {:.3f} with it.",
                    cosine_of(" apple", " pear"), cosine_of(" apple", " spaceship"), hello_, spaced_));
    command("similar \" apple\" -k 12");
    figure(figure_similar(similar(model_, " apple", 12), " apple"));
  }

  void matrix() {
    report_.section("The whole matrix at once");
    const Table stripes = dimensions(model_);
    report_.text(
        "Here is every value of the embedding matrix, tokens from left to right, dimensions from top to bottom. The "
        "horizontal stripes are dimensions in which "
        "all tokens share an offset: the vectors of nearly all words have about the same value there.");
    command("heatmap --save heatmap.html");
    figure(figure_heatmap(heatmap(model_), stripes, model_.config().vocab, model_.config().width, model_.name()));
    figure(figure_dimensions(stripes));
    const double dimension = stripes.column("dimension").numbers()[0], mean = stripes.column("mean").numbers()[0],
                 deviation = stripes.column("deviation").numbers()[0];
    report_.text(
        fmt::format("The strongest stripe is dimension {:.0f}: its mean over all tokens is {:.4f}, {:.1f} times its "
                    "deviation of {:.4f}.",
                    dimension, mean, std::abs(mean) / deviation, deviation));
  }

  void map() {
    report_.section("A map of the first hundred tokens");
    report_.text(
        "Hundreds of dimensions cannot be drawn; t-SNE places the tokens in a plane such that neighbours stay "
        "neighbours. The first hundred tokens of this vocabulary "
        "are special tokens, punctuation, digits and letters, and tokens of the same kind form groups.");
    command("map --tokens 0:100");
    const std::int64_t n = std::min<std::int64_t>(100, model_.config().vocab);
    Tensor rows = Tensor::uninitialised({n, model_.config().width});
    std::vector<std::string> labels;
    for (TokenId id = 0; id < n; ++id) {
      std::ranges::copy(model_.embedding(id).values(), rows.row(id).begin());
      labels.push_back(model_.label(id));
    }
    TsneOptions options;
    options.perplexity = std::min(30.0, static_cast<double>(n - 1) / 3);
    MapStyle look;
    for (const std::string& label : labels) look.kinds.emplace_back(token_kind(label));
    look.colour_title = "kind";
    figure(figure_map(tsne(rows, options), labels, "t-SNE of the first tokens", look));
  }

  void all_pairs() {
    report_.section("Nearly all pairs have a positive cosine");
    report_.text(
        "One might expect the vectors of unrelated words to be at right angles, with as many negative cosines as "
        "positive ones. This is not the case: measured over every pair of tokens, without sampling, the vectors lie in "
        "a cone.");
    command("geometry --show pairs");
    const PairCosines pairs = pair_cosines(model_, 100);
    figure(figure_pairs(pairs.histogram, pairs.mean, pairs.positive_share));
    report_.text(
        fmt::format("Of {} pairs, <strong>{:.3f} %</strong> have a positive cosine; the mean is {:.4f}. A cosine "
                    "of 0.4 therefore says little by itself: compare it with this distribution.",
                    grouped(static_cast<std::int64_t>(pairs.pairs)), 100 * pairs.positive_share, pairs.mean));
  }

  void arithmetic() {
    report_.section("King - man + woman, with all words");
    report_.text(
        "In the well-known example, the vector of king, minus man, plus woman, is near queen. The usual demonstration "
        "excludes the three words of the question from the answer. Here they are included, to show what the sum is "
        "really nearest to.");
    const Tensor king = vector_of(" king"), man = vector_of(" man"), woman = vector_of(" woman");
    Tensor sum = king.clone();
    for (std::size_t d = 0; d < sum.values().size(); ++d) sum.values()[d] += woman.values()[d] - man.values()[d];
    std::vector<std::string> word;
    std::vector<double> to_sum, to_king;
    for (const char* w : {" king", " queen", " woman", " man", " prince", " princess", " monarch"}) {
      word.push_back(visible(w));
      to_sum.push_back(cosine(vector_of(w).values(), sum.values()));
      to_king.push_back(cosine(vector_of(w).values(), king.values()));
    }
    Table table;
    table.add("word", word).add("cosine with king - man + woman", to_sum, 4).add("cosine with king alone", to_king, 4);
    report_.table(table);
    report_.text(fmt::format(
        "Of these words the sum is nearest to {}: its cosine with king itself is {:.3f}, with queen {:.3f}. But queen "
        "is near king from the start ({:.3f}): the arithmetic moves the vector less than it seems to.",
        to_sum[0] > to_sum[1] ? "king, the starting word" : "queen", to_sum[0], to_sum[1], to_king[1]));
  }

  void toy() {
    report_.section("A space that can be drawn");
    report_.text(
        "What it means that a context moves a vector is easier to see in a space with two named dimensions. Animals "
        "are placed by size and friendliness; the context \"the neighbour's hissing cat\" moves the cat's vector to "
        "[.4, .6]: the same size, less friendly. The model does the same in its own dimensions, which have no names.");
    command("toy");
    figure(figure_toy(toy_space()));
    Request request;
    request.rows = {model_.tokenizer().encode("The cat").ids,
                    model_.tokenizer().encode("The neighbour's hissing cat").ids};
    const Site site{Point::resid_post, static_cast<int>(model_.config().blocks) / 2};
    request.capture = {site};
    request.logits = LogitsAt::none;
    const Result run = transformer_.run(request);
    const Tensor &plain = run.rows[0].captured[0], &context = run.rows[1].captured[0];
    report_.text(
        fmt::format("In the real model, <code>␣cat</code> starts in both texts with the same row of <code>wte</code>. "
                    "After block {}, the cosine between its two vectors is {:.3f}: the context has moved it.",
                    site.block, cosine(plain.row(plain.rows() - 1), context.row(context.rows() - 1))));
  }

  void prediction() {
    report_.section("What comes next");
    report_.text(
        "The vectors pass through the blocks. At the end, the vector of the last token is compared with every row of "
        "the unembedding matrix, and the results are converted into probabilities for the next token.");
    command("predict \"The capital of Germany is\"");
    figure(figure_predict(predict(transformer_, sentence, 10), sentence));
    if (quick_) return;
    command("generate \"The capital of Germany is\" -n 24");
    Sampling sampling;
    sampling.tokens = 24;
    report_.text(fmt::format("If it continues with the most likely token each time, the model writes: <em>{}{}</em>",
                             escape_html(sentence), escape_html(generate(transformer_, sentence, sampling))));
  }

  void experiment() {
    report_.section("Turning Germany into France");
    report_.text(
        "Now the vector of <code>␣Germany</code> is replaced step by step by the vector of <code>␣France</code>: p × "
        "Germany + (1 − p) × France. The text does not change, only one vector before the first block.");
    command(
        "mix \"The capital of Germany is\" --replace \" Germany\" --with \" France\" --targets \" Berlin\" \" Paris\"");
    mix_ = mix(transformer_, {sentence, " Germany", {" France"}, {" Berlin", " Paris"}, ""});
    const auto& berlin = mix_.sweep.columns()[1].numbers();
    const auto& paris = mix_.sweep.columns()[2].numbers();
    report_.text(
        fmt::format("At p = 1, Berlin has {:.3f} %, Paris {:.3f} %, and all logits equal those of the unchanged model "
                    "{}. At p = 0, with the vector of France alone, Paris has {:.3f} %, Berlin {:.3f} %. The figure "
                    "shows all mixtures between the two.",
                    100 * berlin.back(), 100 * paris.back(), mix_.untouched_equals_p1 ? "bit for bit" : "only nearly",
                    100 * paris.front(), 100 * berlin.front()));
    figure(figure_mix(mix_.sweep, mix_.crossings, " Germany", " France"));
    report_.table(mix_.sweep);
    if (!mix_.crossings.empty())
      report_.text(
          fmt::format("The answer changes at <strong>p = {:.3f}</strong>. The mixtures are not the vectors of any "
                      "word, and yet the model treats them as something between the two countries.",
                      mix_.crossings[0]));
  }

  void life() {
    report_.section("A vector's path through the blocks");
    report_.text(
        "Follow the last token through the model. In every block its vector changes four times: it is normalised "
        "(<code>ln1</code>), attention adds information from other tokens (<code>attn_out</code>), it is normalised "
        "again (<code>ln2</code>), and the MLP adds information stored in its weights (<code>mlp_out</code>). It "
        "starts "
        "as the vector of its own token and ends pointing at the next.");
    command("trace \"The capital of Germany is\"");
    const TraceResult t = trace(transformer_, {make_prompt(model_.tokenizer(), sentence).tokens.ids});
    figure(figure_trace(t.life, model_.tokenizer().bytes(t.own), model_.tokenizer().bytes(t.predicted)));
    Table tops("");
    tops.add("after block", t.life.column("block").numbers())
        .add("rank of its own token", t.life.column("rank_own").numbers());
    tops.add("rank of the prediction", t.life.column("rank_predicted").numbers())
        .add("points to", t.life.column("top").texts());
    report_.table(tops, 60);
  }

  // A model of its own in a folder that is gone afterwards: the vectors of a toy world as they come to be.
  void learned() {
    report_.section("Where the vectors come from");
    report_.text(
        "Nobody writes these vectors. They begin as random numbers; training shows the model a text, asks for the next "
        "token, and moves every vector a little in the direction that would have made the right answer likelier. Here "
        "a small model learns a toy world, told in short sentences, while this report is made.");
    command_without_model(
        "train --toy --tokens words --layers 2 --heads 4 --width 64 --context 32 --steps 300 "
        "--warmup 30 --snapshot-every 30 --out toy-run");
    TemporaryFolder folder("embscope-tour");
    TrainingRequest request;
    request.out = folder.path() / "run";
    request.text = toy_text();
    request.tokens = "words";
    request.layers = 2, request.heads = 4, request.width = 64, request.context = 32;
    request.steps = 300, request.warmup = 30, request.snapshot = 30;
    const Table log = train(request);
    figure(figure_training(log));
    const std::vector<double>& losses = log.column("loss").numbers();
    report_.text(
        fmt::format("The loss falls from {:.2f} to {:.2f} nats a token. Move the slider, or press Play, and "
                    "watch the rows of the 100 most frequent tokens: words that occur in the same places, "
                    "such as animals, names or numbers, come together.",
                    losses.front(), losses.back()));
    GrowthRequest growth_request;
    growth_request.run = request.out;
    figure(figure_growth_map(growth(growth_request).map));
    report_.text(
        "Two models trained from different random starts end with wholly different values, and yet with related "
        "neighbourhoods: <code>--seeds 1 2</code> shows it.");
  }

  void figures_of_the_article() {
    report_.section("Compared with the article's numbers");
    report_.text("The article measured GPT-2 small. The same measurements on this model:");
    const auto& berlin = mix_.sweep.columns()[1].numbers();
    const auto& paris = mix_.sweep.columns()[2].numbers();
    const std::size_t half = berlin.size() / 2;
    Table table;
    table.add("measurement",
              std::vector<std::string>{"cosine of hello and world", "cosine of ␣hello and ␣world", "Berlin, untouched",
                                       "Paris, untouched", "France in place: Paris / Berlin", "at 50/50, ahead"});
    table.add("GPT-2 small, in the article",
              std::vector<std::string>{"0.30", "0.21", "5.27 %", "0.13 %", "about 20", "Berlin"});
    table.add(model_.name(), std::vector<std::string>{fmt::format("{:.3f}", hello_), fmt::format("{:.3f}", spaced_),
                                                      fmt::format("{:.2f} %", 100 * berlin.back()),
                                                      fmt::format("{:.2f} %", 100 * paris.back()),
                                                      fmt::format("{:.0f}", paris.front() / berlin.front()),
                                                      berlin[half] > paris[half] ? "Berlin" : "Paris"});
    report_.table(table);
  }

  void command_without_model(const std::string& line) { report_.command("embscope " + line); }
  void command(const std::string& line) { report_.command("embscope " + line + option_); }
  void figure(Figure figure) {
    report_.figure(figure);
    figure.name = fmt::format("{:02}-{}", figures_.size() + 1, figure.name);
    figures_.push_back(std::move(figure));
  }
  Tensor vector_of(std::string_view word) const { return model_.embedding(token_named(model_, word).id); }
  double cosine_of(std::string_view a, std::string_view b) const {
    return cosine(vector_of(a).values(), vector_of(b).values());
  }

  bool quick_;
  const Model& model_;
  const Transformer& transformer_;
  std::string option_;
  Report report_;
  std::vector<Figure> figures_;
  MixResult mix_;
  double hello_ = 0, spaced_ = 0;
};

struct Parameters {
  File folder{"embscope-tour"};
  bool quick = false, svg = false;
};

constexpr Part parts[] = {
    {"report", Kind::name, "The page"},
    {"drawn", Kind::flag, "Whether its figures are drawn as .svg too"},
    {"figures", Kind::table, "Columns figure, title: the files in its folder figures"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.folder,
    {.name = "folder", .what = "Folder for the report and its figures (default: embscope-tour)", .option = "--to"});
  f(r.quick,
    {.name = "quick",
     .what = "Leave out the slow parts: the cosines of all pairs of tokens, the text that the model writes, and the "
             "small model that is trained"});
  f(r.svg, {.name = "svg", .what = "Also write the figures as .svg files (takes a few seconds)"});
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path folder = fs::absolute(r.folder.path).lexically_normal();
  const std::string by = on.option();
  Tour tour(on.transformer(), by.empty() ? "" : " -m " + by, r.quick);
  make_folder(folder / "figures");
  expect_writable(folder / "report.html");
  tour.walk(progress);
  const bool drawn = tour.write(folder, r.svg);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string page = (folder / "report.html").string();
  AnalysisResult found;
  found.notes = {fmt::format("The report is {} ({:.1f} s)", page, seconds),
                 fmt::format("Its figures are in {} ({})", (folder / "figures").string(),
                             !r.svg  ? ".json; --svg draws them"
                             : drawn ? ".svg and .json"
                                     : ".json; for .svg, run scripts/setup")};
  found.people = [] { return std::vector<Table>(); };
  found.add("report", page).add("drawn", r.svg && drawn).add("figures", tour.figures());
  return found;
}

}  // namespace

const Analysis& tour_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "tour",
       .what = "Run the article's experiments on one model and write a report",
       .group = Group::start,
       .example = "tour -m smollm2 --to my-tour",
       .local = true},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
